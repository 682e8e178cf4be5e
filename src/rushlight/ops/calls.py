"""Writes the public function of each operator as straight Python, the first time that it is called.

The quick path of `a + b` must cost little more than numpy does, and must look the same for every operator; so
it is written out for each signature, like the `__init__` of a dataclass, instead of looping over parameters
at every call. `RUSHLIGHT_DEBUG=4` prints what is written. Whatever the quick path does not cover goes to
`op.slow(values, out)`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from .. import lang
from ..autograd import native as graph
from ..autograd.modes import state
from ..lang.arrays import on_arrays
from ..lang.halves import HALVES, in_single
from ..quiet import SILENT, enter, leave
from ..runtime import settings
from ..tensor.core import QUICK, Tensor, wrap
from ..tensor.dtype import FLOATING, bfloat16, bool_, float16, float32, float64, int64, of_numpy
from ..tensor.learnt import Learner
from ..tensor.storage import storage_of
from .at_once import ALWAYS, AtOnce
from .fused import fused, launch, only_primitive, rule_runner
from .intercept import interceptors
from .operator import (
    DTYPE_OF,
    SHAPE_OF,
    Operator,
    after_record,
    new_node,
    recorded,
    saved_hooks,
    watchers,
)
from .signature import REQUIRED

Function = Callable[..., Any]
SHOW_FROM_LEVEL = 4

COMMON = {
    "QUICK": QUICK,
    "Tensor": Tensor,
    "state": state,
    "ndarray": np.ndarray,
    "asarray": np.asarray,
    "enter": enter,
    "leave": leave,
    "SILENT": SILENT,
    "bool_": bool_,
    "of_numpy": of_numpy,
    "interceptors": interceptors,
    "watchers": watchers,
    "saved_hooks": saved_hooks,
    "after_record": after_record,
    "WEAK": frozenset((float, int)),
    "int64": int64,
    "WIDE": 1 << 63,
    "FLOATS": frozenset((float32, float64)),
    "HALF_TYPES": frozenset((float16, bfloat16)),
    "HALVES": HALVES,
    "FLOATING": FLOATING,
    "sum_to": lang.sum_to.on_arrays,
    "settings": settings,
    "fused": fused,
    "launch": launch,
    "empty_like": np.empty_like,
    "storage_of": storage_of,
    "REQUIRED": REQUIRED,
}


def lazy_call(op: Operator, write: Callable[[Operator], str], names: dict[str, Any]) -> Function:
    """A function that writes itself at its first call."""

    def stub(*args: Any, **kwargs: Any) -> Any:
        scope = call.__globals__
        scope.update(names_for(op))
        serve(op, scope)
        if op.learns:
            Learner(op, scope, lambda *values: op.slow(values, None, {}), op.has_rules)
        graph.told.append(lambda functions: use(scope, functions))
        use(scope, graph.functions)
        _become(call, write(op))
        return call(*args, **kwargs)

    call = FunctionType(
        _forward.__code__, {"__builtins__": __builtins__, "stub": stub, "op": op, **COMMON, **names}, op.name
    )
    return call


def serve(op: Any, scope: dict[str, Any]) -> None:
    """The builtins of an element-wise operator and of its rules, when it has learnt."""
    if op.family == "elementwise":
        op.at_once.serve(scope, "quick")
        for i, at_once in op.rules_at_once.items():
            at_once.serve(scope, f"quick{i}")


def use(scope: dict[str, Any], functions: Any) -> None:
    """Has written code record with generated code, or with Python's where there is none."""
    scope["new_tensor"], scope["new_node"], scope["recorded"] = (
        (wrap, new_node, recorded)
        if functions is None
        else (functions.wrap, functions.node, functions.record)
    )
    if "python_view" in scope:
        scope["view_of"] = scope["python_view"] if functions is None else functions.view


def _forward(*args: Any, **kwargs: Any) -> Any:
    return stub(*args, **kwargs)  # type: ignore[name-defined]  # noqa: F821


def _become(call: Function, source: str) -> None:
    """Replaces the code of a function; whoever holds the function has the new one."""
    if settings.debug_level >= SHOW_FROM_LEVEL:
        print(source)
    scope = call.__globals__
    exec(compile(source, f"<rushlight operator {scope['op'].path}>", "exec"), scope)
    written = scope["written"]
    call.__defaults__, call.__kwdefaults__ = written.__defaults__, written.__kwdefaults__
    call.__code__ = written.__code__
    op = scope["op"]
    if "apply" in scope:
        op.node_class.apply = scope["apply"]


