"""Copies of views (`select_copy`, ...), and copies with a view replaced (`select_scatter`, ...)."""

from __future__ import annotations

from ..tensor.core import Tensor
from ..tensor.inplace import write_out
from .declare import OPERATORS, Composite, composite, publish
from .memory import CONTIGUOUS, as_strided, clone
from .movement import expand, permute, squeeze, t, transpose, unsqueeze, view_method
from .pieces import diagonal, narrow, select, split, split_with_sizes, unbind, unfold
from .rules import wrap_dim
from .select import pick
from .shapes import shape_of


def slice_view(input, dim=0, start=None, end=None, step=1):
    """`input[start:end:step]` along a dimension."""
    if step <= 0:
        raise RuntimeError(f"slice step must be positive, but got {step}")
    d = wrap_dim(dim, len(shape_of(input)))
    return pick(input, (slice(None),) * d + (slice(start, end, step),))


def alias_view(input):
    return input


def copying(name, call, method=False):
    """A function that gives copies of the views that `call` gives."""

    def body(input, *args, **kwargs):
        return clone(call(input, *args, **kwargs), memory_format=CONTIGUOUS)

    body.__name__ = name
    body.__doc__ = f"`{name.removesuffix('_copy')}` as a copy instead of a view."
    return composite(body, method=method)


def copying_pieces(name, call):
    """The same for what gives several; with `out=` the result is there alone, and nothing is returned."""

    def body(input, *args, out=None, **kwargs):
        results = tuple(clone(r, memory_format=CONTIGUOUS) for r in call(input, *args, **kwargs))
        if out is None:
            return results
        write_out(out, results, name)
        return None

    body.__name__ = name
    body.__doc__ = f"`{name.removesuffix('_copy')}` as copies instead of views."
    Composite(body)
    return publish(OPERATORS[name], body, method=False)


VIEWS = {
    "alias": alias_view, "as_strided": as_strided, "diagonal": diagonal, "detach": Tensor.detach,
    "expand": expand, "permute": permute, "select": select, "slice": slice_view, "squeeze": squeeze, "t": t,
    "transpose": transpose, "unfold": unfold, "unsqueeze": unsqueeze, "view": view_method,
}  # fmt: skip
COPIES = {name + "_copy": copying(name + "_copy", call) for name, call in VIEWS.items()}
for _call in (split, split_with_sizes, unbind):
    COPIES[_call.__name__ + "_copy"] = copying_pieces(_call.__name__ + "_copy", _call)
narrow_copy = copying("narrow_copy", narrow, method=True)


def scattering(name, input, src, look):
    """A copy of `input` in which what `look` sees is replaced by `src`."""
    result = (
        clone(input, memory_format=CONTIGUOUS)
        if not input.is_contiguous() and name != "as_strided_scatter"
        else clone(input)
    )
    part = look(result)
    if part._a.shape != src._a.shape:
        raise RuntimeError(
            f"{name}: expected src to have a size equal to the slice of self that it replaces. src size = "
            f"{list(src._a.shape)}, "
            f"slice size = {list(part._a.shape)}"
        )
    part.copy_(src)
    return result


@composite(out=True)
def select_scatter(input, src, dim, index):
    """A copy of `input` with one slice along `dim` replaced."""
    return scattering("select_scatter", input, src, lambda x: select(x, dim, index))


@composite(out=True)
def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """A copy of `input` with `[start:end:step]` along `dim` replaced."""
    return scattering("slice_scatter", input, src, lambda x: slice_view(x, dim, start, end, step))


@composite(out=True)
def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """A copy of `input` with a diagonal replaced."""
    return scattering("diagonal_scatter", input, src, lambda x: diagonal(x, offset, dim1, dim2))


@composite(out=True)
def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """A copy of `input` with the elements that `as_strided` sees replaced."""
    return scattering("as_strided_scatter", input, src, lambda x: as_strided(x, size, stride, storage_offset))
