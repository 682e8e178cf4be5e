"""Noise in the form of pictures, to try programs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rushlight as rl

from ..transforms.convert import to_pil_image
from .vision import VisionDataset


class FakeData(VisionDataset):
    """Random pictures and classes, the same for the same index."""

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"FakeData: index {index} is out of range for {len(self)} samples")
        generator = rl.Generator().manual_seed(index + self.random_offset)
        image = rl.randn(*self.image_size, generator=generator)
        target = rl.randint(0, self.num_classes, (1,), generator=generator)
        return self._transformed(to_pil_image(image), int(target))

    def __len__(self) -> int:
        return self.size
