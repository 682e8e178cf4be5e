"""Small colour pictures of ten classes and of a hundred."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .at_once import tensors
from .utils import check_integrity, download_and_extract_archive, unpickled
from .vision import VisionDataset, picture


class CIFAR10(VisionDataset):
    """60,000 colour pictures of 32 x 32 pixels in ten classes."""

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list: ClassVar[Any] = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list: ClassVar[Any] = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta: ClassVar[Any] = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
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
        self.train = train
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {type(self).__name__} is to be in "
                f"{os.path.join(self.root, self.base_folder)}. You can use download=True to download it"
            )
        batches = [self._read(name) for name, _ in (self.train_list if train else self.test_list)]
        self.data = np.concatenate([b["data"] for b in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        self.targets: list[int] = [t for b in batches for t in b.get("labels", b.get("fine_labels"))]
        self.classes: list[str] = self._read(self.meta["filename"])[self.meta["key"]]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def _read(self, name: str) -> Any:
        return unpickled(os.path.join(self.root, self.base_folder, name))

    def _check_integrity(self) -> bool:
        files = [*self.train_list, *self.test_list, [self.meta["filename"], self.meta["md5"]]]
        return all(
            check_integrity(os.path.join(self.root, self.base_folder, name), md5) for name, md5 in files
        )

    def download(self) -> None:
        """Fetches and unpacks the archive, if the files are not there."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(picture(self.data[index]), self.targets[index])

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Several samples; at once where the transform allows."""
        plain = type(self).__getitem__ is CIFAR10.__getitem__ and self.target_transform is None
        if plain and isinstance(self.data, np.ndarray) and self.data.ndim == 4:
            images = tensors(self.data[indices].transpose(0, 3, 1, 2), self.transform)
            if images is not None:
                return [(image, self.targets[i]) for image, i in zip(images, indices)]
        return [self[i] for i in indices]

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train is True else 'Test'}"


class CIFAR100(CIFAR10):
    """60,000 colour pictures of 32 x 32 pixels in a hundred classes."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list: ClassVar[Any] = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list: ClassVar[Any] = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta: ClassVar[Any] = {
        "filename": "meta",
        "key": "fine_label_names",
        "md5": "7973b15100ade9c7d40fb424638fde48",
    }
