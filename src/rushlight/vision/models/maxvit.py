"""MaxViT: convolutions, attention within windows, and attention over a coarse grid, in every layer."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ..ops.misc import Conv2dNormActivation, SqueezeExcitation
from ..ops.stochastic_depth import StochasticDepth
from ._api import register_model
from ._catalogue import weights_of
from ._utils import NORMS, init_norm, zero_bias
from ._windows import pair_places

MaxVit_T_Weights = weights_of("MaxVit_T_Weights", __name__)

Layer = Callable[..., nn.Module]
Size = tuple[int, int]


def _halved(size: Size) -> Size:
    """The size after a convolution of 3 x 3 with stride 2."""
    return (size[0] - 1) // 2 + 1, (size[1] - 1) // 2 + 1


class MBConv(nn.Module):
    """Many channels, each by itself, weighed, between few; beside a shortcut."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion_ratio: float,
        squeeze_ratio: float,
        stride: int,
        activation_layer: Layer,
        norm_layer: Layer,
        p_stochastic_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.proj: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            pool = [nn.AvgPool2d(kernel_size=3, stride=stride, padding=1)] if stride == 2 else []
            self.proj = nn.Sequential(*pool, nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=True))
        middle, squeezed = int(out_channels * expansion_ratio), int(out_channels * squeeze_ratio)
        drop = StochasticDepth(p_stochastic_dropout, mode="row") if p_stochastic_dropout else nn.Identity()
        self.stochastic_depth = drop
        options: dict[str, Any] = {
            "activation_layer": activation_layer,
            "norm_layer": norm_layer,
            "inplace": None,
        }
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["pre_norm"] = norm_layer(in_channels)
        layers["conv_a"] = Conv2dNormActivation(in_channels, middle, kernel_size=1, padding=0, **options)
        layers["conv_b"] = Conv2dNormActivation(
            middle, middle, kernel_size=3, stride=stride, padding=1, groups=middle, **options
        )
        layers["squeeze_excitation"] = SqueezeExcitation(middle, squeezed, activation=nn.SiLU)
        layers["conv_c"] = nn.Conv2d(middle, out_channels, kernel_size=1, bias=True)
        self.layers = nn.Sequential(layers)

    def forward(self, x: Any) -> Any:
        return self.proj(x) + self.stochastic_depth(self.layers(x))


class RelativePositionalMultiHeadAttention(nn.Module):
    """Attention among the pixels of each group, with a bias for each relative place."""

    def __init__(self, feat_dim: int, head_dim: int, max_seq_len: int) -> None:
        super().__init__()
        if feat_dim % head_dim != 0:
            raise ValueError(f"feat_dim {feat_dim} must be divisible by head_dim {head_dim}")
        self.n_heads = feat_dim // head_dim
        self.head_dim = head_dim
        self.size = int(math.sqrt(max_seq_len))
        self.max_seq_len = max_seq_len
        self.to_qkv = nn.Linear(feat_dim, feat_dim * 3)
        self.scale_factor = feat_dim**-0.5
        self.merge = nn.Linear(feat_dim, feat_dim)
        self.relative_position_bias_table = nn.Parameter(rl.empty((2 * self.size - 1) ** 2, self.n_heads))
        places = pair_places([self.size, self.size]).reshape(max_seq_len, max_seq_len)
        self.register_buffer("relative_position_index", places)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def get_relative_positional_bias(self) -> Any:
        """The bias of each pair of pixels of a group, [1, heads, pixels, pixels]."""
        chosen = self.relative_position_bias_table[self.relative_position_index.flatten()]
        return chosen.reshape(self.max_seq_len, self.max_seq_len, -1).permute(2, 0, 1)[None]

    def forward(self, x: Any) -> Any:
        qkv = self.to_qkv(x).reshape(*x.shape[:3], 3, self.n_heads, self.head_dim)
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5).unbind(0)
        scores = query @ (key * self.scale_factor).transpose(-2, -1) + self.get_relative_positional_bias()
        found = F.softmax(scores, dim=-1) @ value
        return self.merge(found.transpose(2, 3).reshape(x.shape))


