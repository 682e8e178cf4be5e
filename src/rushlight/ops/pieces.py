"""Pieces of a tensor, as views: select, narrow, split, chunk, unbind, diagonal, unfold."""

from __future__ import annotations

from itertools import pairwise

from .. import lang
from ..tensor.dtype import INTEGRAL
from .alias import alias
from .declare import composite, operator, view
from .getitem import slice_bound
from .rules import wrap_dim
from .select import pick
from .shapes import shape_of, sizes


def sized_dim(dim, shape, name):
    """`dim` counted from the front, of a tensor that has dimensions."""
    if not shape:
        raise IndexError(f"{name}() cannot be applied to a 0-dim tensor.")
    return wrap_dim(dim, len(shape))


@composite(out=False)
def select(input, dim, index):
    """The slice at one place of a dimension, which is left out."""
    shape = shape_of(input)
    d, i = sized_dim(dim, shape, "select"), slice_bound(index)
    if not -shape[d] <= i < shape[d]:
        raise IndexError(
            f"select(): index {i} out of range for tensor of size {list(shape)} at dimension {d}"
        )
    return pick(input, (slice(None),) * d + (i,))


@composite(out=False)
def narrow(input, dim, start, length):
    """`length` places of a dimension, from `start` on."""
    shape = shape_of(input)
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, len(shape))
    if hasattr(start, "_a") and (start._a.ndim or start.dtype.category != INTEGRAL):
        raise RuntimeError(
            f"start must be an 0-dim integral Tensor, but it has shape {list(start._a.shape)} and dtype "
            f"{start.dtype}"
        )
    n, start = shape[d], slice_bound(start)
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, but got {length}")
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start}): narrow along "
            f"dimension {d} of {list(shape)}"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({n}): narrow along dimension {d} "
            f"of {list(shape)}"
        )
    return pick(input, (slice(None),) * d + (slice(start, start + length),))


@view(name="_pieces", method=False, node="SplitBackward0")
def pieces(input: Array, bounds, dim):
    """Slices that follow each other along a dimension and fill it."""
    lead = (slice(None),) * dim
    return tuple(lang.pick(input, (*lead, slice(a, b))) for a, b in pairwise(bounds))


@view(node="UnbindBackward0")
def unbind(input: Array, dim=0):
    """All slices along a dimension, which is left out."""
    if not input.ndim:
        raise IndexError(
            "Dimension specified as 0 but tensor has no dimensions: unbind() needs one to go along"
        )
    d = wrap_dim(dim, input.ndim)
    lead = (slice(None),) * d
    return tuple(lang.pick(input, (*lead, i)) for i in range(input.shape[d]))


pieces.gradient(input=lambda g, dim: lang.cat(list(_each(g)), dim))
unbind.gradient(input=lambda g, dim: lang.stack(list(_each(g)), dim))


def _each(g):
    """The gradients of several outputs; a single output's comes bare."""
    return g if isinstance(g, tuple) else (g,)


@composite(out=False, name="split", learns=True)
def split(tensor, split_size_or_sections=None, dim=0, *, split_size=None):
    """Slices of a given length (the last may be shorter), or of the lengths given."""
    given = split_size if split_size_or_sections is None else split_size_or_sections
    if isinstance(given, (list, tuple)):
        return split_with_sizes(tensor, given, dim)
    shape = shape_of(tensor)
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d, length = wrap_dim(dim, len(shape)), slice_bound(given)
    n = shape[d]
    if length < 0 or (length == 0 and n):
        raise RuntimeError(
            "split expects split_size be non-negative, and above 0 unless the dimension is empty, but got "
            f"split_size={length}"
        )
    return pieces(tensor, [*range(0, max(n, 1), length or 1), n], d)


@composite(out=False, node="SplitWithSizesBackward0")
def split_with_sizes(input, split_sizes, dim=0):
    """Slices of the lengths given."""
    shape = shape_of(input)
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d, lengths = wrap_dim(dim, len(shape)), sizes(split_sizes, "split_with_sizes")
    if min(lengths, default=0) < 0 or sum(lengths) != shape[d]:
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries that sum exactly to "
            f"{shape[d]} (input tensor's size at "
            f"dimension {d}), but got split_sizes={list(lengths)}, which sum to {sum(lengths)}"
        )
    bounds = [0]
    for n in lengths:
        bounds.append(bounds[-1] + n)
    return pieces(input, bounds, d)


