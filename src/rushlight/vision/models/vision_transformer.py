"""Vision transformers: a picture as a sequence of patches."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import rushlight as rl
from rushlight import nn

from ..ops.misc import MLP, Conv2dNormActivation
from ._api import register_model
from ._catalogue import weights_of

ViT_B_16_Weights = weights_of("ViT_B_16_Weights", __name__)
ViT_B_32_Weights = weights_of("ViT_B_32_Weights", __name__)
ViT_L_16_Weights = weights_of("ViT_L_16_Weights", __name__)
ViT_L_32_Weights = weights_of("ViT_L_32_Weights", __name__)
ViT_H_14_Weights = weights_of("ViT_H_14_Weights", __name__)

NORM = partial(nn.LayerNorm, eps=1e-6)


class ConvStemConfig(NamedTuple):
    """One convolution of a stem in place of plain patches."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Callable[..., nn.Module] = nn.BatchNorm2d
    activation_layer: Callable[..., nn.Module] = nn.ReLU


class MLPBlock(MLP):
    """Two linear layers at each patch."""

    _version = 2

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.normal_(layer.bias, std=1e-6)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        version = local_metadata.get("version")
        if version is None or version < 2:  # the layers had names once
            for i, place in enumerate((0, 3), 1):
                for kind in ("weight", "bias"):
                    old = f"{prefix}linear_{i}.{kind}"
                    if old in state_dict:
                        state_dict[f"{prefix}{place}.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class EncoderBlock(nn.Module):
    """Attention and linear layers, each beside a shortcut."""

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Callable[..., nn.Module] = NORM,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(
            hidden_dim, num_heads, dropout=attention_dropout, batch_first=True
        )
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Any) -> Any:
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Places added to the patches, then a stack of blocks."""

    def __init__(
        self,
        seq_length: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Callable[..., nn.Module] = NORM,
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(rl.empty(1, seq_length, hidden_dim).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        sizes = (num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        self.layers = nn.Sequential(
            OrderedDict((f"encoder_layer_{i}", EncoderBlock(*sizes)) for i in range(num_layers))
        )
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Any) -> Any:
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """Patches of a picture through a transformer; the class is read from a patch that was added."""

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer: Callable[..., nn.Module] = NORM,
        conv_stem_configs: list[ConvStemConfig] | None = None,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(
                f"VisionTransformer: image_size={image_size} is no multiple of {patch_size}, a patch"
            )
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.num_classes = num_classes
        self.representation_size = representation_size
        if conv_stem_configs is not None:
            self.conv_proj: Any = _conv_stem(conv_stem_configs, hidden_dim)
        else:
            self.conv_proj = nn.Conv2d(3, hidden_dim, kernel_size=patch_size, stride=patch_size)
        length = (image_size // patch_size) ** 2 + 1  # the patches, and the one for the class
        self.class_token = nn.Parameter(rl.zeros(1, 1, hidden_dim))
        self.encoder = Encoder(
            length, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer
        )
        self.seq_length = length
        self.heads = _heads(hidden_dim, representation_size, num_classes)
        self._initialize()

    def _initialize(self) -> None:
        if isinstance(self.conv_proj, nn.Conv2d):
            fan_in = self.conv_proj.in_channels * math.prod(self.conv_proj.kernel_size)
            nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / fan_in))
            nn.init.zeros_(self.conv_proj.bias)
        else:
            last = self.conv_proj.conv_last
            nn.init.normal_(last.weight, mean=0.0, std=math.sqrt(2.0 / last.out_channels))
            nn.init.zeros_(last.bias)
        if hasattr(self.heads, "pre_logits"):
            fan_in = self.heads.pre_logits.in_features
            nn.init.trunc_normal_(self.heads.pre_logits.weight, std=math.sqrt(1 / fan_in))
            nn.init.zeros_(self.heads.pre_logits.bias)
        nn.init.zeros_(self.heads.head.weight)
        nn.init.zeros_(self.heads.head.bias)

    def _process_input(self, x: Any) -> Any:
        """The patches of pictures, [N, patches, hidden]."""
        if tuple(x.shape[-2:]) != (self.image_size, self.image_size):
            raise ValueError(
                f"VisionTransformer: pictures are to be of {self.image_size} x {self.image_size} pixels, "
                f"got {x.shape[-2]} x {x.shape[-1]}; resize them, or see interpolate_embeddings"
            )
        return self.conv_proj(x).flatten(2).permute(0, 2, 1)

    def forward(self, x: Any) -> Any:
        patches = self._process_input(x)
        token = self.class_token.expand(patches.shape[0], -1, -1)
        return self.heads(self.encoder(rl.cat([token, patches], dim=1))[:, 0])


def _conv_stem(configs: list[ConvStemConfig], hidden_dim: int) -> nn.Sequential:
    stem, width = nn.Sequential(), 3
    for i, config in enumerate(configs):
        layer = Conv2dNormActivation(
            width,
            config.out_channels,
            kernel_size=config.kernel_size,
            stride=config.stride,
            norm_layer=config.norm_layer,
            activation_layer=config.activation_layer,
        )
        stem.add_module(f"conv_bn_relu_{i}", layer)
        width = config.out_channels
    stem.add_module("conv_last", nn.Conv2d(width, hidden_dim, kernel_size=1))
    return stem


def _heads(hidden_dim: int, representation_size: int | None, num_classes: int) -> nn.Sequential:
    if representation_size is None:
        return nn.Sequential(OrderedDict(head=nn.Linear(hidden_dim, num_classes)))
    return nn.Sequential(
        OrderedDict(
            pre_logits=nn.Linear(hidden_dim, representation_size),
            act=nn.Tanh(),
            head=nn.Linear(representation_size, num_classes),
        )
    )


def _size_of(options: dict[str, Any], weights: Any) -> int:
    """The size of pictures that weights were trained on; another one asked for is an error."""
    size = weights.meta["min_size"][0]
    if options.get("image_size", size) != size:
        raise ValueError(f"with these weights image_size is {size}, got {options['image_size']}")
    return size


def _vit(patch: int, layers: int, heads: int, hidden: int, mlp: int, kwargs: Any) -> VisionTransformer:
    return VisionTransformer(kwargs.pop("image_size", 224), patch, layers, heads, hidden, mlp, **kwargs)


@register_model(ViT_B_16_Weights, image_size=_size_of)
def vit_b_16(**kwargs: Any) -> VisionTransformer:
    """Vision transformer of base size, patches of 16."""
    return _vit(16, 12, 12, 768, 3072, kwargs)


@register_model(ViT_B_32_Weights, image_size=_size_of)
def vit_b_32(**kwargs: Any) -> VisionTransformer:
    """Vision transformer of base size, patches of 32."""
    return _vit(32, 12, 12, 768, 3072, kwargs)


@register_model(ViT_L_16_Weights, image_size=_size_of)
def vit_l_16(**kwargs: Any) -> VisionTransformer:
    """Vision transformer, large, patches of 16."""
    return _vit(16, 24, 16, 1024, 4096, kwargs)


@register_model(ViT_L_32_Weights, image_size=_size_of)
def vit_l_32(**kwargs: Any) -> VisionTransformer:
    """Vision transformer, large, patches of 32."""
    return _vit(32, 24, 16, 1024, 4096, kwargs)


@register_model(ViT_H_14_Weights, image_size=_size_of)
def vit_h_14(**kwargs: Any) -> VisionTransformer:
    """Vision transformer, huge, patches of 14."""
    return _vit(14, 32, 16, 1280, 5120, kwargs)


def interpolate_embeddings(
    image_size: int,
    patch_size: int,
    model_state: Any,
    interpolation_mode: str = "bicubic",
    reset_heads: bool = False,
) -> Any:
    """A state of a vision transformer for pictures of another size: its places are resampled."""
    places = model_state["encoder.pos_embedding"]
    side = image_size // patch_size
    if places.shape[1] == side**2 + 1:
        return model_state
    old = math.isqrt(places.shape[1] - 1)
    if old**2 != places.shape[1] - 1:
        raise ValueError(f"interpolate_embeddings: {places.shape[1] - 1} places make no square")
    token, grid = places[:, :1], places[:, 1:]
    grid = grid.permute(0, 2, 1).reshape(1, -1, old, old)
    grid = nn.functional.interpolate(grid, size=side, mode=interpolation_mode, align_corners=True)
    model_state["encoder.pos_embedding"] = rl.cat([token, grid.flatten(2).permute(0, 2, 1)], dim=1)
    if not reset_heads:
        return model_state
    return OrderedDict((k, v) for k, v in model_state.items() if not k.startswith("heads"))
