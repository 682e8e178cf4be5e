"""Changes drawn from a list: learnt pairs of them, several at one strength, one at any, or mixtures."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import rushlight as rl
from rushlight.nn import Module
from rushlight.random import dirichlet

from . import functional as F
from . import policies
from .draws import integer
from .interpolation import InterpolationMode

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
Strengths = dict[str, tuple[Any, bool]]  # of each change: its strengths by step, and whether a sign is drawn


class AutoAugmentPolicy(Enum):
    """The datasets that policies were learnt on."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


def _sheared(img: Any, x: float, y: float, interpolation: Any, fill: Any) -> Any:
    shear = [math.degrees(math.atan(x)), math.degrees(math.atan(y))]
    return F.affine(img, 0.0, [0, 0], 1.0, shear, interpolation, fill, center=[0, 0])


def _moved(img: Any, x: float, y: float, interpolation: Any, fill: Any) -> Any:
    return F.affine(img, 0.0, [int(x), int(y)], 1.0, [0.0, 0.0], interpolation, fill)


GEOMETRY = {
    "ShearX": lambda img, m, mode, fill: _sheared(img, m, 0.0, mode, fill),
    "ShearY": lambda img, m, mode, fill: _sheared(img, 0.0, m, mode, fill),
    "TranslateX": lambda img, m, mode, fill: _moved(img, m, 0, mode, fill),
    "TranslateY": lambda img, m, mode, fill: _moved(img, 0, m, mode, fill),
    "Rotate": lambda img, m, mode, fill: F.rotate(img, m, interpolation=mode, fill=fill),
}
COLOUR = {
    "Brightness": lambda img, m: F.adjust_brightness(img, 1.0 + m),
    "Color": lambda img, m: F.adjust_saturation(img, 1.0 + m),
    "Contrast": lambda img, m: F.adjust_contrast(img, 1.0 + m),
    "Sharpness": lambda img, m: F.adjust_sharpness(img, 1.0 + m),
    "Posterize": lambda img, m: F.posterize(img, int(m)),
    "Solarize": lambda img, m: F.solarize(img, m),
    "AutoContrast": lambda img, m: F.autocontrast(img),
    "Equalize": lambda img, m: F.equalize(img),
    "Invert": lambda img, m: F.invert(img),
    "Identity": lambda img, m: img,
}


def _changed(img: Any, name: str, magnitude: float, interpolation: Any, fill: Any) -> Any:
    if name in GEOMETRY:
        return GEOMETRY[name](img, magnitude, interpolation, fill)
    return COLOUR[name](img, magnitude)


def _signed(names: str, most: float, bins: int) -> Strengths:
    return {name: (rl.linspace(0.0, most, bins), True) for name in names.split()}


def _fixed(names: str) -> Strengths:
    return {name: (rl.tensor(0.0), False) for name in names.split()}


def _bits(bins: int, start: int, lost: int) -> Strengths:
    steps = start - (rl.arange(bins) / ((bins - 1) / lost)).round().int()
    return {"Posterize": (steps, False), "Solarize": (rl.linspace(255.0, 0.0, bins), False)}


class _Augmentation(Module):
    """What the four have in common: the filter and colour of warps, and how changes are drawn."""

    interpolation: Any
    fill: Any

    def _fill_for(self, img: Any) -> Any:
        if not isinstance(img, rl.Tensor) or self.fill is None:
            return self.fill
        if isinstance(self.fill, (int, float)):
            return [float(self.fill)] * F.get_image_num_channels(img)
        return [float(f) for f in self.fill]

    @staticmethod
    def _size(img: Any) -> tuple[int, int]:
        _, height, width = F.get_dimensions(img)
        return height, width

    def __repr__(self) -> str:
        shown = {
            k: v for k, v in vars(self).items() if not k.startswith("_") and k not in ("training", "policies")
        }
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in shown.items())})"


class AutoAugment(_Augmentation):
    """Two changes after one of the pairs that were learnt on a dataset."""

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Any = NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__()
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"AutoAugment: policy is an AutoAugmentPolicy, got {policy!r}")
        self.policy = policy
        self.interpolation = interpolation
        self.fill = fill
        self.policies = policies.read(getattr(policies, policy.name))

    def _augmentation_space(self, num_bins: int, image_size: tuple[int, int]) -> Strengths:
        return {
            **_signed("ShearX ShearY", 0.3, num_bins),
            **_signed("TranslateX", 150.0 / 331.0 * image_size[1], num_bins),
            **_signed("TranslateY", 150.0 / 331.0 * image_size[0], num_bins),
            **_signed("Rotate", 30.0, num_bins),
            **_signed("Brightness Color Contrast Sharpness", 0.9, num_bins),
            **_bits(num_bins, 8, 4),
            **_fixed("AutoContrast Equalize Invert"),
        }

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, Any, Any]:
        """Draws a pair, and for both changes whether they happen and their sign."""
        return integer(0, transform_num), rl.rand((2,)), rl.randint(2, (2,))

    def forward(self, img: Any) -> Any:
        fill = self._fill_for(img)
        chosen, chances, signs = self.get_params(len(self.policies))
        strengths = self._augmentation_space(10, self._size(img))
        for i, (name, p, step) in enumerate(self.policies[chosen]):
            if chances[i] > p:
                continue
            steps, signed = strengths[name]
            magnitude = float(steps[step]) if step is not None else 0.0
            if signed and signs[i] == 0:
                magnitude = -magnitude
            img = _changed(img, name, magnitude, self.interpolation, fill)
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(policy={self.policy}, fill={self.fill})"