class Source:
    """Lines of code with their indentation."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shift = 0  # by how much everything is indented further

    def add(self, depth: int, *lines: str) -> None:
        self.lines += ["    " * (depth + self.shift) + line for line in lines]

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def header(op: Operator, src: Source, with_out: bool) -> None:
    """The `def` line, with the operator's own parameters and defaults."""
    s = op.signature
    parts = []
    for i, name in enumerate(s.names):
        if i == s.positional and s.wants_keywords and not s.varargs:
            parts.append("*")
        if s.varargs and i == s.positional - 1:
            parts.append(f"*{name}")
        else:
            parts.append(f"{name}=defaults[{i}]")
    if with_out:
        if not s.wants_keywords and not s.varargs:
            parts.append("*")
        parts.append("out=None")
    src.add(0, f"def written({', '.join(parts)}, **renamed):")
    if s.varargs:
        last = s.names[s.positional - 1]
        src.add(
            1,
            f"if len({last}) == 1 and ({last}[0] is None or isinstance({last}[0], (tuple, list))):",
            f"    {last} = [] if {last}[0] == () else {last}[0]",  # x.reshape(()) is not x.reshape()
        )


def fall_back(op: Operator, src: Source, with_out: bool, way: str = "slow") -> None:
    """The last line: everything that is not quick."""
    values = ", ".join(op.signature.names)
    src.add(1, f"return op.{way}(({values},), {'out' if with_out else 'None'}, renamed)")


def conditions(op: Operator, with_out: bool) -> str:
    """When the quick path may be tried at all."""
    s = op.signature
    words = ["not renamed", "not interceptors"] + ["out is None"] * with_out
    words += [
        f"{n} is not REQUIRED"
        for i, n in enumerate(s.names)
        if s.required(i) and i not in s.arrays and not (s.varargs and i == s.positional - 1)
    ]
    return " and ".join(words)


def run_body(op: Operator, src: Source, depth: int, explain: bool, options: bool = True) -> None:
    """Calls the body on arrays, with numpy's warnings off."""
    s = op.signature
    parts = arguments_of(op) if options else arguments_of(op)[: s.positional]
    plain = op.family == "elementwise" and len(parts) == len(s.arrays)
    called = "body"
    if op.family == "elementwise":
        called = "(half_body if dt in HALF_TYPES else body)"
        if plain:
            called = f"(plain_body if dt in FLOATS else {called})"
    src.add(depth, "token = enter(SILENT)", "try:", f"    r = {called}({', '.join(parts)})")
    if explain:
        arrays = ", ".join(f"a{i}" for i in s.arrays)
        src.add(depth, "except ValueError:", f"    raise broadcast_error(op, ({arrays},)) from None")
    src.add(depth, "finally:", "    leave(token)")


def look_lines(op: Operator, src: Source, with_out: bool) -> None:
    """Asks what has been learnt; `t` is then a bare array that is to be recorded, or None."""
    names = ", ".join(op.signature.names)
    src.add(1, "t = None", f"if learnt is not None and {conditions(op, with_out)}:")
    src.add(2, f"t = learnt({names})", "if t is not None and type(t) is not ndarray:")
    src.add(3, "if t is False:", f"    return learn({names})", "return t")


def arguments_of(op: Operator) -> list[str]:
    """What the body is called with."""
    s = op.signature
    parts = [f"a{i}" if i in s.arrays else n for i, n in enumerate(s.names)]
    return parts[: s.positional] + [f"{n}={p}" for n, p in zip(s.names, parts)][s.positional :]


def record_lines(op: Operator, src: Source, depth: int, condition: str, dtype: str | None) -> None:
    """Returns the result with a node: edges, shapes for unbroadcasting, and what each rule asked for.

    Without a `dtype`, there is a Tensor `t` already that the node is for.
    """
    src.add(depth, f"if ({condition}) and state.grad:")
    d = depth + 1
    kind, saved, held, inputs = _node_parts(op, src, d)
    if dtype is None:
        src.add(d, f"t._node = new_node({kind}, r, {saved}, {held}{inputs})", "t._rg = True")
    else:
        src.add(d, f"t = recorded({kind}, r, {saved}, {held}, {dtype}{inputs})")
    src.add(d, "if watchers or saved_hooks:", "    after_record(t._node)", "return t")


