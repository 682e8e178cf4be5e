"""Digits from envelopes."""

from __future__ import annotations

import bz2
import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .utils import download_url
from .vision import VisionDataset, picture


class USPS(VisionDataset):
    """9,298 handwritten digits of 16 x 16 pixels."""

    _home = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
    split_list: ClassVar[Any] = {
        "train": [_home + "usps.bz2", "usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"],
        "test": [_home + "usps.t.bz2", "usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"],
    }

    def __init__(
        self,
        root: Any,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        url, filename, md5 = self.split_list["train" if train else "test"]
        path = os.path.join(self.root, filename)
        if download:
            download_url(url, self.root, filename, md5)
        if not os.path.exists(path):
            raise RuntimeError(f"Dataset not found: {path}. You can use download=True to download it")
        self.data, self.targets = _read(path)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(picture(self.data[index]), int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.data)


def _read(path: str) -> tuple[np.ndarray, list[int]]:
    """Pictures and classes of lines "class 1:value 2:value ...": values from -1 to 1, classes from 1."""
    with bz2.open(path, "rt") as file:
        rows = [line.split() for line in file]
    values = np.array([[field.split(":")[-1] for field in row[1:]] for row in rows], np.float32)
    pixels = ((values + 1) / 2 * 255).astype(np.uint8).reshape(-1, 16, 16)
    return pixels, [int(row[0]) - 1 for row in rows]
