"""`x[index]` and `x[index] = value`."""

from __future__ import annotations

from math import isfinite as finite
from typing import Any

from .. import lang
from ..autograd.modes import state
from ..lang.index import first_outside, in_range, put_index, scalar, write
from ..tensor.core import QUICK, Tensor, wrap
from ..tensor.dtype import FLOATING, INTEGRAL, bool_
from ..tensor.inplace import assign, check_leaf, check_overlap, writable
from .getitem import BASIC, DIRECT, EVERYTHING, parse, plain_parts
from .intercept import interceptors
from .movement import expand
from .select import index_set, pick, select_index
from .shapes import expanded

PLAIN = frozenset((bool, int, float))
LARGE = 3e38  # numbers beyond are looked at carefully: they may not fit


def getitem(self: Tensor, index: Any) -> Tensor:
    """The elements that `index` names: a view for numbers and slices, a copy for tensors and lists."""
    basic = as_basic(index)
    if basic is None:
        return rows(self, index) if type(index) in QUICK else mixed(self, index)
    try:
        return pick(self, basic)
    except (IndexError, TypeError):
        return select(self, index)  # which says what is wrong, or knows better


def as_basic(index: Any) -> tuple | None:
    """The index as a tuple of numbers, plain slices, None and Ellipsis; None if it has anything else."""
    kind = type(index)
    if kind is int:
        return (index,)
    if kind is not tuple:
        index = (index,)
    for i in index:
        k = type(i)
        if k is not int and (k not in BASIC or (k is slice and i.step is not None and not _forward(i.step))):
            return None
    return index


def _forward(step: Any) -> bool:
    return type(step) is int and step > 0


def rows(self: Tensor, index: Tensor) -> Tensor:
    """The quick way for one index tensor, where no gradient is wanted."""
    if (
        index.dtype in DIRECT
        and index._a.ndim
        and type(self) in QUICK
        and not (self._rg and state.grad)
        and not interceptors
    ):
        try:
            return wrap(lang.select_index.on_arrays(self._a, (index._a,)), self.dtype)
        except IndexError:
            return select(self, index)  # which says what is wrong
    return mixed(self, index)


def mixed(self: Tensor, index: Any) -> Tensor:
    """The same for plain tensors and lists in the company of numbers and slices."""
    parts = plain_parts(index) if type(self) in QUICK and not interceptors else None
    if parts is not None:
        basic, arrays = parts
        try:
            if not arrays:
                return pick(self, basic)
            if not (self._rg and state.grad):
                return wrap(lang.select_index.on_arrays(seen(self._a, basic), arrays), self.dtype)
            if not shares(index):
                return select_index(pick(self, basic) if basic else self, arrays)
        except IndexError:
            pass
    return select(self, index)


def shares(index: Any) -> bool:
    """Is a tensor of the index on memory that others may edit, so that a graph has to keep a copy?"""
    return any(type(i) in QUICK and i._s is not None for i in (index if type(index) is tuple else (index,)))


def seen(array: Any, basic: tuple) -> Any:
    """What the basic part of an index sees of an array."""
    return lang.pick(array, basic) if basic else array


def select(self: Tensor, index: Any) -> Tensor:
    """Any index."""
    for i in index if type(index) is tuple else (index,):
        if isinstance(i, Tensor) and i._assign is not None:  # inside of vmap, grad, jvp, ...
            return i.taken_from(self, index)
    basic, tensors = parse(index, self)
    part = self if tensors is not None and is_whole(basic) else part_of(self, basic)
    if tensors is None:
        return part
    return select_index(part, checked(tensors, part, tracked(self)))


def is_whole(basic: tuple) -> bool:
    """Does the basic part of an index leave the tensor as it is?"""
    return all(type(i) is slice and i == EVERYTHING for i in basic)


def part_of(x: Tensor, basic: tuple) -> Tensor:
    """What the basic part of an index sees; `x` itself if that is all of it."""
    try:
        return pick(x, basic)
    except IndexError:
        raise explained(basic, x) from None


def tracked(x: Tensor, *values: Tensor) -> bool:
    """Is an edit of `x` a matter of the graph?"""
    if not state.grad:
        return False
    return x._rg or (x._base is not None and x._base._rg) or any(v._rg for v in values)


