"""Writes the public functions of element-wise operators: see `calls`."""

from __future__ import annotations

from typing import Any

from .calls import Source, apply_lines, conditions, fall_back, header, record_lines, run_body


def write_elementwise(op: Any, insists: frozenset[int] = frozenset()) -> str:
    """The function of an element-wise operator, which takes numbers wherever it does not insist on a
    tensor.
    """
    src = Source()
    header(op, src, op.accepts_out)
    src.add(1, f"if {conditions(op, op.accepts_out)}:")
    _elementwise_lines(op, src, insists=insists)
    fall_back(op, src, op.accepts_out, "insist" if insists else "slow")
    if op.has_rules:
        apply_lines(op, src)
    return src.text()


def write_insisting(op: Any) -> str:
    """The function that users call: it wants tensors where PyTorch does."""
    return write_elementwise(op, op.insists)


def write_dunder(op: Any) -> str:
    """The same for Python's operator, `__add__`: two operands and nothing else to look at."""
    src = Source()
    x, y = op.signature.names[:2]
    src.add(0, f"def written({x}, {y}):")
    src.add(1, *(f"{n} = defaults[{i}]" for i, n in enumerate(op.signature.names) if i > 1))
    src.add(1, "if not interceptors:")
    _elementwise_lines(op, src, options=False)
    src.add(1, f"return other_operand({x}, {y})")
    if op.has_rules:
        apply_lines(op, src)
    return src.text()


def _elementwise_lines(
    op: Any, src: Source, options: bool = True, insists: frozenset[int] = frozenset()
) -> None:
    """The quick path: tensors of one type, or one with a Python number."""
    s = op.signature
    recorded = op.differentiable and op.result != "bool"
    src.add(2, "r = None")
    _quick_lines(op, src)
    src.add(2, "if r is None:")
    src.shift = 1
    _operand_lines(op, src, insists)
    any_grad = " or ".join(f"g{i}" for i in s.arrays)
    src.add(2, f"if ok and not (({any_grad}) and state.grad):" if recorded and not op.has_rules else "if ok:")
    names = "".join(f"{n}, " for n in s.names[op.count :])
    target = "bool_" if op.result == "bool" else "dt"
    _kernel_lines(op, src, names, target, options)
    src.add(3, "if r is None:")
    run_body(op, src, 4, len(s.arrays) > 1, options)
    src.add(4, "if type(r) is not ndarray:", "    r = asarray(r)")
    same = " or ".join(f"r is a{i}" for i in s.arrays)
    src.add(4, f"elif type(r.base) is ndarray or {same}:", "    r = r.copy('K')")
    if op.result != "bool":
        src.add(4, "if r.dtype is not dt.np:", "    r = r.astype(dt.np)")
    src.shift = 0
    src.add(2, "if r is not None:")
    if recorded and op.has_rules:
        record_lines(op, src, 3, any_grad, target)
    src.add(3, f"return new_tensor(r, {target})")


def _quick_lines(op: Any, src: Source) -> None:
    """One builtin does it all where it has learnt how; it leaves to Python what is to be recorded."""
    s = op.signature
    names = s.names[: op.count]
    words = ["quick"] + [f"{n} is defaults[{i}]" for i, n in enumerate(s.names) if i >= op.count]
    src.add(2, f"if {' and '.join(words)}:", f"    t = quick({', '.join(names)})")
    src.add(3, "if type(t) is Tensor:", "    return t")
    if not (op.has_rules and op.differentiable and op.result != "bool"):
        return
    src.add(3, "if t is not None:", "    r = t")
    for i, n in zip(s.arrays, names):
        src.add(4, f"if type({n}) in QUICK:", f"    a{i}, g{i}, dt = {n}._a, {n}._rg, {n}.dtype")
        src.add(4, "else:", f"    a{i}, g{i} = {n}, False")


