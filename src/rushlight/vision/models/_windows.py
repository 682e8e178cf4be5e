"""Attention within windows of a picture."""

from __future__ import annotations

import math
from typing import Any

import rushlight as rl
from rushlight.nn import functional as F


def _offsets(window: list[int]) -> Any:
    """Row and column of each pixel of a window, [2, pixels]."""
    rows, columns = rl.arange(window[0]), rl.arange(window[1])
    return rl.stack([rows[:, None].expand(*window).flatten(), columns[None].expand(*window).flatten()])


def pair_places(window: list[int]) -> Any:
    """Which relative place each pair of pixels has, flat."""
    places = _offsets(window)
    apart = places[:, :, None] - places[:, None, :]
    rows, columns = apart[0] + window[0] - 1, apart[1] + window[1] - 1
    return (rows * (2 * window[1] - 1) + columns).flatten()


def relative_coordinates(window: list[int]) -> Any:
    """Every relative place, from -8 to 8 and then by logarithm, [1, rows, columns, 2]."""
    sides = [rl.arange(-(side - 1), side, dtype=rl.float32) / (side - 1) * 8 for side in window]
    shape = (len(sides[0]), len(sides[1]))
    table = rl.stack([sides[0][:, None].expand(*shape), sides[1][None].expand(*shape)], dim=-1)[None]
    return rl.sign(table) * rl.log2(rl.abs(table) + 1.0) / 3.0


def _to_windows(x: Any, window: list[int]) -> Any:
    """[N, H, W, C] as [N * windows, pixels, C]."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // window[0], window[0], width // window[1], window[1], channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, window[0] * window[1], channels)


def _from_windows(x: Any, window: list[int], shape: tuple[int, ...]) -> Any:
    batch, height, width, channels = shape
    x = x.reshape(batch, height // window[0], width // window[1], window[0], window[1], channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(shape)


def _apart_mask(height: int, width: int, window: list[int], shift: list[int]) -> Any:
    """-100 for pairs of pixels that only the shift has brought into one window, [windows, pixels, pixels]."""
    parts = rl.zeros(height, width)
    rows = ((0, -window[0]), (-window[0], -shift[0]), (-shift[0], None))
    columns = ((0, -window[1]), (-window[1], -shift[1]), (-shift[1], None))
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            parts[top:bottom, left:right] = 3 * i + j
    parts = _to_windows(parts[None, :, :, None], window).squeeze(-1)
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


def windowed_attention(layer: Any, x: Any, bias: Any) -> Any:
    """Attention of a layer (qkv, proj, window_size, shift_size, num_heads) over pictures [N, H, W, C]."""
    window, (_, height, width, channels) = layer.window_size, x.shape
    x = F.pad(x, (0, 0, 0, -width % window[1], 0, -height % window[0]))
    shape = tuple(x.shape)
    shift = [0 if window[i] >= shape[1 + i] else layer.shift_size[i] for i in (0, 1)]
    if any(shift):
        x = rl.roll(x, shifts=(-shift[0], -shift[1]), dims=(1, 2))
    x = _to_windows(x, window)
    qkv = F.linear(x, layer.qkv.weight, _bias_without_keys(layer))
    qkv = qkv.reshape(*x.shape[:2], 3, layer.num_heads, channels // layer.num_heads)
    query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    scores = _scores(layer, query, key) + bias
    if any(shift):
        mask = _apart_mask(shape[1], shape[2], window, shift).to(scores.dtype)
        by_picture = scores.reshape(-1, mask.shape[0], *scores.shape[1:])
        scores = (by_picture + mask[:, None]).reshape(scores.shape)
    weights = F.dropout(F.softmax(scores, dim=-1), p=layer.attention_dropout, training=layer.training)
    x = (weights @ value).transpose(1, 2).reshape(x.shape)
    x = F.dropout(layer.proj(x), p=layer.dropout, training=layer.training)
    x = _from_windows(x, window, shape)
    if any(shift):
        x = rl.roll(x, shifts=(shift[0], shift[1]), dims=(1, 2))
    return x[:, :height, :width, :].contiguous()
