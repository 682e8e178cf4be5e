"""What shape rules share: dimensions, and putting reduced dimensions back."""

from __future__ import annotations

from typing import Any

from .. import lang


def wrap_dim(dim: int, ndim: int, what: str = "Dimension") -> int:
    """`dim` counted from the front; an IndexError that names the range when there is no such dimension."""
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(
            f"{what} out of range (expected to be in range of [{-n}, {n - 1}], but got {dim}); the tensor "
            f"has {ndim} dimensions"
        )
    return dim % n


def broadcasts(shape: tuple, target: tuple) -> bool:
    """Does an array of `shape` broadcast to `target`?"""
    return len(shape) <= len(target) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(target)))


def axes_of(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """The axes that a reduction over `dim` (a number, several, or None for all) goes along."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return None
    axes = tuple(wrap_dim(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,)))
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"dim {axes[-1]} appears multiple times in the list of dims: {list(dim)}")
    return axes if ndim else None


def restore(reduced: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """A value reduced from `shape` with the reduced dimensions back, as ones, so that it broadcasts against
    that.
    """
    if keepdim:
        return reduced
    axes = axes_of(dim, len(shape))
    return lang.reshape(reduced, [1 if axes is None or i in axes else n for i, n in enumerate(shape)])


def without(reduced: Any, axes: tuple[int, ...] | None) -> Any:
    """A reduced value without the axes that it was reduced along, which are ones; None stands for all."""
    return lang.reshape(
        reduced, [n for d, n in enumerate(reduced.shape) if axes is not None and d not in axes]
    )