def checked(tensors: list[Any], x: Tensor, keep: bool) -> tuple:
    """Index tensors as arrays, each within its dimension; copied if a graph is to keep them."""
    result: list[Any] = []
    shape = x._a.shape
    dim = 0
    for t in tensors:
        if t is None:
            result.append(slice(None))
            dim += 1
            continue
        a = t._a
        if t.dtype is bool_:
            check_mask(a.shape, shape, dim)
        elif not in_range(a, shape[dim]):
            raise out_of_range(first_outside(a, shape[dim]), dim, shape)
        result.append(lang.copy(a) if keep and t._s is not None else a)
        dim += a.ndim if t.dtype is bool_ else 1
    while result and type(result[-1]) is slice:
        result.pop()
    check_together([a for a in result if type(a) is not slice])
    return tuple(result)


def check_mask(mask: tuple, shape: tuple, dim: int) -> None:
    for k, n in enumerate(mask):
        if shape[dim + k] != n:
            raise IndexError(
                f"The shape of the mask {list(mask)} at index {k} does not match the shape of the indexed "
                f"tensor {list(shape)} at index "
                f"{dim + k}; a mask has the sizes of the dimensions that it selects from"
            )


def check_together(arrays: list[Any]) -> None:
    """Several index tensors are broadcast against each other."""
    if len(arrays) < 2:
        return
    shapes = [(lang.count_true(a),) if a.dtype == bool else a.shape for a in arrays]
    for k in range(max(map(len, shapes))):
        lengths = {s[-1 - k] for s in shapes if len(s) > k} - {1}
        if len(lengths) > 1:
            raise IndexError(
                "shape mismatch: indexing tensors could not be broadcast together with shapes "
                f"{', '.join(str(list(s)) for s in shapes)}; "
                "to select rows and columns independently, index in two steps or use rows[:, None]"
            )


def out_of_range(bad: int, dim: int, shape: tuple) -> IndexError:
    n = shape[dim]
    return IndexError(
        f"index {bad} is out of bounds for dimension {dim} with size {n}: the tensor has shape "
        f"{list(shape)}, so indices go from {-n} to {n - 1}"
    )


def explained(index: tuple, x: Tensor) -> IndexError:
    """Why numpy has refused a basic index."""
    shape = x._a.shape
    wanted = sum(i is not None and i is not Ellipsis for i in index)
    if wanted > len(shape):
        if not shape:
            return IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim tensor to "
                "a number"
            )
        return IndexError(
            f"too many indices for tensor of dimension {len(shape)}: {wanted} were given for shape "
            f"{list(shape)}"
        )
    dim = 0
    for i in index:
        if i is Ellipsis:
            dim += len(shape) - wanted
        elif type(i) is int and not -shape[dim] <= i < shape[dim]:
            return out_of_range(i, dim, shape)
        elif i is not None:
            dim += 1
    return IndexError(f"{index} is no index of a tensor of shape {list(shape)}")


# ---- assignment


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """Puts `value`, a number or a tensor that broadcasts, where `index` points."""
    if type(self) in QUICK and not interceptors and write_at_once(self, index, value):
        return
    basic, tensors = parse(index, self)
    if self.is_meta:
        return None
    if not isinstance(value, Tensor):
        value = number_for(value, self)
    if tracked(self, value) or value._assign is not None:
        check_leaf(self, "setitem")
        return set_recorded(self, basic, tensors, value)
    part = part_of_array(self, basic)
    if tensors is None:
        check_overlap(part._a, "setitem")
    if tensors is None:
        write_part(self, basic, ..., fitting(value, part._a.shape, False))
        return None
    indices = checked(tensors, part, False)
    check_same_type(self, value)
    del part  # so that the memory is not held twice
    write_part(self, basic, indices, value)
    return None


def write_at_once(x: Tensor, index: Any, value: Any) -> bool:
    """The quick way for plain numbers and tensors, where no gradient is wanted; False for anything else."""
    basic, arrays = as_basic(index), ()
    if basic is None:
        parts = plain_parts(index)
        if parts is None:
            return False
        basic, arrays = parts
    kind = type(value)
    if kind in QUICK:
        if value.dtype is not x.dtype or tracked(x, value):
            return False
    elif kind not in PLAIN or tracked(x) or x.dtype.reduced or not fits_at_once(value, x.dtype):
        return False
    if 0 in x._a.strides:  # an expanded tensor, perhaps
        return False
    array = writable(x, "setitem")
    try:
        if arrays:
            array, basic = seen(array, basic), arrays
        put_index(array, value._a if kind in QUICK else value, basic)
    except (IndexError, TypeError, ValueError, OverflowError):
        return False
    return True