class RandAugment(_Augmentation):
    """A few changes drawn from a list, all at one strength."""

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__()
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def _augmentation_space(self, num_bins: int, image_size: tuple[int, int]) -> Strengths:
        return {
            **_fixed("Identity"),
            **_signed("ShearX ShearY", 0.3, num_bins),
            **_signed("TranslateX", 150.0 / 331.0 * image_size[1], num_bins),
            **_signed("TranslateY", 150.0 / 331.0 * image_size[0], num_bins),
            **_signed("Rotate", 30.0, num_bins),
            **_signed("Brightness Color Contrast Sharpness", 0.9, num_bins),
            **_bits(num_bins, 8, 4),
            **_fixed("AutoContrast Equalize"),
        }

    def forward(self, img: Any) -> Any:
        fill = self._fill_for(img)
        strengths = self._augmentation_space(self.num_magnitude_bins, self._size(img))
        for _ in range(self.num_ops):
            name = list(strengths)[integer(0, len(strengths))]
            steps, signed = strengths[name]
            magnitude = float(steps[self.magnitude]) if steps.ndim > 0 else 0.0
            if signed and integer(0, 2):
                magnitude = -magnitude
            img = _changed(img, name, magnitude, self.interpolation, fill)
        return img


class TrivialAugmentWide(_Augmentation):
    """One change drawn from a list, at a strength drawn from a wide range."""

    def __init__(self, num_magnitude_bins: int = 31, interpolation: Any = NEAREST, fill: Any = None) -> None:
        super().__init__()
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def _augmentation_space(self, num_bins: int) -> Strengths:
        return {
            **_fixed("Identity"),
            **_signed("ShearX ShearY", 0.99, num_bins),
            **_signed("TranslateX TranslateY", 32.0, num_bins),
            **_signed("Rotate", 135.0, num_bins),
            **_signed("Brightness Color Contrast Sharpness", 0.99, num_bins),
            **_bits(num_bins, 8, 6),
            **_fixed("AutoContrast Equalize"),
        }

    def forward(self, img: Any) -> Any:
        fill = self._fill_for(img)
        strengths = self._augmentation_space(self.num_magnitude_bins)
        name = list(strengths)[integer(0, len(strengths))]
        steps, signed = strengths[name]
        magnitude = float(steps[integer(0, len(steps))]) if steps.ndim > 0 else 0.0
        if signed and integer(0, 2):
            magnitude = -magnitude
        return _changed(img, name, magnitude, self.interpolation, fill)


class AugMix(_Augmentation):
    """The picture mixed with chains of changes of itself."""

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Any = BILINEAR,
        fill: Any = None,
    ) -> None:
        super().__init__()
        if not 1 <= severity <= 10:
            raise ValueError(f"AugMix: severity is from 1 to 10, got {severity}")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation
        self.fill = fill

    def _augmentation_space(self, num_bins: int, image_size: tuple[int, int]) -> Strengths:
        return {
            **_signed("ShearX ShearY", 0.3, num_bins),
            **_signed("TranslateX", image_size[1] / 3.0, num_bins),
            **_signed("TranslateY", image_size[0] / 3.0, num_bins),
            **_signed("Rotate", 30.0, num_bins),
            **_bits(num_bins, 4, 4),
            **_fixed("AutoContrast Equalize"),
            **(_signed("Brightness Color Contrast Sharpness", 0.9, num_bins) if self.all_ops else {}),
        }

    def _sample_dirichlet(self, concentrations: Any) -> Any:
        return rl.from_numpy(dirichlet(rl.default_generator, concentrations.numpy()))

    def forward(self, orig_img: Any) -> Any:
        is_tensor = isinstance(orig_img, rl.Tensor)
        img = orig_img if is_tensor else F.pil_to_tensor(orig_img)
        mix = self._mixture(img, self._fill_for(orig_img), self._size(orig_img))
        return mix if is_tensor else F.to_pil_image(mix)

    def _mixture(self, img: Any, fill: Any, size: tuple[int, int]) -> Any:
        strengths = self._augmentation_space(10, size)
        batch = img.reshape([1] * max(4 - img.ndim, 0) + list(img.shape))
        count = batch.shape[0]
        split = self._sample_dirichlet(rl.tensor([self.alpha, self.alpha]).expand(count, -1))
        shares = self._sample_dirichlet(rl.tensor([self.alpha] * self.mixture_width).expand(count, -1))
        shares = shares * split[:, 1:]
        mix = split[:, 0].reshape(count, 1, 1, 1) * batch
        for i in range(self.mixture_width):
            changed = self._chain(batch, strengths, fill)
            mix = mix + shares[:, i].reshape(count, 1, 1, 1) * changed
        return mix.reshape(img.shape).to(img.dtype)

    def _chain(self, img: Any, strengths: Strengths, fill: Any) -> Any:
        depth = self.chain_depth if self.chain_depth > 0 else integer(1, 4)
        for _ in range(depth):
            name = list(strengths)[integer(0, len(strengths))]
            steps, signed = strengths[name]
            magnitude = float(steps[integer(0, self.severity)]) if steps.ndim > 0 else 0.0
            if signed and integer(0, 2):
                magnitude = -magnitude
            img = _changed(img, name, magnitude, self.interpolation, fill)
        return img
