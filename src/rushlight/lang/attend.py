"""Attention on arrays: every query's mean of values, weighted by how well their keys fit it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..kernels import attention as _tiles
from .dispatch import primitive
from .product import matmul


@lru_cache(maxsize=16)
def _future(queries: int, keys: int) -> np.ndarray:
    """True where a key comes after the query."""
    return ~np.tri(queries, keys, dtype=bool)


@primitive
def hide_future(scores: Any) -> Any:
    """Scores with minus infinity for the keys that come after the query."""
    return np.where(_future(*scores.shape[-2:]), np.asarray(-np.inf, scores.dtype), scores)


@primitive
def show_past(g: Any) -> Any:
    """The gradient of `hide_future`."""
    return np.where(_future(*g.shape[-2:]), np.asarray(0, g.dtype), g)


def attention_result(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    mask: Any,
    noise: Any,
    is_causal: bool,
    scale: float,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The attended values, and what the gradients are computed from: all weights, or marks of each query."""
    if noise is None:
        dense = (_dense(x) for x in (query, key, value))
        made = _tiles.forward(*dense, _added(mask, query.dtype), is_causal, scale)
        if made is not None:
            return made[0], {"stats": made[1]}
    weights = attention_weights(query, key, mask, is_causal, scale)
    return matmul(weights if noise is None else weights * noise, value), {"weights": weights}


def attention_backward(
    g: np.ndarray,
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    mask: Any,
    noise: Any,
    is_causal: bool,
    scale: float,
    result: np.ndarray,
    kept: dict[str, np.ndarray],
    needs: Any,
    into: Any = None,
) -> tuple[Any, ...]:
    """The gradients of queries, keys, values and of a mask that was added; a kernel writes them `into` those
    arrays.
    """
    if "stats" in kept and not needs[3]:
        dense = (_dense(x) for x in (g, query, key, value))
        made = _tiles.backward(
            *dense, _added(mask, query.dtype), result, kept["stats"], is_causal, scale, into
        )
        if made is not None:
            return *made, None
    weights = kept["weights"] if "weights" in kept else attention_weights(query, key, mask, is_causal, scale)
    return attention_gradients(g, query, key, value, weights, noise, scale, needs)


def _dense(x: np.ndarray) -> np.ndarray:
    """A copy where neighbours of a row do not lie side by side."""
    return x if x.strides[-1] == x.itemsize or x.shape[-1] < 2 else np.ascontiguousarray(x)


def _added(mask: Any, dtype: np.dtype) -> Any:
    """A mask as numbers to add to the scores."""
    if mask is None:
        return None
    if mask.dtype == bool:
        mask = np.where(mask, dtype.type(0), dtype.type(-np.inf))
    return np.ascontiguousarray(mask, dtype) if mask.dtype != dtype else _dense(mask)


def attention_weights(
    query: np.ndarray, key: np.ndarray, mask: Any, is_causal: bool, scale: float
) -> np.ndarray:
    """The softmax of scaled products of queries and keys; queries that may see no key have zeros."""
    scores = np.matmul(query * query.dtype.type(scale), key.swapaxes(-1, -2))
    if is_causal:
        np.copyto(scores, -np.inf, where=_future(*scores.shape[-2:]))
    if mask is not None:
        if mask.dtype == bool:
            scores = _hidden(scores, ~mask)
        else:
            scores = scores + mask
    if not scores.size:
        return scores
    largest = np.maximum.reduce(scores, -1, keepdims=True)
    blind = is_causal or mask is not None
    if blind:
        largest = np.where(largest == -np.inf, np.asarray(0, scores.dtype), largest)
    scores -= largest
    np.exp(scores, scores)
    sums = np.add.reduce(scores, -1, keepdims=True)
    if blind:
        sums = np.where(sums == 0, np.asarray(1, scores.dtype), sums)
    scores /= sums
    return scores


def _hidden(scores: np.ndarray, where: np.ndarray) -> np.ndarray:
    if np.broadcast_shapes(scores.shape, where.shape) != scores.shape:
        return np.where(where, np.asarray(-np.inf, scores.dtype), scores)
    np.copyto(scores, -np.inf, where=where)
    return scores


def attention_gradients(
    g: np.ndarray, query: Any, key: Any, value: Any, weights: np.ndarray, noise: Any, scale: float, needs: Any
) -> tuple[Any, Any, Any, Any]:
    """The gradients of queries, keys, values and of a mask that was added."""
    dropped = weights if noise is None else weights * noise
    of_value = np.matmul(dropped.swapaxes(-1, -2), g) if needs[2] else None
    if not (needs[0] or needs[1] or needs[3]):
        return None, None, of_value, None
    slope = np.matmul(g, value.swapaxes(-1, -2))
    if noise is not None:
        slope *= noise
    slope -= np.einsum("...ij,...ij->...i", slope, weights)[..., None]
    slope *= weights
    scale = slope.dtype.type(scale)
    of_query = np.matmul(slope, key) * scale if needs[0] else None
    of_key = np.matmul(slope.swapaxes(-1, -2), query) * scale if needs[1] else None
    return of_query, of_key, of_value, slope if needs[3] else None
