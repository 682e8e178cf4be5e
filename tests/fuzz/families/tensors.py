"""Generated code that works on tensors: operators at once, graphs and the way back, lists, attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight
from rushlight.autograd import native
from rushlight.kernels import attributes, quick
from rushlight.kernels.llvm.learnt import LEARNT_AT
from rushlight.ops import listed
from rushlight.ops.operator import OPERATORS
from rushlight.runtime import settings
from rushlight.tensor.dtype import DTYPES

from ..check import near, same
from ..draw import Draw
from . import family

ELEMENTS = 20_000
LARGE = 300_000  # elements that lie on memory which is kept
UNARY = {"neg": np.negative, "abs": np.abs, "sqrt": np.sqrt, "relu": lambda x: np.where(x < 0, 0 * x, x)}
BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum, "lt": np.less}
NUMBERS = (2.0, 0.5, -3.0)
WIDE = ("float32", "float64")


def _tensor(array: np.ndarray) -> Any:
    """A tensor on this very memory."""
    made = rushlight.empty(0, dtype=getattr(rushlight, array.dtype.name))
    made._a = array
    return made


# ---- operators at once


LOOPS = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "sin": np.sin, "log1p": np.log1p}
LOOPS_OF_TWO = {"atan2": np.arctan2, "hypot": np.hypot}
_taught = ""  # the kernel mode that operators have learnt in


def _learnt_in(mode: str) -> None:
    """Operators look a few times until they do things at once: in `auto` mode by loops of numpy's too."""
    global _taught
    if _taught == mode:
        return
    _taught = mode
    settings.set_kernel_mode(mode)
    for name in (*UNARY, *BINARY, *LOOPS, *LOOPS_OF_TWO):
        for dtype in WIDE:
            for size in (3, 5000):
                x = rushlight.ones(size, dtype=getattr(rushlight, dtype))
                for given in [(x,)] if name in UNARY | LOOPS else [(x, x), *((x, n) for n in NUMBERS)]:
                    for _ in range(25):
                        OPERATORS[name].lenient(*given)
    for dtype in WIDE:
        x = rushlight.ones(5000, dtype=getattr(rushlight, dtype))
        for _ in range(25):
            for name in ("add_", "mul_"):
                getattr(x, name)(x)
                getattr(x, name)(1.0)


def _operand(draw: Draw, shape: tuple, dtype: str, positive: bool) -> np.ndarray:
    own = [
        1 if draw.chance(0.1) else n for n in shape[draw.number(0, len(shape)) if draw.chance(0.15) else 0 :]
    ]
    values = draw.values(own, dtype, (np.nan, np.inf, -0.0) if draw.chance(0.1) else ())
    values = np.asarray(np.abs(values) if positive else values)
    if draw.chance(0.3):
        return draw.strided(values)
    return draw.guarded(values.T).T if draw.chance(0.2) else draw.guarded(values)


@family("operators at once")
def at_once(draw: Draw) -> bool:
    if quick.load() is None:
        return False
    _learnt_in(draw.kernel.one("auto", "force"))
    dtype, name = draw.one(*WIDE), draw.one(*UNARY, *BINARY)
    shape = draw.shape(draw.number(0, 4), LARGE if draw.chance(0.05) else ELEMENTS)
    arrays = [_operand(draw, shape, dtype, name == "sqrt") for _ in range(1 if name in UNARY else 2)]
    given: list[Any] = [_tensor(a) for a in arrays]
    values: list[Any] = list(arrays)
    if len(given) == 2 and draw.chance(0.3):
        k = draw.number(0, 1) if name != "lt" else 1
        given[k] = values[k] = draw.one(*NUMBERS)
    with np.errstate(all="ignore"):
        exact = np.asarray((UNARY | BINARY)[name](*values))
    edited = name in ("add", "mul") and type(given[0]) is not float and exact.shape == arrays[0].shape
    if edited and draw.chance(0.4):
        place = arrays[0].ctypes.data
        del values, arrays  # memory is written over where only the tensor has it, or who looks at it
        seen = [given[0].detach()] if draw.chance(0.5) else []
        made = draw.run(getattr(given[0], f"{name}_"), given[1])
        assert made is given[0]
        assert all(t._a.ctypes.data == place for t in (made, *seen))
    else:
        made = draw.run(OPERATORS[name].lenient, *given)
    assert made.dtype is DTYPES[exact.dtype.name]
    same(made._a, exact)
    return True


