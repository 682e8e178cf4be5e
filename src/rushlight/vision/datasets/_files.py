"""What datasets of pictures in files have in common: they are found, or fetched, or the error says where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from .folder import default_loader
from .utils import download_and_extract_archive, verify_str_arg
from .vision import VisionDataset


class FilesDataset(VisionDataset):
    """Pictures in files below a folder. Subclasses say what the archives are and where things are in them."""

    _archives: ClassVar[Sequence[tuple[str, str | None]]] = ()  # addresses and md5 sums

    @property
    def _base_folder(self) -> Path:
        """Where the archives are unpacked."""
        return Path(self.root)

    def _check_exists(self) -> bool:
        raise NotImplementedError

    def _found(self, download: bool) -> None:
        """Fetches what is not there, if that is wanted; raises if it is not there then."""
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found or corrupted: {type(self).__name__} is to be in {self._base_folder}. "
                "You can use download=True to download it"
            )

    def download(self) -> None:
        """Fetches and unpacks the archives, if the files are not there."""
        if not self._check_exists():
            for url, md5 in self._archives:
                download_and_extract_archive(url, self._base_folder, md5=md5)


class LabelledFiles(FilesDataset):
    """Pictures in files, each with one label; in splits."""

    _splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")

    def __init__(
        self,
        root: Any,
        split: str = "train",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", self._splits)
        self.loader = loader
        self._found(download)
        self._samples = self._read()

    def _read(self) -> list[tuple[Any, Any]]:
        """(file, label) of each sample."""
        raise NotImplementedError

    def _named(self, names: Sequence[str]) -> dict[str, int]:
        """Keeps the names of the classes, and gives the number of each."""
        self.classes = list(names)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        return self.class_to_idx

    @property
    def _image_files(self) -> list[Any]:
        return [file for file, _ in self._samples]

    @property
    def _labels(self) -> list[Any]:
        return [label for _, label in self._samples]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        file, label = self._samples[index]
        return self._transformed(self.loader(file), label)

    def __len__(self) -> int:
        return len(self._samples)

    def extra_repr(self) -> str:
        return f"split={self._split}"


def lines_of(path: Any) -> list[str]:
    """The lines of a text file, without the blanks round them; empty ones are left out."""
    return [line.strip() for line in Path(path).read_text().splitlines() if line.strip()]
