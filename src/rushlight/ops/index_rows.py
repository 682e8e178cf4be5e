"""Slices along a dimension that a vector names: index_add, index_copy, index_fill, index_reduce."""

from __future__ import annotations

from .. import lang
from ..autograd.modes import state
from ..lang import index as lang_index
from ..tensor.core import Tensor, wrap
from ..tensor.dtype import bool_
from .brackets import number_for
from .declare import composite, operator
from .gather import check_bounds, check_index, explained
from .masked import masked_fill_value
from .quick import quick, recorded_as
from .rules import wrap_dim
from .scatter import scatter_reduce
from .shapes import shape_of


@operator(name="_add_to_rows", method=False, out=False, node="IndexAddBackward0")
def add_to_rows(x: Array, dim, index: Array, value: Array):
    """`x` with slices added."""
    return lang.add_to_rows(x, dim, index, value)


@operator(name="_put_rows", method=False, out=False, exact=True, node="IndexCopyBackward0")
def put_rows(x: Array, dim, index: Array, value: Array):
    """`x` with slices replaced."""
    return lang.put_rows(x, dim, index, value)


add_to_rows.gradient(x=lambda g: g, value=lambda g, dim, index: lang.take_rows(g, dim, index))
put_rows.gradient(
    x=lambda g, dim, index: lang.put_rows(g, dim, index, lang.zeros_of(g, ())),
    value=lambda g, value_shape, dim, index: lang.sum_to(lang.take_rows(g, dim, index), value_shape),
)


def prepared(name, input, dim, index, source, types_agree=True):
    """`input`, the dimension, the index and the source, checked, with at least one dimension each."""
    check_index(name, index)
    shape = shape_of(input)
    d = wrap_dim(dim, len(shape))
    if index._a.ndim > 1:
        raise IndexError(f"{name}(): Index should have dimension 1 or 0 (got {index._a.ndim})")
    x = input if shape else input.reshape(1)
    index = index if index._a.ndim else index.reshape(1)
    if source is None:
        check_bounds(name, index, x._a.shape[d], d)
        return x, d, index
    if types_agree and source.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}(): self and source expected to have the same dtype, but got (self) {input.dtype.name} "
            f"and (source) {source.dtype.name}"
        )
    wanted = (*x._a.shape[:d], index._a.size, *x._a.shape[d + 1 :])
    source = source if source._a.ndim else source.reshape(1)
    if source._a.shape != wanted:
        raise RuntimeError(
            f"{name}(): Number of indices ({index._a.size}) should be equal to source.size(dim), and the "
            "other sizes to those of self: "
            f"source mismatch, expected shape {list(wanted)} for self of shape {list(shape)} and dim {d}, "
            f"but got {list(source._a.shape)}"
        )
    return x, d, index, source


def shaped_like(input, result):
    """A result for `input` that was given a dimension if it had none."""
    return result if input._a.ndim else result.reshape(())


@composite(inplace=True)
def index_add(input, dim, index, source, *, alpha=1):
    """`input` with `alpha` times the slices of `source` added to those that `index` names."""
    if alpha == 1 and quick(input, index, source) and type(dim) is int:
        made = lang_index.rows_put(input._a, dim, index._a, source._a, added=True)
        if made is not None:
            return recorded_as(add_to_rows, made, input, dim % made.ndim, index, source)
    x, d, index, source = prepared("index_add", input, dim, index, source)
    source = source if alpha == 1 else (source * alpha).to(input.dtype)
    return shaped_like(input, _changed("index_add", add_to_rows, x, d, index, source))


def _changed(name, run, x, dim, index, source):
    error = RuntimeError if name == "index_add" else IndexError
    return explained(name, lambda: run(x, dim, index, source), index, x._a.shape[dim], dim, error)


@composite(inplace=True)
def index_copy(input, dim, index, source):
    """`input` with the slices of `source` where `index` says."""
    if quick(input, index, source) and type(dim) is int:
        made = lang_index.rows_put(input._a, dim, index._a, source._a)
        if made is not None:
            return recorded_as(put_rows, made, input, dim % made.ndim, index, source)
    if (not input._a.ndim and source._a.ndim) or (
        input._a.ndim and source._a.ndim and input._a.ndim != source._a.ndim
    ):
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. "
            "Source dimensionality "
            f"({source._a.ndim}), destination dimensionality ({input._a.ndim})"
        )
    x, d, index, source = prepared("index_copy", input, dim, index, source)
    return shaped_like(input, _changed("index_copy", put_rows, x, d, index, source))


@composite(inplace=True, out=False, node="IndexFillBackward0")
def index_fill(input, dim, index, value):
    """`input` with a number in the slices that `index` names."""
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._a.ndim} dimension(s)."
            )
        value = value.to(input.dtype)
    else:
        value = number_for(value, input)
    if quick(input, index, value) and type(dim) is int and not (state.grad and (input._rg or value._rg)):
        made = lang_index.rows_filled(input._a, dim, index._a, value._a)
        if made is not None:
            return wrap(made, input.dtype)
    if index._a.size and int(index._a.min()) < 0:
        n = input._a.shape[wrap_dim(dim, input._a.ndim)] if input._a.ndim else 1
        index = index.remainder(n) if int(index._a.min()) >= -n else index
    x, d, index = prepared("index_fill", input, dim, index, None)
    mask = wrap(lang.row_mask(x._a, d, index._a), bool_)
    return shaped_like(input, masked_fill_value(x, mask, value))


@composite(inplace=True)
def index_reduce(input, dim, index, source, reduce, *, include_self=True):
    """`input` with the slices of `source` folded into those that `index` names."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    x, d, index, source = prepared("index_reduce", input, dim, index, source)
    wide = index.reshape([-1 if k == d else 1 for k in range(x._a.ndim)]).expand(source._a.shape)
    return shaped_like(input, scatter_reduce(x, d, wide, source, reduce, include_self=include_self))