@composite(out=False, learns=True)
def chunk(input, chunks, dim=0):
    """About `chunks` slices of equal length along a dimension."""
    shape = shape_of(input)
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = wrap_dim(dim, len(shape))
    n = shape[d]
    if not n:
        return pieces(input, [0] * (chunks + 1), d)
    return pieces(input, [*range(0, n, -(-n // chunks)), n], d)


@composite(out=False)
def tensor_split(input, indices_or_sections=None, dim=0, *, indices=None, sections=None):
    """Slices that end at the given places, or a given number of nearly equal ones."""
    shape = shape_of(input)
    if not shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    d = wrap_dim(dim, len(shape))
    n = shape[d]
    given = next((x for x in (indices_or_sections, indices, sections) if x is not None), None)
    if hasattr(given, "_a"):
        given = given_by_tensor(given)
    if isinstance(given, (list, tuple)):
        ends = [slice(None, slice_bound(i)).indices(n)[1] for i in given]
        lead = (slice(None),) * d
        return tuple(pick(input, (*lead, slice(a, b))) for a, b in zip([0, *ends], [*ends, n]))
    parts = slice_bound(given)
    if parts <= 0:
        raise RuntimeError(f"number of sections must be larger than 0, got {parts}")
    short, longer = divmod(n, parts)
    return split_with_sizes(input, [short + 1] * longer + [short] * (parts - longer), d)


def given_by_tensor(t):
    if t.dtype.name != "int64" or t._a.ndim > 1:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional "
            "tensor of dtype long, but got "
            f"a tensor with {t._a.ndim} dims and dtype {t.dtype}"
        )
    return t.tolist()


def _split_along(name, dim_of, least):
    def body(input, indices_or_sections=None, *, indices=None, sections=None):
        given = next(x for x in (indices_or_sections, indices, sections) if x is not None)
        shape = shape_of(input)
        if len(shape) < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but got "
                f"a tensor with {len(shape)} dimensions!"
            )
        d = dim_of(len(shape))
        if isinstance(given, int) and (given <= 0 or shape[d] % given):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {d}, but the size of the dimension "
                f"{shape[d]} is not divisible by the split_size {given}!"
            )
        return tensor_split(input, given, d)

    body.__name__ = name
    body.__doc__ = (
        "`tensor_split` along "
        + {
            1: "the second dimension (the first of a vector)",
            2: "the first dimension",
            3: "the third dimension",
        }[least]
        + "."
    )
    return composite(body, out=False)


hsplit = _split_along("hsplit", lambda ndim: 1 if ndim > 1 else 0, 1)
vsplit = _split_along("vsplit", lambda ndim: 0, 2)
dsplit = _split_along("dsplit", lambda ndim: 2, 3)
alias(chunk, "unsafe_chunk")
alias(split, "unsafe_split")
alias(split_with_sizes, "unsafe_split_with_sizes")


@view
def diagonal(input: Array, offset=0, dim1=0, dim2=1):
    """A diagonal of two dimensions, which becomes the last dimension."""
    if input.ndim < 2:
        wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    d1, d2 = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if d1 == d2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}; give two different ones")
    return lang.diagonal(input, offset, d1, d2)


@operator(name="_diagonal_place", method=False, out=False, exact=True, learns="moves")
def diagonal_place(x: Array, shape, offset=0, dim1=0, dim2=1):
    """Zeros with `x` on a diagonal."""
    return lang.diagonal_place(x, shape, offset, dim1, dim2)


diagonal.gradient(
    input=lambda g, input_shape, offset, dim1, dim2: lang.diagonal_place(g, input_shape, offset, dim1, dim2)
)
diagonal_place.gradient(x=lambda g, offset, dim1, dim2: lang.diagonal(g, offset, dim1, dim2))


@view
def unfold(input: Array, dimension, size, step):
    """All windows of `size` along a dimension, `step` apart; the last dimension goes through each window."""
    d = wrap_dim(dimension, input.ndim)
    length = input.shape[d] if input.ndim else 1
    if size < 0 or step <= 0:
        raise RuntimeError(f"unfold: size is {size} and step is {step}, but size must be >= 0 and step > 0")
    if size > length:
        raise RuntimeError(f"unfold: maximum size for tensor at dimension {d} is {length} but size is {size}")
    return lang.unfold(input, d, size, step)


@operator(name="_unfold_add", method=False, out=False)
def unfold_add(x: Array, shape, dimension, size, step):
    """Zeros with windows added where `unfold` cuts them."""
    return lang.unfold_add(x, shape, dimension % max(len(shape), 1), size, step)


unfold.gradient(
    input=lambda g, input_shape, dimension, size, step: unfolded(g, input_shape, dimension, size, step)
)
unfold_add.gradient(x=lambda g, dimension, size, step: lang.unfold(g, dimension, size, step))


def unfolded(g, shape, dimension, size, step):
    return lang.unfold_add(g, shape, dimension % max(len(shape), 1), size, step)


def atleast_rank(x, rank):
    """`x` with so many dimensions, at least; new ones come as numpy places them."""
    shape = shape_of(x)
    if len(shape) >= rank:
        return x
    new = {0: (1,) * rank, 1: (1, *shape) if rank == 2 else (1, *shape, 1), 2: (*shape, 1)}[len(shape)]
    return x.reshape(new if rank > 1 else (1,))


def _atleast(rank):
    def body(*tensors):
        if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
            return tuple(atleast_rank(t, rank) for t in tensors[0])
        return (
            atleast_rank(tensors[0], rank)
            if len(tensors) == 1
            else tuple(atleast_rank(t, rank) for t in tensors)
        )

    body.__name__ = f"atleast_{rank}d"
    body.__doc__ = f"Tensors with at least {rank} dimension{'s' * (rank > 1)}; several give a tuple."
    return composite(body, method=False, out=False)


atleast_1d, atleast_2d, atleast_3d = _atleast(1), _atleast(2), _atleast(3)
