"""Handwritten digits and what was made after their fashion: MNIST, FashionMNIST, KMNIST, EMNIST, QMNIST."""

from __future__ import annotations

import os
import shutil
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import rushlight as rl

from ...utils.download import DownloadError
from ...warned import warn
from .at_once import tensors
from .utils import (
    check_integrity,
    download_and_extract_archive,
    download_url,
    extract_archive,
    verify_str_arg,
)
from .vision import VisionDataset, picture

NUMBERS = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}  # types of an IDX file


def read_idx(path: Any) -> np.ndarray:
    """The array of an IDX file."""
    data = Path(path).read_bytes()
    kind, ndim = (data[2], data[3]) if len(data) >= 4 and data[:2] == b"\0\0" else (0, 0)
    start = 4 + 4 * ndim
    if kind not in NUMBERS or len(data) < start:
        raise ValueError(f"{path} is no IDX file: it begins with {data[:4]!r}")
    shape = tuple(np.frombuffer(data, ">u4", ndim, 4).astype(int).tolist())
    dtype = np.dtype(NUMBERS[kind])
    count = int(np.prod(shape, dtype=object))
    if len(data) - start != count * dtype.itemsize:
        raise ValueError(
            f"{path} is to have {count} numbers of {dtype}, but has {len(data) - start} bytes for them"
        )
    return np.frombuffer(data, dtype, count, start).reshape(shape).astype(dtype.newbyteorder("="))


def read_label_file(path: Any) -> Any:
    """Labels of an IDX file."""
    return rl.from_numpy(read_idx(path).astype(np.int64))


def read_image_file(path: Any) -> Any:
    """Pictures of an IDX file, [N, H, W] bytes."""
    return rl.from_numpy(read_idx(path))


def _renamed(old: str, new: str) -> property:
    def read(self: Any) -> Any:
        warn(f"{old} has been renamed {new}")
        return getattr(self, new)

    return property(read, doc=f"The old name of `{new}`.")


