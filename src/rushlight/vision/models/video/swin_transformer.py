"""Swin transformers for videos: attention within windows of space and time."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from .._api import register_model
from .._catalogue import weights_of_task
from .._utils import zero_bias
from .._windows import pair_places, windowed_attention
from ..swin_transformer import PatchMerging, SwinTransformerBlock

Swin3D_T_Weights = weights_of_task("Swin3D_T_Weights", __name__)
Swin3D_S_Weights = weights_of_task("Swin3D_S_Weights", __name__)
Swin3D_B_Weights = weights_of_task("Swin3D_B_Weights", __name__)

Layer = Callable[..., nn.Module]


class ShiftedWindowAttention3d(nn.Module):
    """Attention within windows of space and time, with a bias for each relative place."""

    def __init__(
        self,
        dim: int,
        window_size: list[int],
        shift_size: list[int],
        num_heads: int,
        qkv_bias: bool = True,
        proj_bias: bool = True,
        attention_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(window_size) != 3 or len(shift_size) != 3:
            raise ValueError(f"window_size and shift_size are of three, got {window_size} and {shift_size}")
        self.window_size = window_size
        self.shift_size = shift_size
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        places = math.prod(2 * side - 1 for side in window_size)
        self.relative_position_bias_table = nn.Parameter(rl.zeros(places, num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        pixels = math.prod(window_size)
        self.register_buffer("relative_position_index", pair_places(window_size).reshape(pixels, pixels))

    def get_relative_position_bias(self, window_size: list[int]) -> Any:
        """The bias of each pair of pixels of a window (or a smaller one), [1, heads, pixels, pixels]."""
        pixels = math.prod(window_size)
        places = self.relative_position_index[:pixels, :pixels].flatten()
        chosen = self.relative_position_bias_table[places].reshape(pixels, pixels, -1)
        return chosen.permute(2, 0, 1).contiguous().unsqueeze(0)

    def forward(self, x: Any) -> Any:
        window = [min(side, size) for side, size in zip(self.window_size, x.shape[1:-1])]
        return windowed_attention(self, x, self.get_relative_position_bias(window), window)


class PatchEmbed3d(nn.Module):
    """Patches of a video [N, C, T, H, W] as [N, T', H', W', channels]."""

    def __init__(
        self,
        patch_size: list[int],
        in_channels: int = 3,
        embed_dim: int = 96,
        norm_layer: Layer | None = None,
    ) -> None:
        super().__init__()
        self.tuple_patch_size = tuple(patch_size)
        self.proj = nn.Conv3d(
            in_channels, embed_dim, kernel_size=self.tuple_patch_size, stride=self.tuple_patch_size
        )
        self.norm = nn.Identity() if norm_layer is None else norm_layer(embed_dim)

    def forward(self, x: Any) -> Any:
        time, rows, columns = (-size % side for size, side in zip(x.shape[2:], self.tuple_patch_size))
        x = self.proj(F.pad(x, (0, columns, 0, rows, 0, time)))
        return self.norm(x.permute(0, 2, 3, 4, 1))


class SwinTransformer3d(nn.Module):
    """Four stages of blocks over patches of a video, which are merged between."""

    def __init__(
        self,
        patch_size: list[int],
        embed_dim: int,
        depths: list[int],
        num_heads: list[int],
        window_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.1,
        num_classes: int = 400,
        norm_layer: Layer | None = None,
        block: Layer | None = None,
        downsample_layer: Layer = PatchMerging,
        patch_embed: Layer | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        norm = norm_layer or partial(nn.LayerNorm, eps=1e-5)
        embed = patch_embed or PatchEmbed3d
        self.patch_embed = embed(patch_size=patch_size, embed_dim=embed_dim, norm_layer=norm)
        self.pos_drop = nn.Dropout(p=dropout)
        options: dict[str, Any] = {"norm_layer": norm, "attention_dropout": attention_dropout}
        options |= {"mlp_ratio": mlp_ratio, "dropout": dropout, "attn_layer": ShiftedWindowAttention3d}
        layers: list[nn.Module] = []
        done, dim = 0, embed_dim
        for stage, (depth, heads) in enumerate(zip(depths, num_heads)):
            blocks = []
            for i in range(depth):
                shift = [side // 2 if i % 2 else 0 for side in window_size]
                chance = stochastic_depth_prob * float(done + i) / (sum(depths) - 1)
                made = (block or SwinTransformerBlock)(
                    dim, heads, window_size, shift, stochastic_depth_prob=chance, **options
                )
                blocks.append(made)
            layers.append(nn.Sequential(*blocks))
            done += depth
            if stage < len(depths) - 1:
                layers.append(downsample_layer(dim, norm))
                dim *= 2
        self.features = nn.Sequential(*layers)
        self.num_features = dim
        self.norm = norm(dim)
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.head = nn.Linear(dim, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                zero_bias(layer)

    def forward(self, x: Any) -> Any:
        x = self.norm(self.features(self.pos_drop(self.patch_embed(x))))
        return self.head(self.avgpool(x.permute(0, 4, 1, 2, 3)).flatten(1))


def _swin3d(dim: int, depths: list[int], heads: list[int], kwargs: Any) -> SwinTransformer3d:
    return SwinTransformer3d([2, 4, 4], dim, depths, heads, [8, 7, 7], **kwargs)


@register_model(Swin3D_T_Weights)
def swin3d_t(**kwargs: Any) -> SwinTransformer3d:
    """Swin transformer for videos, tiny."""
    return _swin3d(96, [2, 2, 6, 2], [3, 6, 12, 24], kwargs)


@register_model(Swin3D_S_Weights)
def swin3d_s(**kwargs: Any) -> SwinTransformer3d:
    """Swin transformer for videos, small."""
    return _swin3d(96, [2, 2, 18, 2], [3, 6, 12, 24], kwargs)


@register_model(Swin3D_B_Weights)
def swin3d_b(**kwargs: Any) -> SwinTransformer3d:
    """Swin transformer for videos, of base size."""
    return _swin3d(128, [2, 2, 18, 2], [4, 8, 16, 32], kwargs)