class SwapAxes(nn.Module):
    """Two dimensions of a tensor in each other's place."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.a = a
        self.b = b

    def forward(self, x: Any) -> Any:
        return x.transpose(self.a, self.b)


class WindowPartition(nn.Module):
    """[N, C, H, W] as windows of p x p pixels, [N, windows, pixels, C]."""

    def forward(self, x: Any, p: int) -> Any:
        batch, channels, height, width = x.shape
        x = x.reshape(batch, channels, height // p, p, width // p, p)
        return x.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, p * p, channels)


class WindowDepartition(nn.Module):
    """Windows as [N, C, H, W] again."""

    def forward(self, x: Any, p: int, h_partitions: int, w_partitions: int) -> Any:
        batch, _, _, channels = x.shape
        x = x.reshape(batch, h_partitions, w_partitions, p, p, channels).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(batch, channels, h_partitions * p, w_partitions * p)


class PartitionAttentionLayer(nn.Module):
    """Attention among near pixels ("window") or among pixels far apart ("grid"), and linear layers."""

    def __init__(
        self,
        in_channels: int,
        head_dim: int,
        partition_size: int,
        partition_type: str,
        grid_size: Size,
        mlp_ratio: int,
        activation_layer: Layer,
        norm_layer: Layer,
        attention_dropout: float,
        mlp_dropout: float,
        p_stochastic_dropout: float,
    ) -> None:
        super().__init__()
        if partition_type not in ("grid", "window"):
            raise ValueError(f"partition_type is 'grid' or 'window', got {partition_type!r}")
        self.n_heads = in_channels // head_dim
        self.head_dim = head_dim
        self.n_partitions = grid_size[0] // partition_size
        self.partition_type = partition_type
        self.grid_size = grid_size
        sizes = (partition_size, self.n_partitions)
        self.p, self.g = sizes if partition_type == "window" else sizes[::-1]
        self.partition_op = WindowPartition()
        self.departition_op = WindowDepartition()
        is_grid = partition_type == "grid"
        self.partition_swap = SwapAxes(-2, -3) if is_grid else nn.Identity()
        self.departition_swap = SwapAxes(-2, -3) if is_grid else nn.Identity()
        self.attn_layer = nn.Sequential(
            norm_layer(in_channels),
            RelativePositionalMultiHeadAttention(in_channels, head_dim, partition_size**2),
            nn.Dropout(attention_dropout),
        )
        self.mlp_layer = nn.Sequential(
            nn.LayerNorm(in_channels),
            nn.Linear(in_channels, in_channels * mlp_ratio),
            activation_layer(),
            nn.Linear(in_channels * mlp_ratio, in_channels),
            nn.Dropout(mlp_dropout),
        )
        self.stochastic_dropout = StochasticDepth(p_stochastic_dropout, mode="row")

    def forward(self, x: Any) -> Any:
        rows, columns = (side // self.p for side in self.grid_size)
        if any(side % self.p for side in self.grid_size):
            raise ValueError(f"a map of {self.grid_size} does not divide into windows of {self.p}")
        x = self.partition_swap(self.partition_op(x, self.p))
        x = x + self.stochastic_dropout(self.attn_layer(x))
        x = x + self.stochastic_dropout(self.mlp_layer(x))
        return self.departition_op(self.departition_swap(x), self.p, rows, columns)


class MaxVitLayer(nn.Module):
    """Convolutions, attention within windows, attention over a grid."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        squeeze_ratio: float,
        expansion_ratio: float,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        head_dim: int,
        mlp_ratio: int,
        mlp_dropout: float,
        attention_dropout: float,
        p_stochastic_dropout: float,
        partition_size: int,
        grid_size: Size,
    ) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["MBconv"] = MBConv(
            in_channels,
            out_channels,
            expansion_ratio,
            squeeze_ratio,
            stride,
            activation_layer,
            norm_layer,
            p_stochastic_dropout,
        )
        for kind in ("window", "grid"):
            layers[f"{kind}_attention"] = PartitionAttentionLayer(
                out_channels,
                head_dim,
                partition_size,
                kind,
                grid_size,
                mlp_ratio,
                activation_layer,
                nn.LayerNorm,
                attention_dropout,
                mlp_dropout,
                p_stochastic_dropout,
            )
        self.layers = nn.Sequential(layers)

    def forward(self, x: Any) -> Any:
        return self.layers(x)


