"""Distances between all pairs of vectors."""

from __future__ import annotations

from .. import lang
from ..tensor.core import Tensor
from .alias import alias
from .declare import composite, operator
from .fused import Fusible
from .linear_algebra.checks import batch_shape
from .operator import OPERATORS
from .triangle import triu_indices

MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
FEW = 25  # up to this many vectors, differences are taken one by one, which is more exact


@composite(method=False, out=False)
def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """The p-norm distance between each row of `x1` and each row of `x2`."""
    _check(x1, x2, p)
    if compute_mode not in MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode; it is one of {MODES}")
    batch = batch_shape("cdist", x1, x2)
    x1, x2 = lang.expand(x1, (*batch, *x1.shape[-2:])), lang.expand(x2, (*batch, *x2.shape[-2:]))
    if p == 2:
        many = max(x1.shape[-2], x2.shape[-2]) > FEW
        return euclidean(x1, x2, compute_mode == MODES[1] or (compute_mode == MODES[0] and many))
    return OPERATORS["linalg.vector_norm"].call(_differences(x1, x2), p, -1)


def _differences(x1, x2):
    """Each row of the first less each row of the second."""
    first = lang.reshape(x1, (*x1.shape[:-1], 1, x1.shape[-1]))
    return first - lang.reshape(x2, (*x2.shape[:-2], 1, *x2.shape[-2:]))


def _check(x1, x2, p):
    for name, x in (("X1", x1), ("X2", x2)):
        if not isinstance(x, Tensor) or not x.dtype.is_floating_point:
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: "
                f"{getattr(x, 'dtype', type(x).__name__)}"
            )
        if x.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D (shape {list(x.shape)})"
            )
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, but got p={p}")


@operator(name="_euclidean", method=False, out=False, node="CdistBackward0")
def euclidean(input: Array, other: Array, by_product):
    """The Euclidean distance between rows, directly or by one product of matrices."""
    if by_product:
        return _root.apply(_squares_by_product(input, other))
    gaps = _differences(input, other)
    return lang.sqrt(lang.sum(gaps * gaps, -1))


_root = Fusible(lambda squares: lang.sqrt(lang.maximum(squares, 0)), "root")  # rounding may go below zero
_weight = Fusible(
    lambda g, result: lang.where(result == 0, 0.0, g / lang.where(result == 0, 1.0, result)),
    "distance_weight",
)


def _squares_by_product(x, y):
    """`|x|**2 - 2 x y + |y|**2` in one product, with the squares as further columns."""
    x_square, y_square = lang.sum(x * x, -1, True), lang.sum(y * y, -1, True)
    left = lang.cat([-2 * x, x_square, lang.ones_like(x_square)], -1)
    right = lang.cat([y, lang.ones_like(y_square), y_square], -1)
    return lang.matmul(left, lang.adjoint(right))


@euclidean.gradient
def _(g, input, other, result, needs):
    weight = _weight.apply(g, result)
    across = lang.transpose(weight, -2, -1)
    return (
        input * lang.sum(weight, -1, True) - lang.matmul(weight, other) if needs[0] else None,
        other * lang.sum(across, -1, True) - lang.matmul(across, input) if needs[1] else None,
    )


@composite(namespace="nn.functional", out=False, node="PdistBackward0")
def pdist(input, p=2):
    """The p-norm distance between each pair of rows, as one vector."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D (shape {list(input.shape)})")
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"pdist only supports floating-point dtypes, got {input.dtype.name}")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, but got p={p}")
    pairs = triu_indices(input.shape[0], input.shape[0], 1)
    first, second = (lang.take_rows(input, 0, lang.pick(pairs, (k,))) for k in (0, 1))
    return OPERATORS["linalg.vector_norm"].call(first - second, p, -1)


alias(pdist, "pdist", method=False)
