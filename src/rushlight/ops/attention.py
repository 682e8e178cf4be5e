"""Scaled dot product attention."""

from __future__ import annotations

from math import sqrt

from .. import lang
from .. import random as draws
from ..lang.attend import attention_backward, attention_result
from ..tensor.core import Tensor, wrap
from ..tensor.generator import default_generator
from .declare import composite, operator
from .shapes import broadcast, shape_of
from .softmax import softmax


@operator(
    name="_attention",
    method=False,
    out=False,
    fresh=True,
    node="ScaledDotProductFlashAttentionForCpuBackward0",
)
def attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None,
    noise: Array | None,
    is_causal,
    scale,
    kept,
):
    """Softmax(query key^T * scale + mask) * noise, times the values; `kept` receives what gradients need."""
    result, *kept[:] = attention_result(query, key, value, attn_mask, noise, is_causal, scale)
    return result


@attention.gradient
def _(g, query, key, value, attn_mask, noise, is_causal, scale, kept, result, needs):
    if isinstance(g, Tensor) or isinstance(query, Tensor):
        grads = composed_gradients(g, query, key, value, attn_mask, noise, is_causal, scale)
    else:
        arrays = g, query, key, value, attn_mask, noise
        grads = attention_backward(*arrays, is_causal, scale, result, kept[0], needs)
    return *(
        lang.sum_to(x, y.shape) if n else None
        for x, y, n in zip(grads, (query, key, value, attn_mask), needs)
    ), None


def composed_gradients(g, query, key, value, mask, noise, is_causal, scale):
    """The gradients written so that they can be differentiated again."""
    scores = lang.matmul(query, lang.transpose(key, -2, -1)) * scale
    if is_causal:
        scores = lang.hide_future(scores)
    if mask is not None:
        hides = mask.dtype.category == 0
        scores = lang.where(mask, scores, float("-inf")) if hides else scores + mask
    weights = softmax(scores, -1)
    weights = lang.where(lang.isnan(weights), 0.0, weights)
    dropped = weights if noise is None else weights * noise
    slope = lang.matmul(g, lang.transpose(value, -2, -1))
    if noise is not None:
        slope = slope * noise
    slope = weights * (slope - lang.sum(slope * weights, -1, True))
    return (
        lang.matmul(slope, key) * scale,
        lang.matmul(lang.transpose(slope, -2, -1), query) * scale,
        lang.matmul(lang.transpose(dropped, -2, -1), g),
        slope,
    )


@operator(name="_hide_future", method=False, out=False)
def hide_future(input: Array):
    """Scores with minus infinity for the keys that come after the query."""
    return lang.hide_future(input)


@operator(name="_show_past", method=False, out=False)
def show_past(input: Array):
    """The gradient of `hide_future`, and its own."""
    return lang.show_past(input)


hide_future.gradient(input=lambda g: lang.show_past(g))
show_past.gradient(input=lambda g: lang.show_past(g))


@composite(namespace="nn.functional", out=False, random=True)
def scaled_dot_product_attention(
    query,
    key,
    value,
    attn_mask=None,
    dropout_p=0.0,
    is_causal=False,
    *,
    scale=None,
    enable_gqa=False,
):
    """For each query the mean of the values, weighted by the softmax of its products with the keys."""
    _check(query, key, value, attn_mask, is_causal)
    if scale is None:
        scale = 1 / sqrt(query.shape[-1]) if query.shape[-1] else 1.0
    groups = _groups(query, key, value) if enable_gqa else 1
    heads = key.shape[-3] if groups > 1 else 0
    if groups > 1 and query.shape[-2] == 1 and attn_mask is None and not is_causal and not dropout_p:
        rows = lang.reshape(query, (*query.shape[:-3], heads, groups, query.shape[-1]))
        return lang.reshape(
            attention(rows, key, value, None, None, False, scale, []), (*query.shape[:-1], value.shape[-1])
        )
    if groups > 1:  # several heads of queries share one of keys: it is broadcast to them
        query = lang.reshape(query, (*query.shape[:-3], heads, groups, *query.shape[-2:]))
        key, value = (lang.reshape(x, (*x.shape[:-2], 1, *x.shape[-2:])) for x in (key, value))
        if attn_mask is not None and attn_mask.ndim > 2:
            attn_mask = _grouped_mask(attn_mask, heads, groups)
    noise = _noise(query, key, dropout_p)
    result = attention(query, key, value, attn_mask, noise, is_causal, scale, [])
    if groups > 1:
        result = lang.reshape(result, (*result.shape[:-4], heads * groups, *result.shape[-2:]))
    return result


def _check(query, key, value, mask, is_causal):
    name = "scaled_dot_product_attention"
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            f"{name}: Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype.name} "
            f"key.dtype: {key.dtype.name} and value.dtype: {value.dtype.name} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            f"{name}: Expected query, key, and value to all be at least 2 dimensional, but got query.dim: "
            f"{query.ndim}, "
            f"key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"{name}: queries and keys have the same number of features, and there is one value for each "
            "key, but query is "
            f"{list(query.shape)}, key {list(key.shape)}, value {list(value.shape)}"
        )
    if mask is None:
        return
    if is_causal:
        raise RuntimeError(
            f"{name}: Explicit attn_mask should not be set when is_causal=True; add the causal mask to it"
        )
    if mask.dtype.name != "bool" and mask.dtype is not query.dtype and mask.dtype.name != "float32":
        raise RuntimeError(
            f"{name}: Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            "attn_mask.dtype: "
            f"{mask.dtype.name} and query.dtype: {query.dtype.name} instead."
        )


def _groups(query, key, value):
    """How many heads of queries share one head of keys."""
    if query.ndim < 3 or key.shape[-3] != value.shape[-3] or query.shape[-3] % key.shape[-3]:
        raise RuntimeError(
            "scaled_dot_product_attention: with enable_gqa, the number of heads in key and value must divide "
            "that in "
            f"query, but the shapes are query {list(query.shape)}, key {list(key.shape)}, value "
            f"{list(value.shape)}"
        )
    return query.shape[-3] // key.shape[-3]


def _grouped_mask(mask, heads, groups):
    """A mask for each head, in the same groups."""
    split = (heads, groups) if mask.shape[-3] != 1 else (1, 1)
    return lang.reshape(mask, (*mask.shape[:-3], *split, *mask.shape[-2:]))


def _noise(query, key, p):
    """What dropout multiplies the weights with, or None."""
    if not 0 <= p <= 1:
        raise ValueError(f"scaled_dot_product_attention: dropout_p has to be between 0 and 1, but got {p}")
    if p == 0:
        return None
    lead = broadcast((shape_of(query)[:-2], shape_of(key)[:-2]), "scaled_dot_product_attention")
    noise = draws.bernoulli(
        default_generator, 1 - p, (*lead, query.shape[-2], key.shape[-2]), query.dtype.name
    )
    if p < 1:
        noise *= noise.dtype.type(1 / (1 - p))
    return wrap(noise, query.dtype)
