"""Normal vectors."""

from __future__ import annotations

import math
from typing import Any

from .. import linalg
from ..ops import OPERATORS
from ..tensor.core import Tensor
from ..tensor.size import Size
from . import constraints
from .distribution import Distribution
from .normal import standard_normal
from .utils import lazy_property


def _product(matrix: Tensor, vector: Tensor) -> Tensor:
    """A matrix times a vector, for batches of both."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def _mahalanobis(scale: Tensor, difference: Tensor) -> Tensor:
    """The squared length of differences, measured in deviations."""
    shape = OPERATORS["broadcast_shapes"].call(scale.shape[:-1], difference.shape)
    column = difference.expand(shape).unsqueeze(-1)
    return linalg.solve_triangular(scale, column, upper=False).squeeze(-1).pow(2).sum(-1)


class MultivariateNormal(Distribution):
    """Normal vectors with mean `loc`, and one of `covariance_matrix`, its inverse and its Cholesky factor."""

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: Any = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            name: value
            for name, value in (
                ("covariance_matrix", covariance_matrix),
                ("precision_matrix", precision_matrix),
                ("scale_tril", scale_tril),
            )
            if value is not None
        }
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        ((name, matrix),) = given.items()
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = OPERATORS["broadcast_shapes"].call(matrix.shape[:-2], loc.shape[:-1])
        matrix = matrix.expand(batch + (-1, -1))
        setattr(self, name, matrix)
        self.loc = loc.expand(batch + (-1,))
        super().__init__(batch, self.loc.shape[-1:], validate_args)
        self._scale = matrix if name == "scale_tril" else _factor(name, matrix)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Distribution:
        new = super().expand(batch_shape, _instance)
        new._scale = self._scale.expand(Size(batch_shape) + self._scale.shape[-2:])  # type: ignore[attr-defined]
        return new

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower triangular factor of the covariance."""
        return self._scale

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._scale @ self._scale.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return OPERATORS["cholesky_inverse"].call(self._scale)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self._scale.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.loc + _product(self._scale, standard_normal(self._extended_shape(sample_shape), self.loc))

    def _half_log_det(self) -> Tensor:
        return self._scale.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        distance = _mahalanobis(self._scale, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Tensor:
        found = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
        return found if not self._batch_shape else found.expand(self._batch_shape)


def _factor(name: str, matrix: Tensor) -> Tensor:
    """The lower Cholesky factor of the covariance."""
    if name == "covariance_matrix":
        return linalg.cholesky(matrix)
    flipped = linalg.cholesky(matrix.flip((-2, -1))).flip((-2, -1)).mT
    return linalg.inv(flipped).tril()
