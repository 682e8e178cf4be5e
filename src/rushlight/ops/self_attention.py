"""Attention among the places of a sequence by several heads: queries, keys and values in one array.

Heads are read where the projection has left them, and the three gradients are written where its backward pass
wants them: nothing is cut apart, turned round or put together.
"""

from __future__ import annotations

from .. import lang
from ..lang.attend import attention_backward, attention_result
from ..runtime import memory
from ..tensor.core import QUICK, Tensor
from .affine import linear
from .attention import composed_gradients
from .declare import operator
from .intercept import casts, interceptors


@operator(
    name="_self_attention",
    method=False,
    out=False,
    fresh=True,
    node="ScaledDotProductFlashAttentionForCpuBackward0",
)
def packed_attention(packed: Array, attn_mask: Array | None, heads, batch_first, is_causal, kept):
    """Each head's attention, side by side; the last dimension of `packed` has queries, keys and values."""
    query, key, value = _parts(packed, heads, batch_first)
    result, *kept[:] = attention_result(query, key, value, attn_mask, None, is_causal, _scale(query))
    return _joined(result, batch_first)


@packed_attention.gradient
def _(g, packed, attn_mask, heads, batch_first, is_causal, kept, result, needs):
    if isinstance(g, Tensor) or isinstance(packed, Tensor):
        return _again(g, packed, attn_mask, heads, batch_first, is_causal)
    parts, made = _parts(packed, heads, batch_first), memory.empty(packed.shape, packed.dtype)
    g, result = (_by_head(x, heads, batch_first) for x in (g, result))
    how = is_causal, _scale(parts[0]), result, kept[0], (True, True, True, needs[1])
    into = _parts(made, heads, batch_first)
    *grads, of_mask = attention_backward(g, *parts, attn_mask, None, *how, into=into)
    for target, grad in zip(into, grads):
        if grad is not target:
            target[...] = grad
    return made, None if of_mask is None else lang.sum_to(of_mask, attn_mask.shape)


def _again(g, packed, mask, heads, batch_first, is_causal):
    """The gradients written so that they can be differentiated again."""
    query, key, value = _parts(packed, heads, batch_first)
    g, scale = _by_head(g, heads, batch_first), _scale(query)
    *grads, of_mask = composed_gradients(g, query, key, value, mask, None, is_causal, scale)
    order = (1, 3, 0, 2, 4) if batch_first else (3, 1, 0, 2, 4)
    made = lang.reshape(lang.permute(lang.stack(grads, 0), order), packed.shape)
    return made, None if mask is None else lang.sum_to(of_mask, mask.shape)


def _scale(query):
    return query.shape[-1] ** -0.5


def _parts(packed, heads, batch_first):
    """Queries, keys and values as (batch, heads, places, features)."""
    first, second, width = packed.shape
    x = lang.reshape(packed, (first, second, 3, heads, width // (3 * heads)))
    return [lang.permute(x[:, :, k], (0, 2, 1, 3) if batch_first else (1, 2, 0, 3)) for k in range(3)]


def _by_head(x, heads, batch_first):
    """What lies like the result as (batch, heads, places, features)."""
    first, second, width = x.shape
    x = lang.reshape(x, (first, second, heads, width // heads))
    return lang.permute(x, (0, 2, 1, 3) if batch_first else (1, 2, 0, 3))


def _joined(x, batch_first):
    """(batch, heads, places, features) as the layer's result."""
    batch, heads, places, width = x.shape
    shape = (batch, places) if batch_first else (places, batch)
    order = (0, 2, 1, 3) if batch_first else (2, 0, 1, 3)
    return lang.reshape(lang.permute(x, order), (*shape, heads * width))


def self_attention(input, heads, weights, mask, is_causal, batch_first):
    """A layer's result where it is a plain batch, with or without a mask that is added; else None.

    `weights` are those of the projection, its bias, those of the last layer, its bias.
    """
    w_in, b_in, w_out, b_out = weights
    plain = type(input) in QUICK and input.ndim == 3 and not interceptors and not casts
    if not plain or not input._a.size or input.dtype is not w_in.dtype:
        return None
    width, places = input.shape[2], input.shape[1 if batch_first else 0]
    if width % heads or w_in.shape != (3 * width, width) or not input.dtype.is_floating_point:
        return None
    if mask is not None and (mask.shape != (places, places) or mask.dtype is not input.dtype):
        return None
    packed = linear(input, w_in, b_in)
    attended = packed_attention(packed, None if is_causal else mask, heads, batch_first, is_causal, [])
    return linear(attended, w_out, b_out)
