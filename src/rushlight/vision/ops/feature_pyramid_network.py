"""Feature maps of several sizes that know of each other, and regions taken from the map that fits them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F

from ..transforms.geometry import pair
from .boxes import box_area
from .misc import Conv2dNormActivation
from .regions import region_rows, roi_align


class ExtraFPNBlock(nn.Module):
    """What makes further maps of those of a pyramid."""

    def forward(self, results: list[Any], x: list[Any], names: list[str]) -> tuple[list[Any], list[str]]:
        """All maps and their names, of the results, what they were made of, and their names."""
        raise NotImplementedError


class FeaturePyramidNetwork(nn.Module):
    """Maps of several sizes at one number of channels, the finer ones with what the coarser ones know."""

    _version = 2

    def __init__(
        self,
        in_channels_list: list[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if 0 in in_channels_list:
            raise ValueError("FeaturePyramidNetwork: a map without channels is not supported")
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise TypeError(f"extra_blocks is an ExtraFPNBlock, got {type(extra_blocks)}")
        self.inner_blocks = nn.ModuleList()
        self.layer_blocks = nn.ModuleList()
        options: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": None}
        for channels in in_channels_list:
            self.inner_blocks.append(
                Conv2dNormActivation(channels, out_channels, kernel_size=1, padding=0, **options)
            )
            self.layer_blocks.append(
                Conv2dNormActivation(out_channels, out_channels, kernel_size=3, **options)
            )
        _draw_convolutions(self)
        self.extra_blocks = extra_blocks

    def _load_from_state_dict(self, state_dict: Any, prefix: str, metadata: Any, *rest: Any) -> None:
        if (metadata.get("version") or 1) < 2:  # there were plain convolutions then
            for block in ("inner_blocks", "layer_blocks"):
                for i in range(len(self.inner_blocks)):
                    for kind in ("weight", "bias"):
                        old = f"{prefix}{block}.{i}.{kind}"
                        if old in state_dict:
                            state_dict[f"{prefix}{block}.{i}.0.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, metadata, *rest)

    def forward(self, x: dict[str, Any]) -> dict[str, Any]:
        names, maps = list(x), list(x.values())
        above = self.inner_blocks[-1](maps[-1])
        results = [self.layer_blocks[-1](above)]
        for i in range(len(maps) - 2, -1, -1):
            inner = self.inner_blocks[i](maps[i])
            above = inner + F.interpolate(above, size=inner.shape[-2:], mode="nearest")
            results.insert(0, self.layer_blocks[i](above))
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results))


def _draw_convolutions(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, a=1)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class LastLevelMaxPool(ExtraFPNBlock):
    """One more map: every second pixel of the coarsest."""

    def forward(self, results: list[Any], x: list[Any], names: list[str]) -> tuple[list[Any], list[str]]:
        pooled = F.max_pool2d(results[-1], kernel_size=1, stride=2, padding=0)
        return [*results, pooled], [*names, "pool"]


class LastLevelP6P7(ExtraFPNBlock):
    """Two more maps, by convolutions: p6 and p7."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, 2, 1)
        _draw_convolutions(self)
        self.use_P5 = in_channels == out_channels

    def forward(self, results: list[Any], x: list[Any], names: list[str]) -> tuple[list[Any], list[str]]:
        p6 = self.p6(results[-1] if self.use_P5 else x[-1])
        return [*results, p6, self.p7(F.relu(p6))], [*names, "p6", "p7"]


class MultiScaleRoIAlign(nn.Module):
    """`roi_align` of each box on the map of a pyramid that fits its size."""

    def __init__(
        self,
        featmap_names: list[str],
        output_size: Any,
        sampling_ratio: int,
        *,
        canonical_scale: int = 224,
        canonical_level: int = 4,
    ) -> None:
        super().__init__()
        self.featmap_names = featmap_names
        self.sampling_ratio = sampling_ratio
        self.output_size = tuple(pair(output_size, "output_size"))
        self.scales: list[float] | None = None
        self.canonical_scale = canonical_scale
        self.canonical_level = canonical_level

    def forward(self, x: dict[str, Any], boxes: list[Any], image_shapes: list[tuple[int, int]]) -> Any:
        """[boxes, C, h, w]: of the maps, the boxes of each picture, and the sizes of the pictures."""
        maps = [feature for name, feature in x.items() if name in self.featmap_names]
        if self.scales is None:
            self.scales = self._found_scales(maps, image_shapes)
        rows = rl.from_numpy(region_rows(boxes)).to(maps[0].dtype)
        size, ratio = self.output_size, self.sampling_ratio
        if len(maps) == 1:
            return roi_align(maps[0], rows, size, self.scales[0], ratio)
        levels = self._levels(boxes)
        result = maps[0].new_zeros((len(rows), maps[0].shape[1], *size))
        for level, (feature, scale) in enumerate(zip(maps, self.scales)):
            mine = rl.where(levels == level)[0]
            result[mine] = roi_align(feature, rows[mine], size, scale, ratio)
        return result

    def _found_scales(self, maps: list[Any], image_shapes: list[tuple[int, int]]) -> list[float]:
        if not image_shapes:
            raise ValueError("MultiScaleRoIAlign: image_shapes are not to be empty")
        height = max(shape[0] for shape in image_shapes)
        return [2.0 ** round(math.log2(feature.shape[-2] / height)) for feature in maps]

    def _levels(self, boxes: list[Any]) -> Any:
        """The number of the map for each box, by the box's size."""
        assert self.scales is not None
        first, last = (int(-math.log2(scale)) for scale in (self.scales[0], self.scales[-1]))
        sides = rl.cat([box_area(b) for b in boxes]).sqrt()
        level = (self.canonical_level + rl.log2(sides / self.canonical_scale) + 1e-6).floor()
        return level.clamp(first, last).to(rl.int64) - first

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(featmap_names={self.featmap_names}, "
            f"output_size={self.output_size}, sampling_ratio={self.sampling_ratio})"
        )
