"""Rows of a table whose gradient is sparse: of a large vocabulary, a batch names few."""

from __future__ import annotations

from typing import Any

from ..autograd.function import Function
from ..tensor.core import QUICK, Tensor
from .coo import make


class EmbeddingRows(Function):
    """The rows that `indices` name. Their gradient goes to the table at once, which has to be a leaf: graphs
    carry dense gradients only.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, indices: Tensor, padding: int) -> Tensor:
        ctx.weight, ctx.indices, ctx.padding = weight, indices, padding
        return weight.detach()[indices]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        if grad.requires_grad:
            raise NotImplementedError(
                "embedding: a sparse gradient is not differentiated again; use sparse=False"
            )
        weight, places = ctx.weight, ctx.indices.reshape(-1)
        values = grad.detach().reshape(-1, weight.shape[1])
        if ctx.padding >= 0:
            counted = places != ctx.padding
            places, values = places[counted], values[counted]
        new = make(places.unsqueeze(0).long(), values, weight.shape, False)
        before = weight._grad
        weight._grad = new if before is None else before + new
        return None, None, None


def sparse_rows(weight: Tensor, indices: Tensor, padding: int) -> Tensor:
    """The rows of a table that `indices` name, with a sparse gradient for the table."""
    if type(weight) not in QUICK or weight._node is not None or weight._hooks:
        raise NotImplementedError(
            "embedding: sparse=True makes a sparse gradient for a parameter itself, and this weight has been "
            "computed, has hooks or is inside of a function transform; use sparse=False"
        )
    return EmbeddingRows.apply(weight, indices, padding)