def _node_parts(op: Operator, src: Source, d: int) -> tuple[str, str, int, str]:
    """What a node is made of: its class, what it saves, which inputs that holds, and the inputs."""
    s = op.signature
    if op.joint is not None:
        flags = "(" + "".join(f"g{i}, " for i in s.arrays) + ")"
        saved = "".join((flags if k == -2 else _saved(op, k)) + ", " for k in op.joint[1])
        saved = f"(({saved}),)"
    else:
        src.add(d, *(f"if g{i}: op.refuse_gradient({i})" for i in s.arrays if i not in op.rules))
        saved = "(" + "".join(_saved_by_rule(op, i) + ", " for i in s.arrays) + ")"
    held = sum(1 << k for k, i in enumerate(s.arrays) if i in _held(op))
    inputs = "".join(f", {s.names[i]}" for i in s.arrays)
    kind = f"class_for({', '.join(_saved(op, k) for k in op.naming[1])})" if op.naming else "node_class"
    return kind, saved, held, inputs


def _saved_by_rule(op: Operator, i: int) -> str:
    if i not in op.rules:
        return "None"
    return f"({''.join(_saved(op, k) + ', ' for k in op.rules[i][1])}) if g{i} else None"


def _saved(op: Operator, source: int) -> str:
    if source == -1:
        return "r"
    if source <= DTYPE_OF:
        return f"a{DTYPE_OF - source}.dtype"
    if source <= SHAPE_OF:
        return f"a{SHAPE_OF - source}.shape"
    return f"a{source}" if source in op.signature.arrays else op.signature.names[source]


def _held(op: Operator) -> set[int]:
    """The array parameters that some rule saves."""
    groups = [op.joint[1]] if op.joint is not None else [rule[1] for rule in op.rules.values()]
    return {k for group in groups for k in group if k >= 0 and k in op.signature.arrays}


def _fresh_lines(op: Operator, src: Source, depth: int, condition: str) -> None:
    """Returns several new results, with the node that they share."""
    src.add(depth, "ts = [new_tensor(x, of_numpy(x.dtype)) for x in r]")
    src.add(depth, f"if ({condition}) and state.grad:")
    kind, saved, held, inputs = _node_parts(op, src, depth + 1)
    src.add(depth + 1, f"tie(new_node({kind}, r[0], {saved}, {held}{inputs}), ts)")
    src.add(depth, "return tuple(ts)")


def apply_lines(op: Operator, src: Source) -> None:
    """The backward step on bare arrays; every other case is the general one."""
    s = op.signature
    src.add(0, "def apply(self, grads, lifted):")
    src.add(
        1,
        "if lifted or self.outputs != 1 or self.packed:",
        "    return self.apply_general(grads, lifted)",
        "g, = grads",
    )
    if op.at_once_with is not None:
        src.add(1, "if state.unseen:", "    found = at_once_with(self, g)")
        src.add(2, "if found is not None:", "    return found")
    names = "".join(f"x{i}, " for i in s.arrays)
    if op.joint is not None:
        if op.small is not None:
            src.add(1, "found = small_back(g, *self.saved[0])", "if found is not None:", "    return found")
        src.add(1, f"{names}= joint(g, *self.saved[0])")
    else:
        src.add(
            1,
            f"{''.join(f's{i}, ' for i in s.arrays)}= self.saved",
            f"{' = '.join(f'x{i}' for i in s.arrays)} = None",
        )
    src.add(1, f"{''.join(f'h{i}, ' for i in s.arrays)}= self.shapes")
    for i in s.arrays:
        if op.joint is not None:
            src.add(
                1,
                f"if h{i} is not None and x{i} is not None and x{i}.shape != h{i}:",
                f"    x{i} = sum_to(x{i}, h{i})",
            )
        elif i in op.rules:
            call = f"rule{i}(g, *s{i})"
            if op.family == "elementwise":
                call = f"half{i}(g, *s{i}) if g.dtype.char in HALVES else {call}"
            if _fuses(op, op.rules[i][1]):
                src.add(1, f"if s{i} is not None:", f"    if quick{i}:", f"        x{i} = quick{i}(g, *s{i})")
                src.add(2, f"if x{i} is None:", f"    x{i} = run{i}(g, s{i})")
            else:
                src.add(1, f"if s{i} is not None:", f"    x{i} = {call}")
            src.add(2, f"if h{i} is not None and x{i}.shape != h{i}:", f"    x{i} = sum_to(x{i}, h{i})")
    src.add(1, f"return {names}")