def fits_at_once(value: Any, dt: Any) -> bool:
    """Does a number need no second look? Infinities and NaN are numbers of floating types."""
    return -LARGE < value < LARGE or (type(value) is float and not finite(value) and dt.category >= FLOATING)


def part_of_array(x: Tensor, basic: tuple) -> Tensor:
    """What the basic part sees, as a tensor of its own that is not kept."""
    try:
        return wrap(lang.pick(x._a, basic), x.dtype)
    except IndexError:
        raise explained(basic, x) from None


def write_part(x: Tensor, basic: tuple, indices: Any, value: Tensor) -> None:
    target = lang.pick(writable(x, "setitem"), basic)
    try:
        write(target, indices, value._a if value.dtype is x.dtype else lang.cast(value._a, x.dtype))
    except (ValueError, TypeError):  # a TypeError is what numpy says of masks
        write(target, indices, fitting(value, lang.select_index(target, indices).shape, True)._a)


def set_recorded(x: Tensor, basic: tuple, tensors: Any, value: Tensor) -> None:
    """The same for the graph: a view of the basic part is edited, and its base takes part in it."""
    part = x if is_whole(basic) else pick(x, basic)
    if tensors is not None:
        check_same_type(x, value)
        indices = checked(tensors, part, True)
        value = fitting(value, lang.select_index(part._a, indices).shape, True)
        assign(part, index_set(part, value, indices), "setitem")
        return
    value = fitting(value, part._a.shape, False).to(x.dtype)
    assign(part, expand(value, part._a.shape), "setitem")


def fitting(value: Tensor, shape: tuple, advanced: bool) -> Tensor:
    """`value` without leading dimensions of one that the place lacks; an error if it does not fit there."""
    own = value._a.shape
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    fits = len(own) <= len(shape) and all(n in (1, m) for n, m in zip(reversed(own), reversed(shape)))
    if not fits:
        if advanced:
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(value._a.shape)} cannot be broadcast to "
                f"indexing result of shape {list(shape)}"
            )
        expanded(shape, own, "setitem")
    return value if own == value._a.shape else value.reshape(own)


def number_for(value: Any, x: Tensor) -> Tensor:
    """A Python number, or one of numpy's, in the type of `x`."""
    from .pointwise import number

    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()
    if type(value) not in (bool, int, float, complex):
        raise TypeError(
            f"can't assign a {type(value).__name__} to a tensor of {x.dtype}; assign a number or a tensor, "
            "such as torch.tensor(value)"
        )
    if type(value) is complex and not x.dtype.is_complex:
        if value.imag:
            raise RuntimeError(
                f"value cannot be converted to type {x.dtype.name} without overflow: {value} has an "
                "imaginary part"
            )
        value = value.real
    a = scalar(number(value, x.dtype), x.dtype.np) if fits(value, x.dtype) else None
    if a is None or (not finite_number(a) and finite_number(value)):
        raise RuntimeError(
            f"value cannot be converted to type {x.dtype.name} without overflow: {value} is outside of its "
            "range"
        )
    return wrap(a, x.dtype)


def finite_number(value: Any) -> bool:
    return finite(abs(value))


def fits(value: Any, dt: Any) -> bool:
    """Is a number within the range of an integer type? Negative ones may wrap round in an unsigned type."""
    if dt.category != INTEGRAL:
        return True
    top = 1 << (dt.itemsize * 8 - dt.is_signed)
    return finite(value) and -top <= value < top


def check_same_type(x: Tensor, value: Tensor) -> None:
    if value.dtype is not x.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {x.dtype.name} for the "
            f"destination and {value.dtype.name} for "
            f"the source; assign value.to({x.dtype})"
        )


Tensor.__getitem__ = getitem  # type: ignore[attr-defined]
Tensor.__setitem__ = setitem  # type: ignore[attr-defined]
