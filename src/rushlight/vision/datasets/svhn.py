"""House numbers from the street."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .matlab import read_mat
from .utils import check_integrity, download_url, verify_str_arg
from .vision import VisionDataset, picture


class SVHN(VisionDataset):
    """Digits of house numbers, colour pictures of 32 x 32 pixels; splits train, test and extra."""

    split_list: ClassVar[Any] = {
        "train": [
            "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
            "train_32x32.mat",
            "e26dedcc434d2e4c54c9b2d4a06d8373",
        ],
        "test": [
            "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
            "test_32x32.mat",
            "eb5a983be6a315427106f1b164d9cef3",
        ],
        "extra": [
            "http://ufldl.stanford.edu/housenumbers/extra_32x32.mat",
            "extra_32x32.mat",
            "a93ce644f1a588dc4d68dda5feec44a7",
        ],
    }

    def __init__(
        self,
        root: Any,
        split: str = "train",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", tuple(self.split_list))
        self.url, self.filename, self.file_md5 = self.split_list[split]
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {os.path.join(self.root, self.filename)}. "
                "You can use download=True to download it"
            )
        arrays = read_mat(os.path.join(self.root, self.filename))
        labels = arrays["y"].astype(np.int64).squeeze()
        self.labels = np.where(labels == 10, 0, labels)  # the files call 0 class 10
        self.data = np.transpose(arrays["X"], (3, 2, 0, 1))

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.split_list[self.split][2])

    def download(self) -> None:
        """Fetches the file of this split, if it is not there."""
        download_url(self.url, self.root, self.filename, self.split_list[self.split][2])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels = np.ascontiguousarray(self.data[index].transpose(1, 2, 0))
        return self._transformed(picture(pixels), int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {self.split.capitalize()}"
