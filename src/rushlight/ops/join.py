"""Tensors joined: one after the other, or side by side along a new dimension."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor, wrap
from ..tensor.dtype import can_cast, promote
from .alias import alias
from .declare import composite, operator
from .intercept import interceptors
from .listed import arrays_of
from .operator import record
from .outs import guard_out
from .pieces import atleast_rank
from .rules import wrap_dim
from .shapes import shape_of


@operator(name="_cat", method=False, out=False, exact=True, node="CatBackward0")
def cat_arrays(tensors: Arrays, dim=0):
    """Arrays of one type along an existing dimension; those of shape (0,) count for nothing."""
    return lang.cat([t for t in tensors if t.shape != (0,)] or tensors, dim)


cat_arrays.gradient(tensors=lambda g, tensors_shape, dim: cut(g, tensors_shape, dim))


def cut(g, shapes, dim):
    """The part of the gradient of a `cat` that belongs to each of its inputs."""
    parts, start = [], 0
    lead = (slice(None),) * (dim % len(g.shape))
    for shape in shapes:
        n = shape[len(lead)] if shape != (0,) else 0
        piece = lang.pick(g, (*lead, slice(start, start + n)))
        parts.append(
            piece
            if shape != (0,)
            else lang.reshape(piece, (0,))
            if len(g.shape) == 1
            else lang.zeros_of(g, (0,))
        )
        start += n
    return parts


def at_once(call, join, tensors, dim):
    """The quick way for plain tensors of one type: `join` their arrays; None for anything else."""
    found = None if interceptors else arrays_of(tensors)
    if found is None:
        return None
    arrays, wanted = found
    try:
        result = wrap(join(arrays, dim), tensors[0].dtype)
    except ValueError:  # the careful way says why, or knows better
        return None
    if wanted:
        record(call.operator, (tensors, dim), (arrays, dim), result._a, result)
    return result


def checked_list(name, tensors):
    """A list of Tensors, of which there is at least one."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{type(tensors).__name__}"
        )
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}: {name}() joins "
                "tensors"
            )
    if not tensors:
        error = ValueError if name == "cat" else RuntimeError
        raise error(
            f"torch.{name}(): expected a non-empty list of Tensors; {name} expects a non-empty TensorList"
        )
    return tensors


def of_one_type(tensors, out=None, name="cat"):
    """The tensors in the type that they promote to (or that of `out=`, where it can hold that)."""
    first = tensors[0].dtype
    if out is None and all(t.dtype is first for t in tensors):
        return list(tensors)
    common = promote([(t.dtype, t._a.ndim) for t in tensors], [])
    if out is not None and not can_cast(common, out.dtype):
        raise RuntimeError(
            f"torch.{name}(): input types can't be cast to the desired output type {out.dtype.name}; they "
            f"promote to {common.name}"
        )
    return [t if t.dtype is common else t.to(common) for t in tensors]


@composite(method=False, learns="moves")
def cat(tensors, dim=0):
    """Tensors one after the other along a dimension; the other dimensions must agree."""
    joined = at_once(cat_arrays, lang.cat.on_arrays, tensors, dim)
    if joined is not None:
        return joined
    tensors = checked_list("cat", tensors)
    shapes = [shape_of(t) for t in tensors]
    for i, s in enumerate(shapes):
        if not s:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {i}) cannot be concatenated; use torch.stack, or "
                "unsqueeze(0) it"
            )
    real = [s for s in shapes if s != (0,)]
    d = wrap_dim(dim, len(real[0]) if real else 1)
    check_fit(shapes, d)
    return cat_arrays(of_one_type(tensors), d)


def check_fit(shapes, dim):
    """All but the joined dimension must agree."""
    first = next((i for i, s in enumerate(shapes) if s != (0,)), None)
    for i, s in enumerate(shapes):
        if s == (0,) or i == first:
            continue
        a = shapes[first]
        if len(s) != len(a):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(a)} and {len(s)} (cat of shapes "
                f"{', '.join(str(list(s)) for s in shapes)})"
            )
        for k, (n, m) in enumerate(zip(a, s)):
            if k != dim and n != m:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size "
                    f"{m} for tensor number {i} in the "
                    f"list: at dimension {k}, shape {list(s)} differs from {list(a)}"
                )


cat = guard_out(cat, same_type=False)
alias(cat, "concat", "concatenate", method=False)


@operator(name="_stack", method=False, out=False, exact=True, node="StackBackward0")
def stack_arrays(tensors: Arrays, dim=0):
    """Arrays of one type and shape along a new dimension."""
    return lang.stack(tensors, dim)


stack_arrays.gradient(tensors=lambda g, tensors_shape, dim: slices(g, len(tensors_shape), dim))


def slices(g, count, dim):
    """The slices along a dimension."""
    lead = (slice(None),) * (dim % len(g.shape))
    return [lang.pick(g, (*lead, i)) for i in range(count)]


@composite(method=False, learns="moves")
def stack(tensors, dim=0):
    """Tensors of one shape side by side along a new dimension."""
    joined = at_once(stack_arrays, lang.stack.on_arrays, tensors, dim) if dim >= 0 else None
    if joined is not None:
        return joined
    tensors = checked_list("stack", tensors)
    first = shape_of(tensors[0])
    d = wrap_dim(dim, len(first) + 1)
    for i, t in enumerate(tensors):
        if t._a.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(t._a.shape)} at entry {i}; pad them, or use torch.cat"
            )
    return stack_arrays(of_one_type(tensors), d)


def _stack_along(name, rank, dim_of, doc):
    def body(tensors):
        tensors = [atleast_rank(t, rank) for t in checked_list(name, tensors)]
        return cat(tensors, dim_of(tensors[0]._a.ndim))

    body.__name__, body.__doc__ = name, doc
    return composite(body, method=False)


hstack = _stack_along(
    "hstack",
    1,
    lambda ndim: 0 if ndim == 1 else 1,
    "Tensors side by side: along the second dimension (the first of vectors).",
)
vstack = _stack_along("vstack", 2, lambda ndim: 0, "Tensors one below the other; vectors are rows.")
dstack = _stack_along("dstack", 3, lambda ndim: 2, "Tensors one behind the other, along the third dimension.")
alias(vstack, "row_stack", method=False)


@composite(method=False)
def column_stack(tensors):
    """Tensors side by side; vectors are columns."""
    tensors = checked_list("column_stack", tensors)
    return hstack([t.reshape(t._a.size, 1) if t._a.ndim < 2 else t for t in tensors])


@composite(method=False, out=False, node="BlockDiagBackward0")
def block_diag(*tensors):
    """A matrix with the given ones along its diagonal, and zeros elsewhere."""
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    for i, t in enumerate(checked_list("block_diag", tensors) if tensors else ()):
        if t._a.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t._a.ndim} "
                "dimensions"
            )
    if not tensors:
        return _empty_row()
    matrices = of_one_type([atleast_rank(t, 2) for t in tensors])
    width = sum(m._a.shape[1] for m in matrices)
    rows, left = [], 0
    for m in matrices:
        h, w = m._a.shape
        before, after = (lang.zeros_of(m.detach(), (h, k)) for k in (left, width - left - w))
        rows.append(cat([before, m, after], 1))
        left += w
    return cat(rows, 0)


def _empty_row():
    from ..tensor.factories import zeros

    return zeros(1, 0)
