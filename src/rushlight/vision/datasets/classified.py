"""Pictures in files with one label each: textures, aircraft, flowers, food, traffic signs, scenes, ..."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ._files import LabelledFiles, lines_of
from .folder import ImageFolder, default_loader, find_classes, make_dataset
from .matlab import read_mat
from .utils import check_integrity, download_and_extract_archive, download_url, verify_str_arg
from .vision import VisionDataset, picture


class DTD(LabelledFiles):
    """5,640 pictures of 47 textures; `partition` (1 to 10) is one of ten ways to split them."""

    _archives = (
        (
            "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
            "fff73e5086ae6bdbea199a49dfb8a4c1",
        ),
    )

    def __init__(
        self,
        root: Any,
        split: str = "train",
        partition: int = 1,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        if not 1 <= partition <= 10:
            raise ValueError(f"DTD: partition is from 1 to 10, got {partition}")
        self._partition = partition
        super().__init__(root, split, transform, target_transform, download, loader)

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "dtd"

    def _check_exists(self) -> bool:
        return (self._base_folder / "dtd").is_dir()

    def _read(self) -> list[tuple[Any, Any]]:
        folder = self._base_folder / "dtd"
        names = [
            line.split("/") for line in lines_of(folder / "labels" / f"{self._split}{self._partition}.txt")
        ]
        number = self._named(sorted({texture for texture, _ in names}))
        return [(folder / "images" / texture / name, number[texture]) for texture, name in names]

    def extra_repr(self) -> str:
        return f"split={self._split}, partition={self._partition}"


class FGVCAircraft(LabelledFiles):
    """10,000 pictures of aircraft, by variant, family or manufacturer."""

    _splits = ("train", "val", "trainval", "test")
    _archives = (
        ("https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz", None),
    )
    _levels: ClassVar[Any] = {"variant": "variants", "family": "families", "manufacturer": "manufacturers"}

    def __init__(
        self,
        root: Any,
        split: str = "trainval",
        annotation_level: str = "variant",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        self._annotation_level = verify_str_arg(annotation_level, "annotation_level", tuple(self._levels))
        super().__init__(root, split, transform, target_transform, download, loader)

    def _check_exists(self) -> bool:
        return (self._base_folder / "fgvc-aircraft-2013b").is_dir()

    def _read(self) -> list[tuple[Any, Any]]:
        folder = self._base_folder / "fgvc-aircraft-2013b" / "data"
        number = self._named(lines_of(folder / f"{self._levels[self._annotation_level]}.txt"))
        lines = lines_of(folder / f"images_{self._annotation_level}_{self._split}.txt")
        named = [line.split(" ", 1) for line in lines]
        return [(str(folder / "images" / f"{name}.jpg"), number[label]) for name, label in named]

    def extra_repr(self) -> str:
        return ""


class Food101(LabelledFiles):
    """101,000 pictures of 101 dishes."""

    _splits = ("train", "test")
    _archives = (("http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz", "85eeb15f3717b99a5da872d97d918f87"),)

    def _check_exists(self) -> bool:
        return all((self._base_folder / "food-101" / name).is_dir() for name in ("meta", "images"))

    def _read(self) -> list[tuple[Any, Any]]:
        folder = self._base_folder / "food-101"
        dishes = json.loads((folder / "meta" / f"{self._split}.json").read_text())
        number = self._named(sorted(dishes))
        return [
            (folder / "images" / f"{name}.jpg", number[dish])
            for dish, names in dishes.items()
            for name in names
        ]


class GTSRB(LabelledFiles):
    """51,839 pictures of 43 German traffic signs."""

    _splits = ("train", "test")
    _home = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
    _archives_of: ClassVar[Any] = {
        "train": [("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478")],
        "test": [
            ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
            ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
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
        super().__init__(root, split, transform, target_transform, download)

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "gtsrb"

    @property
    def _target_folder(self) -> Path:
        part = "Training" if self._split == "train" else "Final_Test/Images"
        return self._base_folder / "GTSRB" / part

    def _check_exists(self) -> bool:
        return self._target_folder.is_dir()

    def download(self) -> None:
        """Fetches and unpacks the archives of this split, if they are not there."""
        if not self._check_exists():
            for name, md5 in self._archives_of[self._split]:
                download_and_extract_archive(self._home + name, self._base_folder, md5=md5)

    def _read(self) -> list[tuple[Any, Any]]:
        if self._split == "train":
            return make_dataset(str(self._target_folder), extensions=(".ppm",))
        with open(self._base_folder / "GT-final_test.csv") as file:
            rows = list(csv.DictReader(file, delimiter=";", skipinitialspace=True))
        return [(str(self._target_folder / row["Filename"]), int(row["ClassId"])) for row in rows]

    def extra_repr(self) -> str:
        return ""


class RenderedSST2(LabelledFiles):
    """Sentences of film reviews, written as pictures: negative or positive."""

    _archives = (
        (
            "https://openaipublic.azureedge.net/clip/data/rendered-sst2.tgz",
            "2384d08e9dcfa4bd55b324e610496ee5",
        ),
    )

    @property
    def _folder(self) -> Path:
        return self._base_folder / "rendered-sst2" / ("valid" if self._split == "val" else self._split)

    def _check_exists(self) -> bool:
        return all((self._folder / name).is_dir() for name in ("negative", "positive"))

    def _read(self) -> list[tuple[Any, Any]]:
        self._named(["negative", "positive"])
        return make_dataset(str(self._folder), extensions=("png",))


class CLEVRClassification(LabelledFiles):
    """Pictures of heaps of things; the label is how many things there are (None in the split "test")."""

    _archives = (("https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip", "b11922020e72d0cd9154779b2d3d07d2"),)

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "clevr"

    def _check_exists(self) -> bool:
        return (self._base_folder / "CLEVR_v1.0").is_dir()

    def _read(self) -> list[tuple[Any, Any]]:
        folder = self._base_folder / "CLEVR_v1.0"
        files = sorted((folder / "images" / self._split).glob("*"))
        if self._split == "test":
            return [(file, None) for file in files]
        scenes = json.loads((folder / "scenes" / f"CLEVR_{self._split}_scenes.json").read_text())["scenes"]
        counts = {scene["image_filename"]: len(scene["objects"]) for scene in scenes}
        return [(file, counts[file.name]) for file in files]


class Flowers102(LabelledFiles):
    """8,189 pictures of 102 flowers."""

    _home = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    _file_dict: ClassVar[Any] = {
        "image": ("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
        "label": ("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
        "setid": ("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
    }
    classes: ClassVar[Any] = lines_of(Path(__file__).parent / "flowers102.txt")

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "flowers-102"

    def _check_exists(self) -> bool:
        files = [self._file_dict[kind] for kind in ("label", "setid")]
        return (self._base_folder / "jpg").is_dir() and all(
            check_integrity(self._base_folder / name, md5) for name, md5 in files
        )

    def download(self) -> None:
        """Fetches the pictures and their labels, if they are not there."""
        if self._check_exists():
            return
        name, md5 = self._file_dict["image"]
        download_and_extract_archive(self._home + name, self._base_folder, md5=md5)
        for kind in ("label", "setid"):
            name, md5 = self._file_dict[kind]
            download_url(self._home + name, self._base_folder, md5=md5)

    def _read(self) -> list[tuple[Any, Any]]:
        key = {"train": "trnid", "val": "valid", "test": "tstid"}[self._split]
        numbers = read_mat(self._base_folder / self._file_dict["setid"][0])[key].ravel().tolist()
        labels = read_mat(self._base_folder / self._file_dict["label"][0])["labels"].ravel().astype(int) - 1
        folder = self._base_folder / "jpg"
        return [(folder / f"image_{int(i):05d}.jpg", int(labels[int(i) - 1])) for i in numbers]


class SUN397(LabelledFiles):
    """108,753 pictures of 397 kinds of places."""

    _archives = (
        ("http://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz", "8ca2778205c41d23104230ba66911c7a"),
    )

    def __init__(
        self,
        root: Any,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        super().__init__(root, "train", transform, target_transform, download, loader)

    @property
    def _folder(self) -> Path:
        return self._base_folder / "SUN397"

    def _check_exists(self) -> bool:
        return self._folder.is_dir()

    def _read(self) -> list[tuple[Any, Any]]:
        # names begin with their first letter as a folder: /a/abbey
        number = self._named([line[3:] for line in lines_of(self._folder / "ClassName.txt")])
        files = list(self._folder.rglob("sun_*.jpg"))
        return [(file, number["/".join(file.relative_to(self._folder).parts[1:-1])]) for file in files]

    def extra_repr(self) -> str:
        return ""


class Imagenette(LabelledFiles):
    """13,394 pictures of ten classes of ImageNet that are easy to tell apart; sizes full, 320px and 160px."""

    _splits = ("train", "val")
    _home = "https://s3.amazonaws.com/fast-ai-imageclas/"
    _sizes: ClassVar[Any] = {
        "full": ("imagenette2", "fe2fc210e6bb7c5664d602c3cd71e612"),
        "320px": ("imagenette2-320", "3df6f0d01a2c9592104656642f5e78a3"),
        "160px": ("imagenette2-160", "e793b78cc4c9e9a4ccc0c1155377a412"),
    }
    _names: ClassVar[Any] = {
        "n01440764": ("tench", "Tinca tinca"),
        "n02102040": ("English springer", "English springer spaniel"),
        "n02979186": ("cassette player",),
        "n03000684": ("chain saw", "chainsaw"),
        "n03028079": ("church", "church building"),
        "n03394916": ("French horn", "horn"),
        "n03417042": ("garbage truck", "dustcart"),
        "n03425413": ("gas pump", "gasoline pump", "petrol pump", "island dispenser"),
        "n03445777": ("golf ball",),
        "n03888257": ("parachute", "chute"),
    }

    def __init__(
        self,
        root: Any,
        split: str = "train",
        size: str = "full",
        download: bool = False,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        self._size = verify_str_arg(size, "size", tuple(self._sizes))
        super().__init__(root, split, transform, target_transform, download, loader)

    def _check_exists(self) -> bool:
        return (self._base_folder / self._sizes[self._size][0]).exists()

    def download(self) -> None:
        """Fetches and unpacks the archive of this size, if it is not there."""
        if not self._check_exists():
            name, md5 = self._sizes[self._size]
            download_and_extract_archive(f"{self._home}{name}.tgz", self._base_folder, md5=md5)

    def _read(self) -> list[tuple[Any, Any]]:
        folder = str(self._base_folder / self._sizes[self._size][0] / self._split)
        self.wnids, self.wnid_to_idx = find_classes(folder)
        self.classes = [self._names[wnid] for wnid in self.wnids]
        self.class_to_idx = {name: i for i, names in enumerate(self.classes) for name in names}
        return make_dataset(folder, self.wnid_to_idx, extensions=".jpeg")

    def extra_repr(self) -> str:
        return ""


class _FolderDataset(ImageFolder):
    """Pictures in a folder for each class, in an archive that can be fetched."""

    _archive: ClassVar[tuple[str, str]]

    def _open(self, root: Any, base: Path, folder: Path, into: Path, download: bool, **options: Any) -> None:
        if download and not base.is_dir():
            url, md5 = self._archive
            download_and_extract_archive(url, into, md5=md5)
        if not base.is_dir():
            raise RuntimeError(
                f"Dataset not found: {type(self).__name__} is to be in {base}. "
                "You can use download=True to download it"
            )
        ImageFolder.__init__(self, str(folder), **options)
        self.root = str(Path(root).expanduser())


class Country211(_FolderDataset):
    """63,300 pictures from 211 countries; splits train, valid and test."""

    _archive = (
        "https://openaipublic.azureedge.net/clip/data/country211.tgz",
        "84988d7644798601126c29e9877aab6a",
    )

    def __init__(
        self,
        root: Any,
        split: str = "train",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "valid", "test"))
        home = Path(root).expanduser()
        options = {"transform": transform, "target_transform": target_transform, "loader": loader}
        base = home / "country211"
        self._open(root, base, base / split, home, download, **options)


class EuroSAT(_FolderDataset):
    """27,000 pictures of ten kinds of land, from a satellite."""

    _archive = (
        "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
        "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
        "c8fa014336c82ac7804f0398fcb19387",
    )

    def __init__(
        self,
        root: Any,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        base = Path(root).expanduser() / "eurosat"
        options = {"transform": transform, "target_transform": target_transform, "loader": loader}
        self._open(root, base / "2750", base / "2750", base, download, **options)


class FER2013(VisionDataset):
    """35,887 grey pictures of faces, 48 x 48, with one of seven expressions; to be fetched from Kaggle by
    hand.
    """

    _RESOURCES: ClassVar[Any] = {
        "train": ("train.csv", "3f0dfb3d3fd99c811a1299cb947e3131"),
        "test": ("test.csv", "b02c2298636a634e8c2faabbf3ea9a23"),
        "fer": ("fer2013.csv", "f8428a1edbd21e88f42c73edd2a14f95"),
        "icml": ("icml_face_data.csv", "b114b9e04e6949e5fe8b6a98b3892b1d"),
    }

    def __init__(
        self,
        root: Any,
        split: str = "train",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "test"))
        folder = Path(self.root) / "fer2013"
        both = next((kind for kind in ("fer", "icml") if (folder / self._RESOURCES[kind][0]).exists()), None)
        name, md5 = self._RESOURCES[both or split]
        if not check_integrity(folder / name, md5):
            raise RuntimeError(
                f"{name} is not in {folder}, or is corrupted. It comes from https://www.kaggle.com/c/"
                "challenges-in-representation-learning-facial-expression-recognition-challenge"
            )
        self._samples = self._read(folder / name, both)

    def _read(self, path: Path, both: str | None) -> list[tuple[Any, int | None]]:
        with open(path, newline="") as file:
            rows = [{key.strip(): value for key, value in row.items()} for row in csv.DictReader(file)]
        if both:
            uses = ("Training",) if self._split == "train" else ("PublicTest", "PrivateTest")
            rows = [row for row in rows if row["Usage"] in uses]
        labelled = both is not None or self._split == "train"
        return [(row["pixels"], int(row["emotion"]) if labelled else None) for row in rows]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels, label = self._samples[index]
        face = np.array(pixels.split(), dtype=np.uint8).reshape(48, 48)
        return self._transformed(picture(face), label)

    def __len__(self) -> int:
        return len(self._samples)

    def extra_repr(self) -> str:
        return f"split={self._split}"
