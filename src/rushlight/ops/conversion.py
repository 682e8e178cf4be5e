"""Conversions of type, of order in memory and of device, and copies into a tensor."""

from __future__ import annotations

from functools import cache

from .. import lang
from ..autograd.modes import state
from ..lang.single import set_all
from ..tensor import options
from ..tensor.core import CPU, META, QUICK, Tensor, wrap
from ..tensor.device import device as Device
from ..tensor.dtype import DTYPES, dtype
from ..tensor.inplace import assign, check_leaf, put, writable
from ..tensor.layout import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    has_format,
    order_of,
    preserve_format,
)
from ..tensor.method import Method
from .at_once import ALONE, AtOnce
from .declare import operator
from .intercept import interceptors
from .learning import learn


@operator(method=False, out=False, exact=True, name="_cast", node="ToCopyBackward0")
def cast(input: Array, dtype):
    """The values in another type."""
    return lang.cast(input, dtype)


cast.gradient(input=lambda g, input: lang.cast(g, input.dtype))


@operator(method=False, out=False, exact=True, name="_laid_out", node="CloneBackward0")
def laid_out(input: Array, order):
    """A copy whose dimensions lie in memory in `order`, outermost first."""
    return lang.laid_out(input, order)


laid_out.gradient(input=lambda g: g)


# ---- to


def to(self, *args, **kwargs):
    """This tensor with another dtype or on another device; itself if nothing changes.

    x.to(dtype), x.to(device), x.to(device, dtype), x.to(other), each with `copy=True` to have a new tensor
    in any case and `memory_format=` to choose the order in memory.
    """
    if len(args) == 1 and not kwargs:
        wanted = args[0]
        if type(wanted) is dtype:
            return self if self.dtype is wanted else _cast_at_once(self, wanted)
        if type(self) in QUICK and (wanted is CPU or (type(wanted) is str and wanted == "cpu")):
            return self
    return converted(self, *_to_arguments(args, kwargs))


def _to_arguments(args, kwargs):
    """device, dtype, copy and memory_format from any of the forms of `to`."""
    names = _positions(args)
    given = dict(zip(names, args))
    for key, value in kwargs.items():
        if key not in ("device", "dtype", "other", "non_blocking", "copy", "memory_format"):
            raise TypeError(
                f"to() got an unexpected keyword argument '{key}'; it is to(device, dtype, non_blocking, "
                "copy, *, memory_format)"
            )
        if key in given:
            raise TypeError(f"to() got multiple values for argument '{key}'")
        given[key] = value
    other = given.get("other")
    if other is not None:
        given.setdefault("device", other.device)
        given.setdefault("dtype", other.dtype)
    dt, device = given.get("dtype"), given.get("device")
    return (
        None if device is None else options.checked_device(device),
        None if dt is None else options.checked_dtype("to", dt),
        bool(given.get("copy", False)),
        options.checked_format("to", given.get("memory_format")),
    )


def _positions(args):
    """The names of the positional arguments, told by the first of them."""
    if len(args) > 4:
        raise TypeError(f"to() takes at most 4 positional arguments, got {len(args)}")
    first = args[0] if args else None
    if isinstance(first, Tensor):
        return ("other", "non_blocking", "copy")
    if isinstance(first, dtype) or first in options.PYTHON_TYPES:
        return ("dtype", "non_blocking", "copy")
    if first is None or isinstance(first, (str, int, Device)):
        return ("device", "dtype", "non_blocking", "copy")
    raise TypeError(
        f"to() received an invalid combination of arguments - got ({type(first).__name__}), but expected a "
        "torch.dtype, a device "
        "(torch.device, str or int) or a Tensor"
    )


def converted(x, device=None, dt=None, copy=False, fmt=None):
    """`x` on a device, in a dtype and in a memory format; itself when it is so already."""
    dt = dt or x.dtype
    if device is not None and device is not x.device:
        return _moved(x, device, dt, fmt)
    if dt is not x.dtype:
        x, copy = _cast_at_once(x, dt), False
    if not _lies_as(x._a, fmt):
        return laid_out(x, order_of(fmt, x._a.ndim))
    return x.clone() if copy else x


@cache
def converting(dt):
    """What conversions to a type do at once."""
    return AtOnce("cast", 1, ALONE)


def _cast_at_once(x, dt):
    """`cast(x, dt)`, by one builtin where it has learnt how."""
    at_once = converting(dt)
    quick = at_once.run
    made = quick(x) if quick is not None and not interceptors else None
    if made is None:
        made = cast(x, dt)
        if type(x) in QUICK and not made._rg:
            learn(at_once, lambda x: lang.cast(x, dt.name), (x,), dt, x.dtype)
    return made


def _lies_as(array, fmt):
    """Is there nothing to do for `fmt`? Row-major only means "not channels_last" here, so x.t() may stay."""
    if fmt is contiguous_format:
        return array.flags.c_contiguous or not any(
            has_format(array, f) for f in (channels_last, channels_last_3d)
        )
    return has_format(array, fmt)


def _moved(x, device, dt, fmt):
    if device is CPU:
        raise NotImplementedError(
            "Cannot copy out of meta tensor; no data! Use torch.empty_like(x, device='cpu') (for a module: "
            "torch.nn.Module.to_empty()) and fill it"
        )
    from ..tensor.factories import empty_like

    return empty_like(x, dtype=dt, device=META, memory_format=fmt or preserve_format)


# ---- one method for each type


def _conversion(dt, name):
    at_once = converting(dt)

    def convert(self, memory_format=None):
        quick = at_once.run
        made = quick(self) if quick is not None and memory_format is None and not interceptors else None
        return converted(self, None, dt, False, memory_format) if made is None else made

    convert.__name__, convert.__qualname__ = name, f"Tensor.{name}"
    convert.__doc__ = f"This tensor as {dt}."
    return convert