class MNIST(VisionDataset):
    """70,000 handwritten digits of 28 x 28 pixels."""

    mirrors: ClassVar[Any] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: ClassVar[Any] = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    training_file = "training.pt"
    test_file = "test.pt"
    classes: ClassVar[Any] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

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
        if self._check_legacy_exist():
            self.data, self.targets = self._load_legacy_data()
            return
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: {type(self).__name__} is to be in {self.raw_folder}. "
                "You can use download=True to download it"
            )
        self.data, self.targets = self._load_data()

    # names of old

    train_labels, test_labels = _renamed("train_labels", "targets"), _renamed("test_labels", "targets")
    train_data, test_data = _renamed("train_data", "data"), _renamed("test_data", "data")

    # where things are

    @property
    def raw_folder(self) -> str:
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def class_to_idx(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.classes)}

    def _check_legacy_exist(self) -> bool:
        files = (self.training_file, self.test_file)
        return all(check_integrity(os.path.join(self.processed_folder, f)) for f in files)

    def _load_legacy_data(self) -> Any:
        file = self.training_file if self.train else self.test_file
        return rl.load(os.path.join(self.processed_folder, file))

    def _check_exists(self) -> bool:
        names = (os.path.splitext(os.path.basename(url))[0] for url, _ in self.resources)
        return all(check_integrity(os.path.join(self.raw_folder, name)) for name in names)

    def _load_data(self) -> tuple[Any, Any]:
        part = "train" if self.train else "t10k"
        images = read_image_file(os.path.join(self.raw_folder, f"{part}-images-idx3-ubyte"))
        labels = read_label_file(os.path.join(self.raw_folder, f"{part}-labels-idx1-ubyte"))
        return images, labels

    def download(self) -> None:
        """Fetches what is not there yet, from the first mirror that gives it."""
        if self._check_exists():
            return
        os.makedirs(self.raw_folder, exist_ok=True)
        for filename, md5 in self.resources:
            self._download_one(filename, md5)

    def _download_one(self, filename: str, md5: str) -> None:
        troubles = []
        for mirror in self.mirrors:
            try:
                download_and_extract_archive(mirror + filename, self.raw_folder, filename=filename, md5=md5)
                return
            except DownloadError as error:
                troubles.append(str(error))
        raise DownloadError("\n".join(troubles))

    # samples

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(picture(self.data[index].numpy()), int(self.targets[index]))

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Several samples; at once where the transform allows."""
        plain = type(self).__getitem__ is MNIST.__getitem__ and self.target_transform is None
        if plain and isinstance(self.data, rl.Tensor) and self.data.ndim == 3:
            images = tensors(self.data.numpy()[indices][:, None], self.transform)
            if images is not None:
                return list(zip(images, self.targets.numpy()[indices].tolist()))
        return [self[i] for i in indices]

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train is True else 'Test'}"


class FashionMNIST(MNIST):
    """70,000 pictures of clothes, in the form of MNIST."""

    mirrors: ClassVar[Any] = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources: ClassVar[Any] = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes: ClassVar[Any] = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


class KMNIST(MNIST):
    """70,000 cursive Japanese characters, in the form of MNIST."""

    mirrors: ClassVar[Any] = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources: ClassVar[Any] = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes: ClassVar[Any] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class EMNIST(MNIST):
    """Handwritten letters and digits, in six splits."""

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    _all_classes: ClassVar[Any] = set(string.digits + string.ascii_letters)
    _merged_classes: ClassVar[Any] = set("cijklmopsuvwxyz")  # small letters that look like their capitals
    classes_split_dict: ClassVar[Any] = {
        "byclass": sorted(_all_classes),
        "bymerge": sorted(_all_classes - _merged_classes),
        "balanced": sorted(_all_classes - _merged_classes),
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(self, root: Any, split: str, **kwargs: Any) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        self.training_file = f"training_{split}.pt"
        self.test_file = f"test_{split}.pt"
        super().__init__(root, **kwargs)
        self.classes = self.classes_split_dict[split]

    def _file(self, what: str, train: bool) -> str:
        return os.path.join(
            self.raw_folder, f"emnist-{self.split}-{'train' if train else 'test'}-{what}-ubyte"
        )

    @property
    def images_file(self) -> str:
        return self._file("images-idx3", self.train)

    @property
    def labels_file(self) -> str:
        return self._file("labels-idx1", self.train)

    def _load_data(self) -> tuple[Any, Any]:
        return read_image_file(self.images_file), read_label_file(self.labels_file)

    def _check_exists(self) -> bool:
        return all(check_integrity(file) for file in (self.images_file, self.labels_file))

    def download(self) -> None:
        """Fetches all six splits, if this one is not there."""
        if self._check_exists():
            return
        os.makedirs(self.raw_folder, exist_ok=True)
        download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
        unpacked = Path(self.raw_folder) / "gzip"
        for file in sorted(unpacked.glob("*.gz")):
            extract_archive(file, self.raw_folder)
        shutil.rmtree(unpacked)


class QMNIST(MNIST):
    """MNIST made again, with all 60,000 test digits and where each came from."""

    subsets: ClassVar[Any] = {
        "train": "train",
        "test": "test",
        "test10k": "test",
        "test50k": "test",
        "nist": "nist",
    }
    _home = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"
    resources: ClassVar[Any] = {
        "train": [
            (_home + "qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            (_home + "qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ],
        "test": [
            (_home + "qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            (_home + "qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ],
        "nist": [
            (_home + "xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
            (_home + "xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d"),
        ],
    }

    def __init__(
        self, root: Any, what: str | None = None, compat: bool = True, train: bool = True, **kwargs: Any
    ) -> None:
        self.what = verify_str_arg(what or ("train" if train else "test"), "what", tuple(self.subsets))
        self.compat = compat
        self.training_file = self.test_file = self.what + ".pt"
        super().__init__(root, train, **kwargs)

    def _file(self, which: int) -> str:
        url, _ = self.resources[self.subsets[self.what]][which]
        return os.path.join(self.raw_folder, os.path.splitext(os.path.basename(url))[0])

    @property
    def images_file(self) -> str:
        return self._file(0)

    @property
    def labels_file(self) -> str:
        return self._file(1)

    def _check_exists(self) -> bool:
        return all(check_integrity(file) for file in (self.images_file, self.labels_file))

    def _load_data(self) -> tuple[Any, Any]:
        data, targets = read_image_file(self.images_file), read_label_file(self.labels_file)
        rows = {"test10k": slice(0, 10000), "test50k": slice(10000, None)}.get(self.what, slice(None))
        return data[rows].clone(), targets[rows].clone()

    def download(self) -> None:
        """Fetches the two files of this subset, if they are not there."""
        if self._check_exists():
            return
        os.makedirs(self.raw_folder, exist_ok=True)
        for url, md5 in self.resources[self.subsets[self.what]]:
            name = os.path.basename(url)
            download_url(url, self.raw_folder, name, md5)
            extract_archive(os.path.join(self.raw_folder, name))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        target = int(self.targets[index][0]) if self.compat else self.targets[index]
        return self._transformed(picture(self.data[index].numpy()), target)

    def extra_repr(self) -> str:
        return f"Split: {self.what}"