def _operand_lines(op: Any, src: Source, insists: frozenset[int]) -> None:
    """Takes the operands apart; `ok` says whether the quick path goes on."""
    s = op.signature
    if len(s.arrays) == 2:
        _pair_of_operands(src, *s.names[:2], insists, bool(op.constants))
        return
    first = s.names[0]
    words = [f"type({s.names[i]}) in QUICK" for i in s.arrays]
    words += [f"{s.names[i]}.dtype is {first}.dtype" for i in s.arrays[1:]]
    src.add(2, f"ok = {' and '.join(words)}", "if ok:", f"    dt = {first}.dtype", "    ok = dt in direct")
    src.add(
        3, *(f"a{i} = {s.names[i]}._a" for i in s.arrays), *(f"g{i} = {s.names[i]}._rg" for i in s.arrays)
    )
    src.add(3, f"size = {' + '.join(f'a{i}.size' for i in s.arrays)}", "key = dt")


def _kernel_lines(op: Any, src: Source, names: str, target: str, options: bool) -> None:
    """Tries a generated kernel; leaves `r` None where numpy is to do the work."""
    s = op.signature
    arrays = "".join(f"a{i}, " for i in s.arrays)
    depth = 3
    if names and options:
        changed = " or ".join(f"{n} is not defaults[{i}]" for i, n in enumerate(s.names) if i >= op.count)
        src.add(3, f"if {changed}:", "    if size >= settings.kernels_from:")
        src.add(5, f"r = fused(op, {target}, ({arrays}), ({names}))")
        src.add(3, "else:")
        depth = 4
    result = "'bool'" if op.result == "bool" else "None"
    src.add(depth, "table = large if size >= settings.kernels_from else small", "k = table.get(key, 0)")
    src.add(depth, "if type(k) is int:", f"    k = fusible.find(table, key, k, ({arrays}), {result})")
    src.add(depth, "if k is not None:")
    like = ", bool_.np" if op.result == "bool" else ""
    if s.arrays == (0,):
        src.add(
            depth + 1, f"r = k(empty_like(a0{like}), a0) if table is small else launch(k, {target}.np, a0)"
        )
    elif len(s.arrays) == 2:
        src.add(depth + 1, "if table is large or key is dt:", f"    r = launch(k, {target}.np, a0, a1)")
        src.add(depth + 1, "elif key[1] == 1:", f"    r = k(empty_like(a0{like}), a0, a1)")
        src.add(depth + 1, "else:", f"    r = k(empty_like(a1{like}), a1, a0)")
    else:
        src.add(depth + 1, f"r = launch(k, {target}.np, {arrays})")


def _pair_of_operands(src: Source, x: str, y: str, insists: frozenset[int], constants: bool) -> None:
    """Both tensors, or either of them a float or int beside a float tensor."""
    of_floats = "type({0}) in WEAK and (dt in FLOATS or dt in HALF_TYPES)"
    of_integers = "type({0}) is int and dt is int64 and -WIDE < {0} < WIDE"
    number = f"({of_floats} or {of_integers}) and dt in direct"
    x_number = "False" if 0 in insists else number.format(x)
    y_number = "False" if 1 in insists else number.format(y)
    src.add(
        2, f"if type({x}) in QUICK:", f"    dt, a0, g0 = {x}.dtype, {x}._a, {x}._rg", "    size = a0.size"
    )
    src.add(
        3,
        f"if type({y}) in QUICK:",
        f"    ok, a1, g1 = {y}.dtype is dt and dt in direct, {y}._a, {y}._rg",
        "    size += a1.size",
        "    key = dt",
    )
    src.add(
        3,
        "else:",
        f"    ok, a1, g1 = {y_number}, {y}, False",
        f"    key = (dt, 1, {y}) if ok and {y} in constants else (dt, 1)" if constants else "    key = dt, 1",
    )
    src.add(
        2, f"elif type({y}) in QUICK:", f"    dt, a1, g1 = {y}.dtype, {y}._a, {y}._rg", "    size = a1.size"
    )
    src.add(3, f"ok, a0, g0 = {x_number}, {x}, False", "key = dt, 2")
    src.add(2, "else:", "    ok = False")