class MaxVitBlock(nn.Module):
    """Layers at one size; the first halves it. `options` are those of the layers."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_grid_size: Size,
        n_layers: int,
        p_stochastic: list[float],
        **options: Any,
    ) -> None:
        super().__init__()
        if len(p_stochastic) != n_layers:
            raise ValueError(f"p_stochastic is one number for each of {n_layers} layers, got {p_stochastic}")
        self.layers = nn.ModuleList()
        self.grid_size = _halved(input_grid_size)
        for i, p in enumerate(p_stochastic):
            channels, stride = (out_channels, 1) if i else (in_channels, 2)
            sizes = {"stride": stride, "grid_size": self.grid_size, "p_stochastic_dropout": p}
            self.layers.append(MaxVitLayer(channels, out_channels, **sizes, **options))

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


class MaxVit(nn.Module):
    """A stem and blocks of layers that look near and far, for pictures of one size."""

    def __init__(
        self,
        input_size: Size,
        stem_channels: int,
        partition_size: int,
        block_channels: list[int],
        block_layers: list[int],
        head_dim: int,
        stochastic_depth_prob: float,
        norm_layer: Layer | None = None,
        activation_layer: Layer = nn.GELU,
        squeeze_ratio: float = 0.25,
        expansion_ratio: float = 4,
        mlp_ratio: int = 4,
        mlp_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        norm = norm_layer or partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
        size = _halved(input_size)
        self._check_sizes(size, len(block_channels), partition_size)
        self.stem = nn.Sequential(
            Conv2dNormActivation(
                3,
                stem_channels,
                3,
                stride=2,
                norm_layer=norm,
                activation_layer=activation_layer,
                bias=False,
                inplace=None,
            ),
            Conv2dNormActivation(
                stem_channels, stem_channels, 3, norm_layer=None, activation_layer=None, bias=True
            ),
        )
        self.partition_size = partition_size
        self.blocks = nn.ModuleList()
        chances = np.linspace(0, stochastic_depth_prob, sum(block_layers)).tolist()
        options: dict[str, Any] = {"squeeze_ratio": squeeze_ratio, "expansion_ratio": expansion_ratio}
        options |= {"norm_layer": norm, "activation_layer": activation_layer, "head_dim": head_dim}
        options |= {
            "mlp_ratio": mlp_ratio,
            "mlp_dropout": mlp_dropout,
            "attention_dropout": attention_dropout,
        }
        before = stem_channels
        for channels, count in zip(block_channels, block_layers):
            own, chances = chances[:count], chances[count:]
            block = MaxVitBlock(before, channels, size, count, own, partition_size=partition_size, **options)
            self.blocks.append(block)
            before, size = channels, block.grid_size
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.LayerNorm(before),
            nn.Linear(before, before),
            nn.Tanh(),
            nn.Linear(before, num_classes, bias=False),
        )
        self._init_weights()

    @staticmethod
    def _check_sizes(size: Size, blocks: int, partition: int) -> None:
        for i in range(blocks):
            size = _halved(size)
            if size[0] % partition or size[1] % partition:
                raise ValueError(
                    f"input_size: the map {size} of block {i} does not divide into windows of {partition}"
                )

    def _init_weights(self) -> None:
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(layer.weight, std=0.02)
                zero_bias(layer)
            elif isinstance(layer, NORMS):
                init_norm(layer)

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.classifier(x)


@register_model(MaxVit_T_Weights, input_size=(224, 224))
def maxvit_t(**kwargs: Any) -> MaxVit:
    """MaxViT, tiny; for pictures of 224 x 224, or `input_size`."""
    size = kwargs.pop("input_size", (224, 224))
    return MaxVit(size, 64, 7, [64, 128, 256, 512], [2, 2, 5, 2], 32, 0.2, **kwargs)
