"""Changes drawn from a list: learnt pairs of them, several at one strength, one at any, or mixtures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rushlight as rl
from rushlight.random import dirichlet
from rushlight.utils.pytree import tree_flatten, tree_unflatten

from ... import tv_tensors
from ...pictures import is_pil
from .. import policies
from .._functional_tensor import max_value
from ..autoaugment import AutoAugmentPolicy
from ..draws import integer
from ..strengths import Strengths, changed, mix_space, policy_space, rand_space, wide_space
from . import functional as F
from ._queries import PICTURES, check_type, fill_for
from ._transform import Transform

OTHERS = (tv_tensors.BoundingBoxes, tv_tensors.Mask, tv_tensors.KeyPoints)


class _Augmentation(Transform):
    """A change of the one picture or video that a sample has."""

    def __init__(self, *, interpolation: Any, fill: Any) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.fill = fill

    def forward(self, *inputs: Any) -> Any:
        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        place = self._place_of_picture(leaves)
        leaves[place] = self.augmented(leaves[place])
        return tree_unflatten(leaves, spec)

    def _place_of_picture(self, leaves: list[Any]) -> int:
        others = [leaf for leaf in leaves if isinstance(leaf, OTHERS)]
        if others:
            raise TypeError(f"{type(self).__name__} is not for samples with {type(others[0]).__name__}")
        chosen = self._needs_transform_list(leaves)
        places = [i for i, leaf in enumerate(leaves) if chosen[i] and check_type(leaf, PICTURES)]
        if len(places) != 1:
            raise TypeError(
                f"{type(self).__name__} is for samples of one picture or video, found {len(places)}"
            )
        return places[0]

    def augmented(self, picture: Any) -> Any:
        """The picture after the changes that are drawn."""
        raise NotImplementedError

    def _change(self, picture: Any, name: str, strengths: Strengths, step: Callable[[Any], int]) -> Any:
        steps, signed = strengths[name]
        magnitude = 0.0
        if steps.ndim > 0:
            magnitude = float(steps[step(steps)])
            if signed and float(rl.rand(())) <= 0.5:
                magnitude = -magnitude
        if name == "Solarize":
            magnitude *= max_value(picture.dtype) if isinstance(picture, rl.Tensor) else 255.0
        return changed(F, picture, name, magnitude, self.interpolation, fill_for(self._fill, picture))


def _drawn(strengths: Strengths) -> str:
    return list(strengths)[integer(0, len(strengths))]


class AutoAugment(_Augmentation):
    """Two changes after one of the pairs that were learnt on a dataset."""

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Any = "nearest",
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"AutoAugment: policy is an AutoAugmentPolicy, got {policy!r}")
        self.policy = policy
        self._policies = policies.read(getattr(policies, policy.name))

    def augmented(self, picture: Any) -> Any:
        strengths = policy_space(10, tuple(F.get_size(picture)), 1.0)
        for name, p, step in self._policies[integer(0, len(self._policies))]:
            if float(rl.rand(())) <= p:
                picture = self._change(picture, name, strengths, lambda _, step=step: step)  # type: ignore[misc]
        return picture


class RandAugment(_Augmentation):
    """A few changes drawn from a list, all at one strength."""

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = "nearest",
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not isinstance(num_ops, int) or num_ops < 0:
            raise ValueError(f"RandAugment: num_ops is a whole number from 0 on, got {num_ops}")
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def augmented(self, picture: Any) -> Any:
        size = tuple(F.get_size(picture))
        for _ in range(self.num_ops):
            strengths = rand_space(self.num_magnitude_bins, size, 1.0)
            picture = self._change(picture, _drawn(strengths), strengths, lambda _: self.magnitude)
        return picture


class TrivialAugmentWide(_Augmentation):
    """One change drawn from a list, at a strength drawn from a wide range."""

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: Any = "nearest", fill: Any = None
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        self.num_magnitude_bins = num_magnitude_bins

    def augmented(self, picture: Any) -> Any:
        strengths = wide_space(self.num_magnitude_bins, 1.0)
        return self._change(picture, _drawn(strengths), strengths, lambda steps: integer(0, len(steps)))


class AugMix(_Augmentation):
    """The picture mixed with chains of changes of itself."""

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Any = "bilinear",
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not 1 <= severity <= 10:
            raise ValueError(f"AugMix: severity is from 1 to 10, got {severity}")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def _sample_dirichlet(self, concentrations: Any) -> Any:
        return rl.from_numpy(dirichlet(rl.default_generator, concentrations.numpy()))

    def augmented(self, picture: Any) -> Any:
        pixels = F.pil_to_tensor(picture) if is_pil(picture) else picture
        mix = self._mixture(pixels, 5 if isinstance(picture, tv_tensors.Video) else 4)
        if is_pil(picture):
            return F.to_pil_image(mix)
        is_kind = isinstance(picture, tv_tensors.TVTensor)
        return tv_tensors.wrap(mix, like=picture) if is_kind else mix

    def _mixture(self, pixels: Any, dims: int) -> Any:
        strengths = mix_space(10, tuple(pixels.shape[-2:]), self.all_ops, 1.0)
        batch = tv_tensors.plain(pixels).reshape([1] * max(dims - pixels.ndim, 0) + list(pixels.shape))
        count = batch.shape[0]
        each = [count] + [1] * (batch.ndim - 1)
        split = self._sample_dirichlet(rl.tensor([self.alpha, self.alpha]).expand(count, -1))
        shares = self._sample_dirichlet(rl.tensor([self.alpha] * self.mixture_width).expand(count, -1))
        shares = shares * split[:, 1:]
        mix = split[:, 0].reshape(each) * batch
        for i in range(self.mixture_width):
            mix = mix + shares[:, i].reshape(each) * self._chain(batch, strengths)
        return mix.reshape(pixels.shape).to(pixels.dtype)

    def _chain(self, batch: Any, strengths: Strengths) -> Any:
        depth = self.chain_depth if self.chain_depth > 0 else integer(1, 4)
        for _ in range(depth):
            batch = self._change(batch, _drawn(strengths), strengths, lambda _: integer(0, self.severity))
        return batch