TYPE_METHODS = {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "int": "int32",
    "long": "int64", "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64",
    "cdouble": "complex128", "chalf": "complex32",
}  # fmt: skip


def type_as(self, other):
    """This tensor in the type of `other`."""
    return converted(self, other.device, other.dtype)


def type_(self, dtype=None, non_blocking=False):
    """The name of this tensor's type, such as 'torch.FloatTensor'; with an argument, a conversion to it."""
    from ..tensor.legacy import dtype_of_type, type_name

    return type_name(self) if dtype is None else converted(self, None, dtype_of_type(dtype))


def cpu(self, memory_format=None):
    """This tensor on the CPU."""
    return converted(self, CPU, None, False, memory_format)


def cuda(self, device=None, non_blocking=False, memory_format=None):
    """Refused: there is no CUDA device."""
    raise options.no_such_device(Device("cuda") if device is None else Device(device))


# ---- copies into a tensor


@operator(method=False, out=False, exact=True, name="_copied", node="CopyBackwards")
def copied(input: Array):
    """The same values in memory of their own."""
    return lang.copy(input)


copied.gradient(input=lambda g: g)


def copy_(self, src, non_blocking=False):
    """Takes the values of `src`, broadcast to this shape and converted to this type."""
    if not isinstance(src, Tensor):
        if not isinstance(src, (bool, int, float, complex)):
            raise TypeError(
                f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}"
            )
        return fill_(self, src)
    if src.is_meta and not self.is_meta:
        raise NotImplementedError("copy_(): Cannot copy out of meta tensor; no data!")
    if self.is_meta:
        return self
    check_leaf(self, "copy_")
    value = _fitted(self, src)
    if src._assign is not None or (
        state.grad and (self._rg or src._rg or (self._base is not None and self._base._rg))
    ):
        return assign(self, copied(value), "copy_")
    put(self, wrap(value._a[...], value.dtype), "copy_")
    return self


def _fitted(target, src):
    value = src if src.dtype is target.dtype else cast(src, target.dtype)
    shape, own = target._a.shape, value._a.shape
    if own == shape:
        return value
    lead = len(shape) - len(own)
    if lead < 0 and all(n == 1 for n in own[:-lead]):
        return _fitted(target, value.reshape(own[-lead:]))
    if lead < 0 or any(n not in (1, m) for n, m in zip(own, shape[lead:])):
        raise RuntimeError(
            f"The size of tensor a ({list(shape)}) must match the size of tensor b ({list(own)}): copy_ "
            "broadcasts the source to the "
            "shape of the tensor it writes to, which never changes its shape"
        )
    return value.expand(shape)


@cache
def filling(name, node):
    """An operator that gives `value` everywhere, under the name that the edit has in the graph."""

    def body(input: Array, value):
        return lang.full_like(input, value)

    body.__doc__ = "`value` everywhere."
    op = operator(body, method=False, out=False, exact=True, name=name, node=node)
    op.gradient(input=lambda g: lang.zeros_like(g))
    return op


fill_number = filling("_fill", "FillBackward0")


@operator(method=False, out=False, name="_fill_tensor", node="FillBackward1")
def fill_tensor(input: Array, value: Array):
    """The only element of `value` everywhere."""
    return lang.copy(lang.expand(lang.cast(value, input.dtype), input.shape))


fill_tensor.gradient(
    input=lambda g: lang.zeros_like(g), value=lambda g, value: lang.cast(lang.sum(g), value.dtype)
)


def fill(input, value):
    """`value`, a number or a tensor without dimensions, everywhere in the shape and type of `input`."""
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise RuntimeError(
                f"fill only supports 0-dimension value tensor but got tensor with {value._a.ndim} "
                "dimensions; copy_ takes whole tensors"
            )
        return fill_tensor(input, value)
    return fill_number(input, _number_for(input, value))


def _number_for(input, value):
    from ..tensor.factories import value_in

    if not isinstance(value, (bool, int, float, complex)) and not hasattr(value, "item"):
        raise TypeError(
            f"fill_(): argument 'value' (position 1) must be Tensor or Number, not {type(value).__name__}"
        )
    return value_in(value.item() if hasattr(value, "item") else value, input.dtype)


PLAIN_FLOATS = (DTYPES["float32"], DTYPES["float64"])


def _outside_graph(t):
    """Can `t` be written to with nobody to be told?"""
    return not (t._rg or interceptors or type(t) not in QUICK or (t._base is not None and t._base._rg))


def fill_(self, value):
    """Sets every element to `value`."""
    if type(value) in (int, float) and self.dtype in PLAIN_FLOATS and _outside_graph(self):
        set_all(writable(self, "fill_"), value)
        return self
    result = (
        fill(self, value)
        if isinstance(value, Tensor)
        else filling("_fill_", "FillBackward2")(self, _number_for(self, value))
    )
    return assign(self, result, "fill_")


def zero_(self):
    """Sets every element to zero."""
    if _outside_graph(self):
        set_all(writable(self, "zero_"), 0)
        return self
    return assign(self, filling("_zero", "ZeroBackward0")(self, 0), "zero_")


def attach():
    """Gives Tensor its conversions."""
    for name, dt in TYPE_METHODS.items():
        setattr(Tensor, name, _conversion(DTYPES[dt], name))
    for method in (to, type_as, cpu, cuda, copy_, fill_, zero_):
        setattr(Tensor, method.__name__, method)
    Tensor.type = Method("type", type_)


attach()
__all__ = ["cast", "converted", "fill", "laid_out"]
