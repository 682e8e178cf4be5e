"""Transposes as attributes: `x.T`, `x.mT`, `x.H`, `x.mH`; and adjoint."""

from __future__ import annotations

from ..tensor.core import Tensor
from ..warned import warn
from .declare import composite
from .movement import permute, transpose
from .shapes import broadcast, sizes


def reversed_dims(self):
    """All dimensions in the opposite order: the transpose of a matrix."""
    ndim = self._a.ndim
    if ndim == 2:
        return permute(self, (1, 0))
    warn(
        f"The use of `x.T` on tensors of dimension other than 2 (here {ndim}) to reverse their shape is "
        "deprecated: use x.mT for "
        "batches of matrices, or x.permute(*torch.arange(x.ndim - 1, -1, -1))",
        UserWarning,
    )
    return permute(self, tuple(range(ndim - 1, -1, -1)))


def matrix_transpose(self):
    """The transpose of each matrix of a batch."""
    if self._a.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self._a.ndim}-D tensor."
        )
    return transpose(self, -2, -1)


def conjugated(x):
    return x.conj() if x.dtype.is_complex else x


def hermitian(self):
    """The conjugate transpose of a matrix."""
    ndim = self._a.ndim
    if ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor; x.mH is for batches"
        )
    return conjugated(transpose(self, 0, 1) if ndim else self)


def matrix_hermitian(self):
    """The conjugate transpose of each matrix of a batch."""
    if self._a.ndim < 2:
        raise RuntimeError(
            f"tensor.mH is only supported on matrices or batches of matrices. Got {self._a.ndim}-D tensor."
        )
    return adjoint(self)


@composite(out=False)
def adjoint(input):
    """The conjugate transpose of each matrix of a batch."""
    if input._a.ndim < 2:
        raise RuntimeError(
            f"adjoint() is only supported on matrices or batches of matrices. Got {input._a.ndim}-D tensor."
        )
    return conjugated(transpose(input, -2, -1))


@composite(method=False, out=False)
def broadcast_shapes(*shapes):
    """The shape that tensors of these shapes broadcast to."""
    from ..tensor.size import Size

    shapes = [sizes(s, "broadcast_shapes") for s in shapes]
    for s in shapes:
        if min(s, default=0) < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension ({min(s)}): ({min(s)})")
    return Size(broadcast(shapes, "broadcast_shapes"))


Tensor.T, Tensor.mT = property(reversed_dims), property(matrix_transpose)
Tensor.H, Tensor.mH = property(hermitian), property(matrix_hermitian)
