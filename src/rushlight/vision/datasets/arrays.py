"""Small pictures in arrays and folders of drawings: SEMEION, MovingMNIST, Omniglot, PCAM, Caltech."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import rushlight as rl

from ..pictures import pillow
from ._files import FilesDataset
from .matlab import read_mat
from .utils import (
    check_integrity,
    download_and_extract_archive,
    download_file_from_google_drive,
    download_url,
    extract_archive,
    list_dir,
    list_files,
    verify_str_arg,
)
from .vision import picture


class SEMEION(FilesDataset):
    """1,593 handwritten digits of 16 x 16 pixels."""

    url = "http://archive.ics.uci.edu/ml/machine-learning-databases/semeion/semeion.data"
    filename = "semeion.data"
    md5_checksum: ClassVar[Any] = "cb545d371d2ce14ec121470795a77432"

    def __init__(
        self,
        root: Any,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = True,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._found(download)
        rows = np.loadtxt(self._base_folder / self.filename)
        self.data = (rows[:, :256] * 255).astype(np.uint8).reshape(-1, 16, 16)
        self.labels = np.nonzero(rows[:, 256:])[1]

    def _check_exists(self) -> bool:
        return check_integrity(self._base_folder / self.filename, self.md5_checksum)

    def download(self) -> None:
        """Fetches the file, if it is not there."""
        if not self._check_exists():
            download_url(self.url, self.root, self.filename, self.md5_checksum)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(picture(self.data[index]), int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)


class MovingMNIST(FilesDataset):
    """10,000 videos [20, 1, 64, 64] of two digits that move; a split takes the first pictures, or the
    others.
    """

    _url = "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy"

    def __init__(
        self,
        root: Any,
        split: str | None = None,
        split_ratio: int = 10,
        download: bool = False,
        transform: Callable | None = None,
    ) -> None:
        super().__init__(root, transform=transform)
        self.split = split if split is None else verify_str_arg(split, "split", ("train", "test"))
        if not isinstance(split_ratio, int):
            raise TypeError(f"MovingMNIST: split_ratio is a whole number, got {type(split_ratio)}")
        if not 1 <= split_ratio <= 19:
            raise ValueError(f"MovingMNIST: split_ratio is from 1 to 19, got {split_ratio}")
        self.split_ratio = split_ratio
        self._found(download)
        frames = rl.from_numpy(np.load(self._base_folder / "mnist_test_seq.npy"))
        if split is not None:
            frames = frames[:split_ratio] if split == "train" else frames[split_ratio:]
        self.data = frames.transpose(0, 1).unsqueeze(2).contiguous()

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "MovingMNIST"

    def _check_exists(self) -> bool:
        return (self._base_folder / "mnist_test_seq.npy").exists()

    def download(self) -> None:
        """Fetches the file, if it is not there."""
        if not self._check_exists():
            download_url(self._url, self._base_folder, md5="be083ec986bfe91a449d63653c411eb2")

    def __getitem__(self, index: int) -> Any:
        video = self.data[index]
        return video if self.transform is None else self.transform(video)

    def __len__(self) -> int:
        return len(self.data)


class Omniglot(FilesDataset):
    """32,460 drawings of 1,623 letters of 50 alphabets; `background` is the part to learn from."""

    folder = "omniglot-py"
    download_url_prefix = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
    zips_md5: ClassVar[Any] = {
        "images_background": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
    }

    def __init__(
        self,
        root: Any,
        background: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(
            os.path.join(root, self.folder), transform=transform, target_transform=target_transform
        )
        self.background = background
        self.loader = loader
        self._found(download)
        self.target_folder = os.path.join(self.root, self._part)
        self._alphabets = list_dir(self.target_folder)
        self._characters = [
            os.path.join(alphabet, letter)
            for alphabet in self._alphabets
            for letter in list_dir(os.path.join(self.target_folder, alphabet))
        ]
        self._flat_character_images = [
            (name, i)
            for i, letter in enumerate(self._characters)
            for name in list_files(os.path.join(self.target_folder, letter), ".png")
        ]

    @property
    def _part(self) -> str:
        return "images_background" if self.background else "images_evaluation"

    def _check_exists(self) -> bool:
        return check_integrity(self._base_folder / f"{self._part}.zip", self.zips_md5[self._part])

    def download(self) -> None:
        """Fetches and unpacks the archive, if it is not there."""
        if not self._check_exists():
            name = f"{self._part}.zip"
            url = f"{self.download_url_prefix}/{name}"
            download_and_extract_archive(url, self.root, filename=name, md5=self.zips_md5[self._part])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name, letter = self._flat_character_images[index]
        path = os.path.join(self.target_folder, self._characters[letter], name)
        drawing = pillow().open(path).convert("L") if self.loader is None else self.loader(path)
        return self._transformed(drawing, letter)

    def __len__(self) -> int:
        return len(self._flat_character_images)


class PCAM(FilesDataset):
    """327,680 pictures of tissue, 96 x 96: is there a tumour? Read with h5py, which is to be installed."""

    _FILES: ClassVar[Any] = {
        "train": {
            "images": ("train_x.h5", "1Ka0XfEMiwgCYPdTI-vv6eUElOBnKFKQ2", "1571f514728f59376b705fc836ff4b63"),
            "targets": (
                "train_y.h5",
                "1269yhu3pZDP8UYFQs-NYs3FPwuK-nGSG",
                "35c2d7259d906cfc8143347bb8e05be7",
            ),
        },
        "test": {
            "images": ("test_x.h5", "1qV65ZqZvWzuIVthK8eVDhIwrbnsJdbg_", "d8c2d60d490dbd479f8199bdfa0cf6ec"),
            "targets": ("test_y.h5", "17BHrSrwWKjYsOgTMmoqrIjDy6Fa2o_gP", "60a7035772fbdb7f34eb86d4420cf66a"),
        },
        "val": {
            "images": ("valid_x.h5", "1hgshYGWK8V-eGRy8LToWJJgDU_rXWVJ3", "d5b63470df7cfa627aeec8b9dc0c066e"),
            "targets": (
                "valid_y.h5",
                "1bH8ZRbhSVAhScTS0p9-ZzGnX91cHT3uO",
                "2b85f58b927af9964a4c15b8f7e8f179",
            ),
        },
    }

    def __init__(
        self,
        root: Any,
        split: str = "train",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        try:
            import h5py
        except ImportError:
            raise RuntimeError(
                "h5py is not found, which reads the files of PCAM: `pip install h5py` brings it"
            ) from None
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.h5py = h5py
        self._split = verify_str_arg(split, "split", tuple(self._FILES))
        self._found(download)

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "pcam"

    def _path(self, kind: str) -> Path:
        return self._base_folder / f"camelyonpatch_level_2_split_{self._FILES[self._split][kind][0]}"

    def _check_exists(self) -> bool:
        return all(self._path(kind).exists() for kind in ("images", "targets"))

    def download(self) -> None:
        """Fetches and unpacks the files of this split, if they are not there."""
        if self._check_exists():
            return
        for kind, (_, file_id, md5) in self._FILES[self._split].items():
            packed = self._path(kind).with_suffix(".h5.gz")
            download_file_from_google_drive(file_id, self._base_folder, packed.name, md5)
            extract_archive(packed)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        with self.h5py.File(self._path("images")) as file:
            tissue = picture(file["x"][index]).convert("RGB")
        with self.h5py.File(self._path("targets")) as file:
            return self._transformed(tissue, int(file["y"][index, 0, 0, 0]))

    def __len__(self) -> int:
        with self.h5py.File(self._path("images")) as file:
            return file["x"].shape[0]


class Caltech101(FilesDataset):
    """9,146 pictures of 101 things; the target is the class, the outline, or both."""

    _outlines: ClassVar[Any] = {
        "Faces": "Faces_2",
        "Faces_easy": "Faces_3",
        "Motorbikes": "Motorbikes_16",
        "airplanes": "Airplanes_Side_2",
    }

    def __init__(
        self,
        root: Any,
        target_type: list[str] | str = "category",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        home = os.path.join(root, "caltech101")
        super().__init__(home, transform=transform, target_transform=target_transform)
        kinds = [target_type] if isinstance(target_type, str) else target_type
        self.target_type = [verify_str_arg(k, "target_type", ("category", "annotation")) for k in kinds]
        self._found(download)
        folder = self._base_folder / "101_ObjectCategories"
        self.categories = sorted(set(os.listdir(folder)) - {"BACKGROUND_Google"})
        self.annotation_categories = [self._outlines.get(name, name) for name in self.categories]
        counts = [len(os.listdir(folder / name)) for name in self.categories]
        self.index = [number for count in counts for number in range(1, count + 1)]
        self.y = [i for i, count in enumerate(counts) for _ in range(count)]

    def _check_exists(self) -> bool:
        return (self._base_folder / "101_ObjectCategories").exists()

    def download(self) -> None:
        """Fetches and unpacks the archive, and the archives in it, if they are not there."""
        if self._check_exists():
            return
        url = "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip"
        download_and_extract_archive(
            url, self.root, md5="3138e1922a9193bfa496528edbbc45d0", remove_finished=True
        )
        inner = self._base_folder / "caltech-101"
        for packed in inner.glob("*.gz"):
            extract_archive(packed, self.root)
        shutil.rmtree(inner)

    def _target(self, kind: str, index: int) -> Any:
        label = self.y[index]
        if kind == "category":
            return label
        name = f"annotation_{self.index[index]:04d}.mat"
        path = self._base_folder / "Annotations" / self.annotation_categories[label] / name
        return read_mat(path)["obj_contour"]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        folder = self._base_folder / "101_ObjectCategories" / self.categories[self.y[index]]
        thing = pillow().open(folder / f"image_{self.index[index]:04d}.jpg")
        targets = [self._target(kind, index) for kind in self.target_type]
        return self._transformed(thing, tuple(targets) if len(targets) > 1 else targets[0])

    def __len__(self) -> int:
        return len(self.index)

    def extra_repr(self) -> str:
        return f"Target type: {self.target_type}"


class Caltech256(FilesDataset):
    """30,607 pictures of 256 things."""

    def __init__(
        self,
        root: Any,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        home = os.path.join(root, "caltech256")
        super().__init__(home, transform=transform, target_transform=target_transform)
        self._found(download)
        folder = self._base_folder / "256_ObjectCategories"
        self.categories = sorted(os.listdir(folder))
        counts = [len(list_files(folder / name, ".jpg")) for name in self.categories]
        self.index = [number for count in counts for number in range(1, count + 1)]
        self.y = [i for i, count in enumerate(counts) for _ in range(count)]

    def _check_exists(self) -> bool:
        return (self._base_folder / "256_ObjectCategories").exists()

    def download(self) -> None:
        """Fetches and unpacks the archive, if it is not there."""
        if not self._check_exists():
            url = "https://data.caltech.edu/records/nyy15-4j048/files/256_ObjectCategories.tar"
            download_and_extract_archive(url, self.root, md5="67b4f42ca05d46448c6bb8ecd2220f6d")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        label = self.y[index]
        folder = self._base_folder / "256_ObjectCategories" / self.categories[label]
        thing = pillow().open(folder / f"{label + 1:03d}_{self.index[index]:04d}.jpg")
        return self._transformed(thing, label)

    def __len__(self) -> int:
        return len(self.index)
