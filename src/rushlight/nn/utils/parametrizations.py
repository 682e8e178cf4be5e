"""Ready parametrizations: orthogonal matrices, weights with length and direction apart, weights of norm
one.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from ...autograd.modes import no_grad
from ...ops.operator import OPERATORS
from ...tensor.core import Tensor
from ...tensor.factories import eye
from ...tensor.limits import finfo
from .. import functional as F
from ..module import Module
from . import parametrize
from .weights import as_matrix, drawn_direction, norm_except, outputs_of, with_length


def _call(name: str, *args: Any, **kwargs: Any) -> Any:
    return OPERATORS[name].call(*args, **kwargs)


def _is_orthogonal(q: Tensor) -> bool:
    n, k = q.shape[-2:]
    tolerance = 10.0 * n * finfo(q.dtype).eps
    return _call("allclose", q.mH @ q, eye(k, dtype=q.dtype), atol=tolerance)


def _make_orthogonal(a: Tensor) -> Tensor:
    """The orthogonal factor of a matrix, of a triangle with positive diagonal."""
    x, tau = _call("geqrf", a)
    q = _call("linalg.householder_product", x, tau)
    return q * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _OrthMaps(Enum):
    matrix_exp = auto()
    cayley = auto()
    householder = auto()


class _Orthogonal(Module):
    """An orthogonal matrix made of any: as the exponential of a skew one, its Cayley transform, or of
    mirrors.
    """

    base: Any

    def __init__(self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Tensor:
        transposed = X.shape[-2] < X.shape[-1]
        X = X.mT if transposed else X
        q = self._by_mirrors(X) if self.orthogonal_map is _OrthMaps.householder else self._by_rotation(X)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if transposed else q

    def _by_mirrors(self, x: Tensor) -> Tensor:
        a = x.tril(diagonal=-1)
        tau = 2.0 / (1.0 + (a * a).sum(dim=-2))
        signs = x.diagonal(dim1=-2, dim2=-1).int()
        return _call("linalg.householder_product", a, tau) * signs.unsqueeze(-2)

    def _by_rotation(self, x: Tensor) -> Tensor:
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            x = _call("cat", [x, x.new_zeros(*x.shape[:-1], n - k)], dim=-1)
        skew = x - x.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            q = _call("matrix_exp", skew)
        else:
            one = eye(n, dtype=skew.dtype, device=skew.device)
            q = _call("linalg.solve", one - 0.5 * skew, one + 0.5 * skew)
        return q[..., :k] if n != k else q

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        """What `Q` is made of: after this it is."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{Q.shape}."
            )
        if hasattr(self, "base"):
            return self._start_from(Q)
        if self.orthogonal_map is not _OrthMaps.householder:
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        transposed = Q.shape[-2] < Q.shape[-1]
        a, tau = _call("geqrf", Q.mT if transposed else Q)
        diagonal = a.diagonal(dim1=-2, dim2=-1)
        diagonal.copy_(diagonal.sign() * _call("where", tau == 0, -1.0, 1.0).to(a.dtype))
        return a.mT if transposed else a

    def _start_from(self, Q: Tensor) -> Tensor:
        """Takes `Q` as the base, from which what is trained leads away."""
        q = Q.mT if Q.shape[-2] < Q.shape[-1] else Q
        n, k = q.shape[-2:]
        if n != k:
            rest = q.new_empty(*q.shape[:-2], n, n - k).normal_()
            self.base = _make_orthogonal(_call("cat", [q, rest], dim=-1))
        else:
            self.base = q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        start = Q.new_zeros(Q.shape)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return start


def _tensor_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keeps a matrix orthogonal while it is trained."""
    weight = _tensor_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1] or weight.is_complex()
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in _OrthMaps.__members__:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, _OrthMaps[orthogonal_map], use_trivialization=use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)


class _WeightNorm(Module):
    """A weight of lengths (original0) and directions (original1)."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return with_length(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The lengths and directions of a weight."""
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """Trains length and direction of a weight apart (Salimans and Kingma, 2016)."""
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def take_old_names(state_dict: Any, prefix: str, *rest: Any) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(take_old_names)
    return module


class _SpectralNorm(Module):
    """A weight divided by its largest singular value, which a few steps of the power method follow."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            for buffer, size in zip(("_u", "_v"), matrix.shape):
                self.register_buffer(buffer, drawn_direction(weight, size, eps))
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, matrix: Tensor, steps: int) -> None:
        for _ in range(steps):
            self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.mH.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next call writes to them
        return weight / _call("vdot", u, matrix.mv(v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """A weight is taken as it is."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Keeps a weight's largest singular value at one (Miyato et al., 2018)."""
    weight = _tensor_of(module, name)
    made = _SpectralNorm(weight, n_power_iterations, outputs_of(module, dim), eps)
    return parametrize.register_parametrization(module, name, made)


__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
