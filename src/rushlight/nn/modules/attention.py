"""Attention of several heads; PyTorch keeps it among the activations."""

from __future__ import annotations

from typing import Any

from ...ops.self_attention import self_attention
from .. import functional as F
from .. import init
from ..module import Module
from .linear import NonDynamicallyQuantizableLinear
from .parts import add_parameters


class MultiheadAttention(Module):
    """Each query's mean of the values, weighted by how well their keys match; in `num_heads` parts at once.

    Called with (query, key, value), it gives the result and the weights (None with `need_weights=False`).
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                f"num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads: {embed_dim} is not divisible by {num_heads}"
            )
        e, same = embed_dim, self._qkv_same_embed_dim
        projections = {
            "q_proj_weight": None if same else (e, e),
            "k_proj_weight": None if same else (e, self.kdim),
            "v_proj_weight": None if same else (e, self.vdim),
        }
        joint = {"in_proj_weight": (3 * e, e) if same else None}
        tables = joint | projections if same else projections | joint
        add_parameters(self, device, dtype, **tables, in_proj_bias=(3 * e,) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(e, e, bias=bias, device=device, dtype=dtype)
        if add_bias_kv:
            add_parameters(self, device, dtype, bias_k=(1, 1, e), bias_v=(1, 1, e))
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            weight = getattr(self, name)
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict) -> None:
        super().__setstate__({"_qkv_same_embed_dim": True, **state})

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        found = self._quickly(query, key, value, key_padding_mask, need_weights, attn_mask, is_causal)
        if found is not None:
            return found, None
        turn = self.batch_first and query.dim() == 3
        if turn:
            query, key, value = _swapped(query, key, value)
        result, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (result.transpose(1, 0) if turn else result), weights

    def _quickly(
        self,
        query: Any,
        key: Any,
        value: Any,
        padding: Any,
        need_weights: bool,
        mask: Any,
        is_causal: bool,
    ) -> Any:
        """Attention of a plain batch to itself, without weights to show and without dropout; else None."""
        if need_weights or query is not key or key is not value or padding is not None:
            return None
        if not self._qkv_same_embed_dim or self.add_zero_attn or self.bias_k is not None:
            return None
        if (self.training and self.dropout) or (is_causal and mask is None):
            return None
        weights = self.in_proj_weight, self.in_proj_bias, self.out_proj.weight, self.out_proj.bias
        return self_attention(query, self.num_heads, weights, mask, is_causal, self.batch_first)


def _swapped(query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
    """All three with the sequence first; what was one tensor stays one, for that is quicker."""
    swapped = {id(t): t.transpose(1, 0) for t in (query, key, value)}
    return swapped[id(query)], swapped[id(key)], swapped[id(value)]


MultiheadAttention.__module__ = "rushlight.nn.modules.activation"  # where saved networks look for it
