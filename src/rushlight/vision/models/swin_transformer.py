"""Swin transformers: attention within windows that shift from block to block."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ..ops.misc import MLP, Permute
from ..ops.stochastic_depth import StochasticDepth
from ._catalogue import publish_variants
from ._utils import zero_bias
from ._windows import pair_places, relative_coordinates, windowed_attention

Layer = Callable[..., nn.Module]


def _four_to_one(x: Any) -> Any:
    """The channels of each square of four pixels together; odd sides get one more row or column of 0."""
    height, width = x.shape[-3:-1]
    x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
    rows, columns = x[..., 0::2, :, :], x[..., 1::2, :, :]
    return rl.cat(
        [rows[..., 0::2, :], columns[..., 0::2, :], rows[..., 1::2, :], columns[..., 1::2, :]], dim=-1
    )


class PatchMerging(nn.Module):
    """Four patches to one, of twice the channels."""

    def __init__(self, dim: int, norm_layer: Layer = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(4 * dim)

    def forward(self, x: Any) -> Any:
        return self.reduction(self.norm(_four_to_one(x)))


class PatchMergingV2(nn.Module):
    """Four patches to one, of twice the channels, normed at the end."""

    def __init__(self, dim: int, norm_layer: Layer = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(2 * dim)

    def forward(self, x: Any) -> Any:
        return self.norm(self.reduction(_four_to_one(x)))


class ShiftedWindowAttention(nn.Module):
    """Attention within windows, with a bias for each relative place."""

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
        if len(window_size) != 2 or len(shift_size) != 2:
            raise ValueError(f"window_size and shift_size are pairs, got {window_size} and {shift_size}")
        self.window_size = window_size
        self.shift_size = shift_size
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        self.define_relative_position_bias_table()
        self.register_buffer("relative_position_index", pair_places(window_size))

    def define_relative_position_bias_table(self) -> None:
        """Makes what biases are taken from."""
        places = math.prod(2 * side - 1 for side in self.window_size)
        self.relative_position_bias_table = nn.Parameter(rl.zeros(places, self.num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def get_relative_position_bias(self) -> Any:
        """The bias of each pair of pixels of a window, [1, heads, pixels, pixels]."""
        return self._spread(self.relative_position_bias_table)

    def _spread(self, table: Any) -> Any:
        pixels = math.prod(self.window_size)
        chosen = table[self.relative_position_index].reshape(pixels, pixels, -1)
        return chosen.permute(2, 0, 1).contiguous().unsqueeze(0)

    def forward(self, x: Any) -> Any:
        return windowed_attention(self, x, self.get_relative_position_bias())


class ShiftedWindowAttentionV2(ShiftedWindowAttention):
    """Attention by angle within windows; biases come from a small network over relative places."""

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
        super().__init__(
            dim, window_size, shift_size, num_heads, qkv_bias, proj_bias, attention_dropout, dropout
        )
        self.logit_scale = nn.Parameter(rl.log(10 * rl.ones(num_heads, 1, 1)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, 512, bias=True), nn.ReLU(inplace=True), nn.Linear(512, num_heads, bias=False)
        )
        if qkv_bias:
            self.qkv.bias.data[dim : 2 * dim].zero_()

    def define_relative_position_bias_table(self) -> None:
        """Makes the places that the small network sees."""
        self.register_buffer("relative_coords_table", relative_coordinates(self.window_size))

    def get_relative_position_bias(self) -> Any:
        table = self.cpb_mlp(self.relative_coords_table).reshape(-1, self.num_heads)
        return 16 * rl.sigmoid(self._spread(table))


class SwinTransformerBlock(nn.Module):
    """Attention in windows and linear layers, each beside a shortcut."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window_size: list[int],
        shift_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Layer = nn.LayerNorm,
        attn_layer: Layer = ShiftedWindowAttention,
    ) -> None:
        super().__init__()
        self.norm1 = norm_layer(dim)
        self.attn = attn_layer(
            dim, window_size, shift_size, num_heads, attention_dropout=attention_dropout, dropout=dropout
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.norm2 = norm_layer(dim)
        hidden = [int(dim * mlp_ratio), dim]
        self.mlp = MLP(dim, hidden, activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for layer in self.mlp.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.normal_(layer.bias, std=1e-6)

    def forward(self, x: Any) -> Any:
        x = x + self.stochastic_depth(self.attn(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class SwinTransformerBlockV2(SwinTransformerBlock):
    """A block that norms after, not before."""

    def __init__(self, *args: Any, attn_layer: Layer = ShiftedWindowAttentionV2, **kwargs: Any) -> None:
        super().__init__(*args, attn_layer=attn_layer, **kwargs)

    def forward(self, x: Any) -> Any:
        x = x + self.stochastic_depth(self.norm1(self.attn(x)))
        return x + self.stochastic_depth(self.norm2(self.mlp(x)))


class SwinTransformer(nn.Module):
    """Four stages of blocks over patches, which are merged between."""

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
        num_classes: int = 1000,
        norm_layer: Layer | None = None,
        block: Layer | None = None,
        downsample_layer: Layer = PatchMerging,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        norm = norm_layer or partial(nn.LayerNorm, eps=1e-5)
        patches = nn.Conv2d(3, embed_dim, kernel_size=tuple(patch_size), stride=tuple(patch_size))
        layers: list[nn.Module] = [nn.Sequential(patches, Permute([0, 2, 3, 1]), norm(embed_dim))]
        total, done, dim = sum(depths), 0, embed_dim
        options: dict[str, Any] = {"norm_layer": norm, "attention_dropout": attention_dropout}
        options |= {"mlp_ratio": mlp_ratio, "dropout": dropout}
        for stage, (depth, heads) in enumerate(zip(depths, num_heads)):
            blocks = []
            for i in range(depth):
                shift = [side // 2 if i % 2 else 0 for side in window_size]
                chance = stochastic_depth_prob * float(done + i) / (total - 1)
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
        self.norm = norm(dim)
        self.permute = Permute([0, 3, 1, 2])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.head = nn.Linear(dim, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                zero_bias(layer)

    def forward(self, x: Any) -> Any:
        x = self.permute(self.norm(self.features(x)))
        return self.head(self.flatten(self.avgpool(x)))


# what it is; width, blocks and heads of each stage, and how often blocks are left out at most
VARIANTS = {
    "swin_t": ("Swin transformer, tiny.", (96, [2, 2, 6, 2], [3, 6, 12, 24], 0.2)),
    "swin_s": ("Swin transformer, small.", (96, [2, 2, 18, 2], [3, 6, 12, 24], 0.3)),
    "swin_b": ("Swin transformer of base size.", (128, [2, 2, 18, 2], [4, 8, 16, 32], 0.5)),
}
SECOND = {
    name.replace("_", "_v2_"): (what.replace("transformer", "transformer v2"), shape)
    for name, (what, shape) in VARIANTS.items()
}


def _swin(shape: tuple[Any, ...], kwargs: dict[str, Any], window: int = 7, **options: Any) -> SwinTransformer:
    dim, depths, heads, chance = shape
    options["stochastic_depth_prob"] = kwargs.pop("stochastic_depth_prob", chance)
    return SwinTransformer([4, 4], dim, depths, heads, [window, window], **options, **kwargs)


publish_variants(globals(), SwinTransformer, VARIANTS, _swin)
_swin_v2 = partial(_swin, window=8, block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2)
publish_variants(globals(), SwinTransformer, SECOND, _swin_v2)