def names_for(op: Operator) -> dict[str, Any]:
    """The operator's own parts that the written code refers to."""
    names: dict[str, Any] = {
        "node_class": op.node_class,
        "class_for": op.class_for,
        "body": on_arrays(op.body),
        "defaults": op.signature.complete,
    }
    if op.family == "elementwise":
        names["plain_body"] = only_primitive(op.body, op.count) or names["body"]
        names["half_body"] = in_single(names["body"], op.rounds_numbers)
        if op.has_rules and op.at_once.records:
            op.at_once.records = ALWAYS
        names["fusible"] = fusible = op.fusible
        names["constants"] = op.constants
        names["small"], names["large"] = fusible.small, fusible.large
    if op.at_once_with is not None:
        names["at_once_with"] = op.at_once_with
    if op.joint is not None:
        names["joint"] = on_arrays(op.joint[0])
    if op.small is not None:
        names["small"], names["small_back"] = op.small
    for i, (rule, sources) in op.rules.items():
        names[f"rule{i}"] = on_arrays(rule)
        names[f"half{i}"] = in_single(names[f"rule{i}"])
        if _fuses(op, sources):
            at_once = op.rules_at_once[i] = op.rules_at_once.get(i) or AtOnce(
                f"{op.name}_grad", 1 + len(sources)
            )
            names[f"run{i}"] = rule_runner(rule, at_once.name, at_once)
    return names


def _fuses(op: Operator, sources: tuple[int, ...]) -> bool:
    """May a rule run as a kernel? Only if it asks for arrays, and for nothing else but options."""
    return (
        op.family == "elementwise"
        and any(k == -1 or k in op.signature.arrays for k in sources)
        and all(k >= -1 for k in sources)
    )


def write_general(op: Operator) -> str:
    """The function of any other operator whose array parameters are single tensors."""
    s, src = op.signature, Source()
    with_out = op.accepts_out
    header(op, src, with_out)
    words = [conditions(op, with_out)]
    for i in s.arrays:
        p = s.names[i]
        test = f"type({p}) in QUICK"
        if not op.exact:
            halves = f" or {p}.dtype in HALF_TYPES" if op.halves is True else ""
            test += f" and (not {p}.dtype.reduced{halves})"
        words.append(f"({p} is None or {test})" if s.optional(i) else test)
    if op.learns:
        look_lines(op, src, with_out)
    src.add(1, f"if {' and '.join(words)}:")
    for i in s.arrays:
        p = s.names[i]
        src.add(2, f"a{i} = None if {p} is None else {p}._a" if s.optional(i) else f"a{i} = {p}._a")
        src.add(2, f"g{i} = {p} is not None and {p}._rg" if s.optional(i) else f"g{i} = {p}._rg")
    any_grad = " or ".join(f"g{i}" for i in s.arrays)
    if op.differentiable and not op.has_rules:
        src.add(2, f"if ({any_grad}) and state.grad:", "    return op.run((" + ", ".join(s.names) + ",))")
    if op.small is not None:
        src.add(2, f"r = small({', '.join(arguments_of(op))})", "if r is None:")
        src.shift = 1
    if op.learns:
        src.add(2, "r = t", "if r is None:")
        src.shift = 1
    run_body(op, src, 2, False)
    arrays = "".join(f"a{i}, " for i in s.arrays)
    values = "".join(f"{n}, " for n in s.names)
    seen = "".join((f"a{i}, " if i in s.arrays else f"{n}, ") for i, n in enumerate(s.names))
    src.add(2, "if type(r) is not ndarray:", "    if type(r) is tuple or type(r) is list:")
    if op.fresh:
        _fresh_lines(op, src, 4, any_grad)
    else:
        src.add(4, f"return finish_many(op, ({values}), ({seen}), r)")
    src.add(3, "r = asarray(r)")
    if not op.fresh:
        src.add(
            2,
            f"elif type(r.base) is ndarray or {' or '.join(f'r is a{i}' for i in s.arrays)}:",
            f"    r = own(r, ({arrays}))",
        )
    src.shift = 0
    first = s.arrays[0]
    known = f"{s.names[first]}.dtype if r.dtype is a{first}.dtype else of_numpy(r.dtype)"
    src.add(2, f"dt = {known if not s.optional(first) else 'of_numpy(r.dtype)'}")
    if op.differentiable and op.has_rules:
        record_lines(op, src, 2, f"({any_grad}) and dt.category >= FLOATING", "dt")
    src.add(2, "return new_tensor(r, dt)")
    fall_back(op, src, with_out)
    if op.has_rules:
        apply_lines(op, src)
    return src.text()
