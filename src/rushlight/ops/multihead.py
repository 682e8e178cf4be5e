"""Attention with several heads, with the projections around it."""

from __future__ import annotations

from math import sqrt

from .. import lang
from ..warned import warn
from .attention import scaled_dot_product_attention
from .declare import OPERATORS, composite
from .dropout import dropout
from .softmax import softmax


def _require(condition, message):
    if not condition:
        raise AssertionError(f"multi_head_attention_forward: {message}")


def _check_shapes(query, key, value, key_padding_mask, attn_mask, heads):
    """Is there a batch? All of the arguments must agree on that."""
    n = query.ndim
    _require(
        n in (2, 3), f"query should be unbatched 2D or batched 3D tensor but received {n}-D query tensor"
    )
    kind = "batched (3-D)" if n == 3 else "unbatched (2-D)"
    _require(
        key.ndim == value.ndim == n,
        f"For {kind} `query`, expected `key` and `value` to be {n}-D but found {key.ndim}-D and "
        f"{value.ndim}-D tensors",
    )
    if key_padding_mask is not None:
        d = key_padding_mask.ndim
        _require(
            d == n - 1,
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found {d}-D",
        )
    if attn_mask is not None:
        d = attn_mask.ndim
        _require(
            d in (2, 3), f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {d}-D"
        )
        if n == 2 and d == 3:
            expected = (heads, query.shape[0], key.shape[0])
            _require(
                tuple(attn_mask.shape) == expected,
                f"Expected `attn_mask` shape to be {expected} but got {tuple(attn_mask.shape)}",
            )
    return n == 3


def _added(mask, name, other, dtype):
    """A mask as numbers to add to the scores: minus infinity where it was True."""
    if mask is None:
        return None
    is_bool = mask.dtype.name == "bool"
    _require(
        is_bool or mask.dtype.is_floating_point,
        f"only bool and floating types of {name} are supported, not {mask.dtype}",
    )
    if other is not None and mask.dtype is not other.dtype:
        warn(
            f"multi_head_attention_forward: key_padding_mask and attn_mask of different types ({mask.dtype}, "
            f"{other.dtype}) are deprecated; use the same type for both.",
            UserWarning,
        )
    if not is_bool:
        return mask
    return lang.zeros_like(mask.to(dtype)).masked_fill_(mask, float("-inf"))


def _projected(query, key, value, packed, separate, bias):
    """Queries, keys and values after their projections."""
    linear = OPERATORS["nn.functional.linear"].call
    if separate is None:
        if query is key and key is value:
            return linear(query, packed, bias).chunk(3, -1)
        separate = packed.chunk(3)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), separate, biases)]


def _check_mask(mask, batch, heads, target, source):
    if mask.ndim == 2:
        if tuple(mask.shape) != (target, source):
            raise RuntimeError(
                f"multi_head_attention_forward: The shape of the 2D attn_mask is {list(mask.shape)}, but "
                "should be "
                f"{[target, source]}: (queries, keys)."
            )
        return mask.unsqueeze(0)
    if tuple(mask.shape) != (batch * heads, target, source):
        raise RuntimeError(
            f"multi_head_attention_forward: The shape of the 3D attn_mask is {list(mask.shape)}, but should "
            "be "
            f"{[batch * heads, target, source]}: (batch * heads, queries, keys)."
        )
    return mask


def _split(x, batch, heads, width):
    """(length, batch, features) as (batch * heads, length, features of a head)."""
    return lang.transpose(lang.reshape(x, (x.shape[0], batch * heads, width)), 0, 1)


def _static(x, name, rows, width):
    _require(x.shape[0] == rows, f"expecting {name}.size(0) of {rows}, but got {x.shape[0]}")
    _require(x.shape[2] == width, f"expecting {name}.size(2) of {width}, but got {x.shape[2]}")
    return x


def _one_more(x, row, dim):
    """`x` with one more row."""
    return lang.cat([x, row], dim)


