"""Transforms of transforms: one after the other, some of them, in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import rushlight as rl
from rushlight.nn import Module


def listing(head: str, transforms: Any, tail: str = ")") -> str:
    """A repr with each transform on a line of its own."""
    return "".join([head, *(f"\n    {t}" for t in transforms), "\n" + tail])


class Compose:
    """Transforms one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return listing(f"{type(self).__name__}(", self.transforms)


class Lambda:
    """A function of the user's as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class RandomTransforms:
    """A list of transforms to choose from."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError(f"{type(self).__name__}: transforms should be a sequence, got {type(transforms)}")
        self.transforms = transforms

    def __call__(self, *args: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what to do with its transforms")

    def __repr__(self) -> str:
        return listing(f"{type(self).__name__}(", self.transforms)


class RandomApply(Module):
    """All the transforms one after the other, or, in one of 1 / (1 - p) cases, none."""

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img: Any) -> Any:
        if self.p < rl.rand(1):
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return listing(f"{type(self).__name__}(\n    p={self.p}", self.transforms)


class RandomOrder(RandomTransforms):
    """All the transforms, in an order drawn by Python's `random`."""

    def __call__(self, img: Any) -> Any:
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img


class RandomChoice(RandomTransforms):
    """One of the transforms, drawn by Python's `random` with weights `p`."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError(f"RandomChoice: p should be a sequence, got {type(p)}")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        (transform,) = random.choices(self.transforms, weights=self.p)
        return transform(*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"
