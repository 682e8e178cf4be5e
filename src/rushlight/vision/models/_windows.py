"""Attention within windows of a picture or a video."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import rushlight as rl
from rushlight.nn import functional as F


def _offsets(window: list[int]) -> Any:
    """The place of each pixel of a window along each side, [sides, pixels]."""
    return rl.stack([side.flatten() for side in rl.meshgrid(*map(rl.arange, window), indexing="ij")])


def pair_places(window: list[int]) -> Any:
    """Which relative place each pair of pixels has, flat."""
    places = _offsets(window)
    apart = places[:, :, None] - places[:, None, :]
    number = apart[0] + window[0] - 1
    for along, side in zip(apart[1:], window[1:]):
        number = number * (2 * side - 1) + along + side - 1
    return number.flatten()


def relative_coordinates(window: list[int]) -> Any:
    """Every relative place, from -8 to 8 and then by logarithm, [1, rows, columns, 2]."""
    sides = [rl.arange(-(side - 1), side, dtype=rl.float32) / (side - 1) * 8 for side in window]
    shape = (len(sides[0]), len(sides[1]))
    table = rl.stack([sides[0][:, None].expand(*shape), sides[1][None].expand(*shape)], dim=-1)[None]
    return rl.sign(table) * rl.log2(rl.abs(table) + 1.0) / 3.0


def _to_windows(x: Any, window: list[int]) -> Any:
    """[N, *sizes, C] as [N * windows, pixels, C]."""
    split = [part for size, side in zip(x.shape[1:-1], window) for part in (size // side, side)]
    n = len(window)
    order = [0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2), 2 * n + 1]
    return (
        x.reshape(x.shape[0], *split, x.shape[-1]).permute(order).reshape(-1, math.prod(window), x.shape[-1])
    )


def _from_windows(x: Any, window: list[int], shape: tuple[int, ...]) -> Any:
    counts = [size // side for size, side in zip(shape[1:-1], window)]
    n = len(window)
    order = [0, *(1 + i + n * inner for i in range(n) for inner in (0, 1)), 2 * n + 1]
    return x.reshape(shape[0], *counts, *window, shape[-1]).permute(order).reshape(shape)


def _apart_mask(sizes: tuple[int, ...], window: list[int], shift: list[int]) -> Any:
    """-100 for pairs of pixels that only the shift has brought into one window, [windows, pixels, pixels]."""
    parts = rl.zeros(*sizes)
    sides = [
        [slice(0, -side), slice(-side, -moved), slice(-moved, None)] for side, moved in zip(window, shift)
    ]
    for number, part in enumerate(product(*sides)):
        parts[part] = number
    parts = _to_windows(parts[None, ..., None], window).squeeze(-1)
    apart = parts[:, None, :] != parts[:, :, None]
    return rl.where(apart, rl.tensor(-100.0), rl.tensor(0.0))


def _scores(layer: Any, query: Any, key: Any) -> Any:
    scale = getattr(layer, "logit_scale", None)
    if scale is None:
        return (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    cosine = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(-2, -1)
    return cosine * scale.clamp(max=math.log(100.0)).exp()


def _bias_without_keys(layer: Any) -> Any:
    """The bias of queries, keys and values; the second version has none for keys."""
    bias = layer.qkv.bias
    if bias is None or getattr(layer, "logit_scale", None) is None:
        return bias
    third = bias.shape[0] // 3
    return rl.cat([bias[:third], rl.zeros_like(bias[:third]), bias[2 * third :]])


def windowed_attention(layer: Any, x: Any, bias: Any, window: list[int] | None = None) -> Any:
    """Attention of a layer (qkv, proj, window_size, shift_size, num_heads) over [N, *sizes, C]."""
    window = window or layer.window_size
    sizes, channels, sides = x.shape[1:-1], x.shape[-1], range(1, x.ndim - 1)
    margins = [(0, -size % side) for size, side in zip(sizes, window)]
    x = F.pad(x, (0, 0, *(m for pair in reversed(margins) for m in pair)))
    shape = tuple(x.shape)
    shift = [0 if side >= shape[1 + i] else layer.shift_size[i] for i, side in enumerate(window)]
    if any(shift):
        x = rl.roll(x, shifts=tuple(-moved for moved in shift), dims=tuple(sides))
    x = _to_windows(x, window)
    qkv = F.linear(x, layer.qkv.weight, _bias_without_keys(layer))
    qkv = qkv.reshape(*x.shape[:2], 3, layer.num_heads, channels // layer.num_heads)
    query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    scores = _scores(layer, query, key) + bias
    if any(shift):
        mask = _apart_mask(shape[1:-1], window, shift).to(scores.dtype)
        by_picture = scores.reshape(-1, mask.shape[0], *scores.shape[1:])
        scores = (by_picture + mask[:, None]).reshape(scores.shape)
    weights = F.dropout(F.softmax(scores, dim=-1), p=layer.attention_dropout, training=layer.training)
    x = (weights @ value).transpose(1, 2).reshape(x.shape)
    x = F.dropout(layer.proj(x), p=layer.dropout, training=layer.training)
    x = _from_windows(x, window, shape)
    if any(shift):
        x = rl.roll(x, shifts=tuple(shift), dims=tuple(sides))
    return x[(slice(None), *(slice(0, size) for size in sizes))].contiguous()
