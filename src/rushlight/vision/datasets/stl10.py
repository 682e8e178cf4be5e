"""Pictures of ten classes of which most have no label."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .utils import check_integrity, download_and_extract_archive, verify_str_arg
from .vision import VisionDataset, picture


class STL10(VisionDataset):
    """Colour pictures of 96 x 96 pixels: 5,000 to train with, 8,000 to test, 100,000 without labels (-1)."""

    base_folder = "stl10_binary"
    url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    filename = "stl10_binary.tar.gz"
    tgz_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    class_names_file = "class_names.txt"
    folds_list_file = "fold_indices.txt"
    train_list: ClassVar[Any] = [
        ["train_X.bin", "918c2871b30a85fa023e0c44e0bee87f"],
        ["train_y.bin", "5a34089d4802c674881badbb80307741"],
        ["unlabeled_X.bin", "5242ba1fed5e4be9e1e742405eb56ca4"],
    ]
    test_list: ClassVar[Any] = [
        ["test_X.bin", "7f263ba9f9e0b06b93213547f721ac82"],
        ["test_y.bin", "36f9794fa4beb8a2c72628de14fa638e"],
    ]
    splits = ("train", "train+unlabeled", "unlabeled", "test")

    def __init__(
        self,
        root: Any,
        split: str = "train",
        folds: int | None = None,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self.splits)
        if folds is not None and folds not in range(10):
            raise ValueError(f"STL10: folds is a number from 0 to 9 or None, got {folds!r}")
        self.folds = folds
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: STL10 is to be in {self._path('')}. "
                "You can use download=True to download it"
            )
        self.data, self.labels = self._load(split)
        names = Path(self._path(self.class_names_file))
        self.classes = names.read_text().splitlines() if names.is_file() else None

    def _path(self, name: str) -> str:
        return os.path.join(self.root, self.base_folder, name)

    def _load(self, split: str) -> tuple[np.ndarray, Any]:
        if split == "test":
            return self._images("test_X.bin"), self._classes("test_y.bin")
        if split == "unlabeled":
            images = self._images("unlabeled_X.bin")
            return images, np.full(len(images), -1)
        images, labels = self._fold(self._images("train_X.bin"), self._classes("train_y.bin"))
        if split == "train":
            return images, labels
        more = self._images("unlabeled_X.bin")
        return np.concatenate([images, more]), np.concatenate([labels, np.full(len(more), -1)])

    def _images(self, name: str) -> np.ndarray:
        """[N, C, H, W]; the files keep columns before rows."""
        return np.fromfile(self._path(name), np.uint8).reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)

    def _classes(self, name: str) -> np.ndarray:
        return np.fromfile(self._path(name), np.uint8) - 1  # the files count from 1

    def _fold(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.folds is None:
            return images, labels
        with open(self._path(self.folds_list_file)) as file:
            rows = np.array(file.read().splitlines()[self.folds].split(), np.int64)
        return images[rows], labels[rows]

    def _check_integrity(self) -> bool:
        return all(check_integrity(self._path(name), md5) for name, md5 in self.train_list + self.test_list)

    def download(self) -> None:
        """Fetches and unpacks the archive, if the files are not there."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels = np.ascontiguousarray(self.data[index].transpose(1, 2, 0))
        return self._transformed(picture(pixels), int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {self.split.capitalize()}"