@family("operators at once, by numpy's loops")
def by_loops(draw: Draw) -> bool:
    """Small arrays whose functions are numpy's own, called without numpy."""
    if quick.load() is None:
        return False
    _learnt_in("auto")
    dtype, name = draw.one(*WIDE), draw.one(*LOOPS, *LOOPS_OF_TWO)
    shape = draw.shape(draw.number(0, 4), settings.kernels_from // 2)
    special = (np.nan, np.inf, -np.inf, -0.0, 0.0) if draw.chance(0.3) else ()
    values = [np.asarray(draw.values(shape, dtype, special)) for _ in range(1 + (name in LOOPS_OF_TWO))]
    arrays = [draw.strided(x) if draw.chance(0.1) else draw.guarded(x) for x in values]
    given, at_once = list(map(_tensor, arrays)), OPERATORS[name].at_once
    with np.errstate(all="ignore"):
        exact = np.asarray((LOOPS | LOOPS_OF_TWO)[name](*values))
    size = sum(x.size for x in values)
    if size >= settings.kernels_from:
        return False
    known = all(x.flags.c_contiguous for x in arrays) and size > len(values)
    if draw.chance(0.4):
        arrays.clear()  # memory is written over where only the tensor has it
        made = draw.run(at_once.into, given[0], *given)
    else:
        made = draw.run(at_once.run, *given)
    assert (made is not None) == known
    if made is None:
        return False
    assert made.dtype is DTYPES[dtype]
    same(made._a, exact)
    return True


# ---- graphs


class Value:
    """A tensor, the same in double precision, and what its gradient is to be."""

    def __init__(self, tensor: Any, exact: np.ndarray, back: Any = ()) -> None:
        self.tensor, self.exact, self.back = tensor, exact, back
        self.slope = np.zeros_like(exact)


def _summed(g: np.ndarray, shape: tuple) -> np.ndarray:
    """The gradient of something that was broadcast."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(d for d, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def _product(a: Value, b: Value) -> Value:
    return Value(
        a.tensor * b.tensor, a.exact * b.exact, [(a, lambda g: g * b.exact), (b, lambda g: g * a.exact)]
    )


def _sum(a: Value, b: Value) -> Value:
    return Value(a.tensor + b.tensor, a.exact + b.exact, [(a, lambda g: g), (b, lambda g: g)])


def _relu(a: Value) -> Value:
    return Value(a.tensor.relu(), np.maximum(a.exact, 0), [(a, lambda g: g * (a.exact > 0))])


def _turned(a: Value) -> Value:
    order = tuple(range(a.exact.ndim))[::-1]
    made = a.tensor.permute(*order) if order else a.tensor * 1
    return Value(made, a.exact.T, [(a, lambda g: g.T)])


def _flat(a: Value) -> Value:
    return Value(a.tensor.reshape(-1), a.exact.reshape(-1), [(a, lambda g: g.reshape(a.exact.shape))])


def _part(draw: Draw, a: Value) -> Value:
    if not a.exact.ndim or not len(a.exact):
        return _relu(a)
    low = draw.number(0, len(a.exact) - 1)
    where = slice(low, draw.number(low + 1, len(a.exact)))

    def back(g: np.ndarray) -> np.ndarray:
        wide = np.zeros_like(a.exact)
        wide[where] = g
        return wide

    return Value(a.tensor[where], a.exact[where], [(a, back)])


def _edited(a: Value, b: Value) -> Value:
    """A copy that is edited in place: what was saved of it before stays."""
    made = a.tensor * 1
    kept = made * made
    made += b.tensor
    exact = a.exact + b.exact
    back = [(a, lambda g: g * (1 + 2 * a.exact)), (b, lambda g: g)]
    return Value(made + kept, exact + a.exact**2, back)


def _program(draw: Draw, leaves: list[Value]) -> list[Value]:
    values = list(leaves)
    for _ in range(draw.number(1, 8)):
        a = draw.one(*values)
        b = draw.one(*(v for v in values if v.exact.shape == a.exact.shape))
        step = draw.one(_product, _product, _sum, _sum, _edited, _relu, _turned, _flat, None)
        if step is None:
            values.append(_part(draw, a))
        else:
            values.append(step(a, b) if step in (_product, _sum, _edited) else step(a))
    return values


@family("graphs of tensors")
def graphs(draw: Draw) -> bool:
    if native.functions is None:
        native.start()
    if native.functions is None:
        return False
    shape, dtype = draw.shape(draw.number(0, 3), 2000), draw.one(*WIDE)
    leaves = []
    for _ in range(draw.number(1, 3)):
        values = np.asarray(np.rint(2 * draw.values(shape, dtype)) / 2)
        array = draw.strided(values) if draw.chance(0.3) else draw.guarded(values)
        leaf = _tensor(array.astype(dtype, copy=False))
        leaf.requires_grad_(draw.chance(0.8) or not leaves)
        leaves.append(Value(leaf, array.astype("f8")))

    def run() -> list[Value]:
        values = _program(draw, leaves)
        total = sum((v.tensor * v.tensor).sum() for v in values[len(leaves) - 1 :])
        if total.requires_grad:
            total.backward()
        return values

    values = draw.run(run)
    ROUNDING = 2e-4 if dtype == "float32" else 1e-11
    for number in reversed(range(len(values))):
        v = values[number]
        if number >= len(leaves) - 1:
            v.slope = v.slope + 2 * v.exact
        for other, slope in v.back:
            other.slope = other.slope + slope(v.slope)
    for v in values:
        scale = ROUNDING * max(1.0, float(np.abs(v.exact).max(initial=0)))
        near(v.tensor.detach()._a, v.exact, scale)
    for leaf in leaves:
        needed = leaf.tensor.requires_grad
        if needed and leaf.tensor.grad is not None:
            scale = max(1.0, float(np.abs(leaf.slope).max(initial=0)))
            near(leaf.tensor.grad._a, leaf.slope, 50 * ROUNDING * scale)
        else:
            assert not (needed and leaf.slope.any())
    return True


# ---- lists and attributes


@family("lists of tensors")
def lists(draw: Draw) -> bool:
    if listed._quick is None:
        listed._start()
    if listed._quick is None:
        return False
    dtype = draw.one(*WIDE, "int64", "bool")
    made = [_tensor(draw.dense(draw.shape(draw.number(0, 2), 50), dtype)) for _ in range(draw.number(1, 20))]
    wrong = draw.chance(0.3)
    if wrong:
        other = _tensor(draw.dense((3,), "float64" if dtype == "float32" else "float32"))
        made[draw.number(0, len(made) - 1)] = draw.one(None, 3, made[0]._a, other.requires_grad_())
    group = draw.one(list, tuple)(made)
    answer = draw.run(listed._quick, group)
    assert (answer is None) == wrong
    assert wrong or all(a is t._a for a, t in zip(answer, made, strict=True))
    return True


@family("attributes of tensors")
def attributes_(draw: Draw) -> bool:
    attributes.install()
    if not attributes._replaced:
        return False
    shape, dtype = draw.shape(draw.number(0, 5), 3000), draw.one(*WIDE, "int64", "int32", "bool")
    values = np.asarray(draw.values(shape, dtype))
    x = draw.strided(values) if draw.chance(0.5) else draw.guarded(values)
    t = _tensor(x)

    def run() -> tuple:
        sizes = [t.size(d) for d in range(-x.ndim, x.ndim)]
        return tuple(t.shape), t.ndim, t.dim(), t.numel(), t.is_contiguous(), tuple(t.size()), sizes

    rank, flat = x.ndim, x.flags.c_contiguous
    assert draw.run(run) == (shape, rank, rank, x.size, flat, shape, [*shape, *shape])
    assert draw.run(t.detach)._a is x
    assert draw.run(lambda: t.data)._a is x
    if x.size == 1:
        one = x.reshape(-1)[0].item()
        assert draw.run(t.item) == one
        assert draw.run(float, t) == float(one)
        assert draw.run(int, t) == int(one)
        assert draw.run(bool, t) == bool(one)
    return True


# ---- calls that are learnt


CALLS: dict[str, tuple[Any, Any]] = {  # of one, two and three tensors; what numpy makes of their arrays
    "turned": (lambda x, *_: x.transpose(0, -1), lambda x, *_: x.swapaxes(0, -1)),
    "flat": (lambda x, *_: x.reshape(-1), lambda x, *_: x.reshape(-1)),
    "part": (lambda x, *_: x[..., 1:], lambda x, *_: x[..., 1:]),
    "part of a part": (lambda x, *_: x[None, ..., -4:-1:2], lambda x, *_: x[None, ..., -4:-1:2]),
    "all": (lambda x, *_: x[None, :], lambda x, *_: x[None, :]),
    "clone": (lambda x, *_: x.clone(), lambda x, *_: x),
    "flipped": (lambda x, *_: x.flip(0), lambda x, *_: x[::-1]),
    "rolled": (lambda x, *_: x.roll(1, -1), lambda x, *_: np.roll(x, 1, -1)),
    "repeated": (lambda x, *_: x.repeat(*[2] * x.ndim), lambda x, *_: np.tile(x, [2] * x.ndim)),
    "padded": (
        lambda x, *_: rushlight.nn.functional.pad(x, (1, 2), value=3.0),
        lambda x, *_: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 2)], constant_values=3.0),
    ),
    "joined": (lambda x, y, _: rushlight.cat([x, y], -1), lambda x, y, _: np.concatenate([x, y], -1)),
    "stacked": (lambda x, y, _: rushlight.stack([x, y]), lambda x, y, _: np.stack([x, y])),
    "sum": (lambda x, *_: x.sum(-1), lambda x, *_: x.sum(-1)),
    "sum of columns": (lambda x, *_: x.sum(0), lambda x, *_: x.sum(0)),
    "largest": (lambda x, *_: x.amax(0), lambda x, *_: x.max(0)),
    "chosen": (lambda x, y, z: rushlight.where(x > y, y, z), lambda x, y, z: np.where(x > y, y, z)),
    "products": (lambda x, y, z: rushlight.addcmul(x, y, z), lambda x, y, z: x + y * z),
    "between": (lambda x, *_: x.clamp(-1, 2), lambda x, *_: x.clip(-1, 2)),
}


@family("calls that are learnt")
def learnt_calls(draw: Draw) -> bool:
    """Of the same shapes and layouts again and again, with other memory the last time."""
    kernel = draw.kernel
    name, dtype = kernel.one(*CALLS), kernel.one(*WIDE)
    shape, state = kernel.shape(kernel.number(1, 3), 3000), kernel.random.bit_generator.state
    call, exact_of = CALLS[name]

    def arrays(values: list[np.ndarray]) -> list[np.ndarray]:
        kernel.random.bit_generator.state = state
        return [kernel.strided(x) if kernel.chance(0.4) else kernel.guarded(x) for x in values]

    values = [np.rint(3 * draw.values(shape, dtype)) for _ in range(3)]
    before = [_tensor(a) for a in arrays([np.zeros_like(x) for x in values])]
    for _ in range(LEARNT_AT + 3):
        call(*before)
    given = arrays(values)
    made = draw.run(call, *map(_tensor, given))
    same(made.detach()._a, exact_of(*values))
    for x, value in zip(given, values):
        same(x, value)
    return True
