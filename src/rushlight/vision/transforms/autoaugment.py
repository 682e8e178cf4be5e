"""Changes drawn from a list: learnt pairs of them, several at one strength, one at any, or mixtures."""

from __future__ import annotations

from enum import Enum
from typing import Any

import rushlight as rl
from rushlight.nn import Module
from rushlight.random import dirichlet

from . import functional as F
from . import policies
from .draws import integer
from .interpolation import InterpolationMode
from .strengths import Strengths, changed, mix_space, policy_space, rand_space, wide_space

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


class AutoAugmentPolicy(Enum):
    """The datasets that policies were learnt on."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


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
        return policy_space(num_bins, image_size)

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
            img = changed(F, img, name, magnitude, self.interpolation, fill)
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
        return rand_space(num_bins, image_size)

    def forward(self, img: Any) -> Any:
        fill = self._fill_for(img)
        strengths = self._augmentation_space(self.num_magnitude_bins, self._size(img))
        for _ in range(self.num_ops):
            name = list(strengths)[integer(0, len(strengths))]
            steps, signed = strengths[name]
            magnitude = float(steps[self.magnitude]) if steps.ndim > 0 else 0.0
            if signed and integer(0, 2):
                magnitude = -magnitude
            img = changed(F, img, name, magnitude, self.interpolation, fill)
        return img


class TrivialAugmentWide(_Augmentation):
    """One change drawn from a list, at a strength drawn from a wide range."""

    def __init__(self, num_magnitude_bins: int = 31, interpolation: Any = NEAREST, fill: Any = None) -> None:
        super().__init__()
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def _augmentation_space(self, num_bins: int) -> Strengths:
        return wide_space(num_bins)

    def forward(self, img: Any) -> Any:
        fill = self._fill_for(img)
        strengths = self._augmentation_space(self.num_magnitude_bins)
        name = list(strengths)[integer(0, len(strengths))]
        steps, signed = strengths[name]
        magnitude = float(steps[integer(0, len(steps))]) if steps.ndim > 0 else 0.0
        if signed and integer(0, 2):
            magnitude = -magnitude
        return changed(F, img, name, magnitude, self.interpolation, fill)


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
        return mix_space(num_bins, image_size, self.all_ops)

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
            chained = self._chain(batch, strengths, fill)
            mix = mix + shares[:, i].reshape(count, 1, 1, 1) * chained
        return mix.reshape(img.shape).to(img.dtype)

    def _chain(self, img: Any, strengths: Strengths, fill: Any) -> Any:
        depth = self.chain_depth if self.chain_depth > 0 else integer(1, 4)
        for _ in range(depth):
            name = list(strengths)[integer(0, len(strengths))]
            steps, signed = strengths[name]
            magnitude = float(steps[integer(0, self.severity)]) if steps.ndim > 0 else 0.0
            if signed and integer(0, 2):
                magnitude = -magnitude
            img = changed(F, img, name, magnitude, self.interpolation, fill)
        return img