@composite(namespace="nn.functional", out=False)
def multi_head_attention_forward(
    query,
    key,
    value,
    embed_dim_to_check,
    num_heads,
    in_proj_weight,
    in_proj_bias,
    bias_k,
    bias_v,
    add_zero_attn,
    dropout_p,
    out_proj_weight,
    out_proj_bias,
    training=True,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    use_separate_proj_weight=False,
    q_proj_weight=None,
    k_proj_weight=None,
    v_proj_weight=None,
    static_k=None,
    static_v=None,
    average_attn_weights=True,
    is_causal=False,
):
    """Attention by several heads at once, and (unless `need_weights` is False) the weights that it gave."""
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError("multi_head_attention_forward: Need attn_mask if specifying the is_causal hint.")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    _check_projections(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, separate)
    if not batched:
        key = query.unsqueeze(1) if key is query else key.unsqueeze(1)
        shared = value is query
        query, value = query.unsqueeze(1), value.unsqueeze(1)
        if shared:
            key = value = query
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    target, batch, width = query.shape
    padding = _added(key_padding_mask, "key_padding_mask", attn_mask, query.dtype)
    if is_causal and padding is None and not need_weights:
        attn_mask = None
    else:
        is_causal = False
        attn_mask = _added(attn_mask, "attn_mask", None, query.dtype)
    if attn_mask is not None:
        attn_mask = _check_mask(attn_mask, batch, num_heads, target, key.shape[0])
    q, k, v = _projected(query, key, value, in_proj_weight, separate, in_proj_bias)
    extra = 0
    _require((bias_k is None) == (bias_v is None), "bias_k and bias_v are given together, or neither of them")
    if bias_k is not None:
        _require(static_k is None and static_v is None, "bias cannot be added to static key or value")
        k, v = (_one_more(x, b.expand(1, batch, b.shape[-1]), 0) for x, b in ((k, bias_k), (v, bias_v)))
        extra += 1
    each = width // num_heads
    rows = batch * num_heads
    q = _split(q, batch, num_heads, each)
    k = _split(k, batch, num_heads, each) if static_k is None else _static(static_k, "static_k", rows, each)
    v = _split(v, batch, num_heads, each) if static_v is None else _static(static_v, "static_v", rows, each)
    if add_zero_attn:
        k, v = (_one_more(x, lang.zeros_of(x, (rows, 1, each)), 1) for x in (k, v))
        extra += 1
    mask = _merged(attn_mask, padding, extra, batch, num_heads, k.shape[1])
    p = dropout_p if training else 0.0
    if need_weights:
        attended, weights = _with_weights(q, k, v, mask, p)
    else:
        attended, weights = _without_weights(q, k, v, mask, p, is_causal, batch, num_heads), None
    attended = lang.reshape(lang.transpose(attended, 0, 1), (target * batch, width))
    result = OPERATORS["nn.functional.linear"].call(attended, out_proj_weight, out_proj_bias)
    result = lang.reshape(result, (target, batch, result.shape[1]))
    if weights is not None:
        weights = lang.reshape(weights, (batch, num_heads, target, k.shape[1]))
        weights = weights.mean(1) if average_attn_weights else weights
    if batched:
        return result, weights
    return result.squeeze(1), None if weights is None else weights.squeeze(0)


def _check_projections(query, key, value, width, heads, packed, separate):
    found = query.shape[-1]
    _require(found == width, f"was expecting embedding dimension of {width}, but got {found}")
    _require(found % heads == 0, f"embed_dim {found} not divisible by num_heads {heads}")
    if separate is None:
        _require(
            key.shape == value.shape,
            f"key shape {list(key.shape)} does not match value shape {list(value.shape)}",
        )
        _require(packed is not None, "use_separate_proj_weight is False but in_proj_weight is None")
        return
    _require(
        key.shape[:-1] == value.shape[:-1],
        f"key's sequence and batch dims {list(key.shape[:-1])} do not match value's {list(value.shape[:-1])}",
    )
    for name, w in zip("qkv", separate):
        _require(w is not None, f"use_separate_proj_weight is True but {name}_proj_weight is None")


def _merged(mask, padding, extra, batch, heads, source):
    """The two masks as one, with room for the rows that were added to the keys."""
    pad = OPERATORS["nn.functional.pad"].call
    if extra:
        mask, padding = (None if m is None else pad(m, (0, extra)) for m in (mask, padding))
    if padding is None:
        return mask
    _require(
        tuple(padding.shape) == (batch, source),
        f"expecting key_padding_mask shape of {(batch, source)}, but got {tuple(padding.shape)}",
    )
    padding = lang.expand(lang.reshape(padding, (batch, 1, 1, source)), (batch, heads, 1, source))
    padding = lang.reshape(padding, (batch * heads, 1, source))
    return padding if mask is None else mask + padding


def _with_weights(q, k, v, mask, p):
    scores = lang.matmul(q * sqrt(1 / q.shape[-1]), lang.transpose(k, -2, -1))
    weights = softmax(scores if mask is None else scores + mask, -1)
    if p:
        weights = dropout(weights, p)
    return lang.matmul(weights, v), weights


def _without_weights(q, k, v, mask, p, is_causal, batch, heads):
    q, k, v = (lang.reshape(x, (batch, heads, *x.shape[1:])) for x in (q, k, v))
    if mask is not None:
        mask = (
            mask.unsqueeze(0) if mask.shape[0] == 1 else lang.reshape(mask, (batch, heads, *mask.shape[1:]))
        )
    result = scaled_dot_product_attention(q, k, v, mask, p, is_causal)
    return lang.reshape(result, (batch * heads, *result.shape[2:]))
