"""What weight and spectral normalisation compute, in both of their forms."""

from __future__ import annotations

from typing import Any

from ...autograd.modes import no_grad
from .. import functional as F
from ..modules.conv import _ConvTransposeNd


def norm_except(v: Any, dim: int) -> Any:
    """The length of each slice along `dim`, or of the whole for -1."""
    if dim == -1:
        return v.norm()
    rest = [d for d in range(v.dim()) if d != dim]
    return (v * v).sum(rest, keepdim=True).sqrt() if rest else v.abs()


def with_length(v: Any, g: Any, dim: int) -> Any:
    """`v` with slices of length `g`."""
    return v * (g / norm_except(v, dim))


def as_matrix(weight: Any, dim: int) -> Any:
    """A weight with `dim` as rows and everything else as columns."""
    if dim != 0:
        weight = weight.permute(dim, *(d for d in range(weight.dim()) if d != dim))
    return weight.reshape(weight.shape[0], -1)


def outputs_of(module: Any, dim: int | None) -> int:
    """The dimension that counts the outputs, unless it was given."""
    return (1 if isinstance(module, _ConvTransposeNd) else 0) if dim is None else dim


def drawn_direction(like: Any, size: int, eps: float) -> Any:
    """A random vector of length one."""
    with no_grad():
        return F.normalize(like.new_empty(size).normal_(0, 1), dim=0, eps=eps)


def largest_singular(matrix: Any, u: Any, v: Any) -> Any:
    """How much the matrix stretches in the direction `v`, which its power method has found."""
    return u.dot(matrix.mv(v))
