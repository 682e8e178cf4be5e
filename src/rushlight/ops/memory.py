"""Copies and the order of dimensions in memory: clone, contiguous, as_strided."""

from __future__ import annotations

from math import prod

from .. import lang
from ..lang.region import strided_geometry
from ..tensor.core import Tensor
from ..tensor.layout import FORMATS, contiguous_format, has_format, order_of, preserve_format
from .declare import composite, operator, view
from .shapes import sizes

CONTIGUOUS = FORMATS["contiguous_format"]


@operator(out=False, exact=True, learns="moves")
def clone(input: Array, *, memory_format=None):
    """A copy with memory of its own, in the same order unless `memory_format` says otherwise."""
    if memory_format is None or memory_format is preserve_format:
        return lang.copy(input)
    return lang.laid_out(input, order_of(checked_format("clone", memory_format), input.ndim))


clone.gradient(input=lambda g: g)


def checked_format(name, fmt):
    if fmt not in FORMATS.values():
        raise TypeError(
            f"{name}(): memory_format must be torch.memory_format, not {type(fmt).__name__}; "
            "torch.channels_last, say"
        )
    return fmt


@composite(out=False, learns="moves")
def contiguous(input, memory_format=contiguous_format):
    """The same values in row-major memory (or `memory_format`): `input` itself if it is so already."""
    if has_format(input._a, checked_format("contiguous", memory_format)):
        return input
    if memory_format is preserve_format:
        raise RuntimeError(
            "contiguous(): preserve memory format is unsupported by the contiguous operator; use clone()"
        )
    return clone(input, memory_format=memory_format)


def is_contiguous(self, memory_format=contiguous_format):
    """Do the elements lie in memory one after the other, in the order of `memory_format`?"""
    if checked_format("is_contiguous", memory_format) is preserve_format:
        raise RuntimeError(
            "is_contiguous(): preserve memory format is no order in memory; ask for torch.contiguous_format"
        )
    return has_format(self._a, memory_format)


Tensor.is_contiguous = is_contiguous


@view(name="_as_strided", method=False, node="AsStridedBackward0")
def strided(input: Array, size, stride, storage_offset, geometry):
    """`as_strided` with arguments that have been checked."""
    return lang.as_strided(input, size, stride, storage_offset)


strided.gradient(input=lambda g, geometry: lang.region_add(g, geometry))


@composite(out=False)
def as_strided(input, size, stride, storage_offset=None):
    """A view of the memory behind `input` with any shape, strides and offset, counted in elements."""
    size, stride = sizes(size, "as_strided(size)"), sizes(stride, "as_strided(stride)")
    offset = lang.offset_of(input._a) if storage_offset is None else int(storage_offset)
    check_strided(input, size, stride, offset)
    return strided(input, size, stride, offset, strided_geometry(input._a, size, stride, offset))


def check_strided(x, size, stride, offset):
    """Refuses strides that lead out of the memory of `x`."""
    name = f"as_strided(size={list(size)}, stride={list(stride)}, storage_offset={offset})"
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {name} has {len(size)} sizes and {len(stride)} strides"
        )
    if min(stride, default=0) < 0 or min(size, default=0) < 0 or offset < 0:
        raise RuntimeError(
            f"as_strided: Negative strides, sizes and offsets are not supported, got {name}; use x.flip(dim)"
        )
    needed = offset + sum((n - 1) * s for n, s in zip(size, stride)) + 1 if prod(size) else 0
    there = lang.root(x._a).nbytes // x.dtype.itemsize
    if needed > there:
        raise RuntimeError(
            f"setStorage: {name} requires {needed} elements, which is out of bounds for storage of size "
            f"{there * x.dtype.itemsize} "
            f"bytes ({there} elements)"
        )
