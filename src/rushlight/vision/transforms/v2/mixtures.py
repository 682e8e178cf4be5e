"""Batches whose pictures, and labels, are mixed with each other: MixUp and CutMix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight as rl
from rushlight.nn.functional import one_hot
from rushlight.random import dirichlet
from rushlight.utils.pytree import tree_flatten, tree_unflatten

from ... import tv_tensors
from ...pictures import is_pil
from ..draws import integer
from ._queries import has_any, labels_getter_of, query_size
from ._transform import Transform
from .functional import is_pure_tensor


class _Mixture(Transform):
    """Each picture of a batch with the one before it, and their labels in the same parts."""

    def __init__(
        self, *, alpha: float = 1.0, num_classes: int | None = None, labels_getter: Any = "default"
    ) -> None:
        super().__init__()
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self._labels_getter = labels_getter_of(labels_getter)

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves, spec = tree_flatten(sample)
        chosen = self._needs_transform_list(leaves)
        kinds = (is_pil, tv_tensors.BoundingBoxes, tv_tensors.Mask, tv_tensors.KeyPoints)
        if has_any(leaves, *kinds):
            raise ValueError(f"{type(self).__name__} is for tensors, without boxes, masks or points")
        labels = self._checked_labels(self._labels_getter(sample))
        params = self.make_params([leaf for leaf, is_chosen in zip(leaves, chosen) if is_chosen])
        done = []
        for leaf, is_chosen in zip(leaves, chosen):
            if leaf is labels:
                leaf = self._mixed_labels(leaf, params["part"])
            elif is_chosen and (
                is_pure_tensor(leaf) or isinstance(leaf, (tv_tensors.Image, tv_tensors.Video))
            ):
                leaf = self._mixed_pictures(leaf, labels.shape[0], params)
            done.append(leaf)
        return tree_unflatten(done, spec)

    def _drawn_part(self) -> float:
        """A part from 0 to 1, of the Beta distribution (alpha, alpha)."""
        return float(dirichlet(rl.default_generator, np.array([[self.alpha] * 2], np.float32))[0, 0])

    def _checked_labels(self, labels: Any) -> Any:
        if not isinstance(labels, rl.Tensor):
            raise ValueError(f"labels are to be a tensor, got {type(labels)}")
        if labels.ndim not in (1, 2):
            raise ValueError(
                f"labels are [N] numbers of classes or [N, classes] shares, got {tuple(labels.shape)}"
            )
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("with labels that are numbers of classes, num_classes is needed")
        if labels.ndim == 2 and self.num_classes not in (None, labels.shape[1]):
            raise ValueError(f"num_classes is {self.num_classes}, but the labels have {labels.shape[1]}")
        return labels

    def _mixed_labels(self, labels: Any, part: float) -> Any:
        shares = one_hot(labels, num_classes=self.num_classes) if labels.ndim == 1 else labels
        shares = shares if shares.is_floating_point() else shares.float()
        return shares.roll(1, 0).mul(1.0 - part).add(shares.mul(part))

    def _mixed_pictures(self, batch: Any, count: int, params: dict[str, Any]) -> Any:
        wanted = 5 if isinstance(batch, tv_tensors.Video) else 4
        if batch.ndim != wanted or batch.shape[0] != count:
            raise ValueError(f"expected a batch of {count} in {wanted} dimensions, got {tuple(batch.shape)}")
        mixed = self.mixed(tv_tensors.plain(batch), params)
        return mixed if is_pure_tensor(batch) else tv_tensors.wrap(mixed, like=batch)

    def mixed(self, batch: Any, params: dict[str, Any]) -> Any:
        """The pictures of a plain batch, each with the one before it."""
        raise NotImplementedError


class MixUp(_Mixture):
    """Each picture of a batch laid over the one before it, and their labels."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"part": self._drawn_part()}

    def mixed(self, batch: Any, params: dict[str, Any]) -> Any:
        return batch.roll(1, 0).mul(1.0 - params["part"]).add(batch.mul(params["part"]))


class CutMix(_Mixture):
    """Each picture of a batch with a random window of the one before it, and their labels."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        part = self._drawn_part()
        height, width = query_size(flat_inputs)
        x, y = integer(0, width), integer(0, height)
        half = 0.5 * math.sqrt(1.0 - part)
        left, right = max(x - int(half * width), 0), min(x + int(half * width), width)
        top, bottom = max(y - int(half * height), 0), min(y + int(half * height), height)
        kept = 1.0 - (right - left) * (bottom - top) / (width * height)
        return {"window": (slice(top, bottom), slice(left, right)), "part": kept}

    def mixed(self, batch: Any, params: dict[str, Any]) -> Any:
        rows, columns = params["window"]
        result = batch.clone()
        result[..., rows, columns] = batch.roll(1, 0)[..., rows, columns]
        return result
