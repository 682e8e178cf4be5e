"""Pictures with more than a label: faces, things and where they are, sentences, outlines, several targets."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import rushlight as rl

from ..pictures import pillow
from ._files import FilesDataset, lines_of
from .folder import default_loader
from .utils import (
    check_integrity,
    download_and_extract_archive,
    download_file_from_google_drive,
    download_url,
    extract_archive,
    verify_str_arg,
)
from .vision import VisionDataset


def _one_or_all(values: list[Any]) -> Any:
    """A single value as such, several as a tuple, None for none."""
    return (tuple(values) if len(values) > 1 else values[0]) if values else None


class CocoDetection(VisionDataset):
    """Pictures with what is in them, from a file of annotations in the form of COCO: a list of dicts each."""

    def __init__(
        self,
        root: Any,
        annFile: str,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        transforms: Callable | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        content = json.loads(Path(annFile).read_text())
        self._pictures = {entry["id"]: entry["file_name"] for entry in content["images"]}
        self._annotations: dict[Any, list[Any]] = defaultdict(list)
        for annotation in content.get("annotations", ()):
            self._annotations[annotation["image_id"]].append(annotation)
        self.ids = sorted(self._pictures)

    def _load_image(self, id: int) -> Any:
        return default_loader(os.path.join(self.root, self._pictures[id]))

    def _load_target(self, id: int) -> list[Any]:
        return list(self._annotations.get(id, ()))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not isinstance(index, int):
            raise ValueError(f"CocoDetection: the index is an int, got {type(index)}")
        id = self.ids[index]
        sample = self._load_image(id), self._load_target(id)
        return sample if self.transforms is None else self.transforms(*sample)

    def __len__(self) -> int:
        return len(self.ids)


class CocoCaptions(CocoDetection):
    """Pictures with sentences about them, from a file of annotations in the form of COCO."""

    def _load_target(self, id: int) -> list[str]:
        return [annotation["caption"] for annotation in super()._load_target(id)]


class _VOC(FilesDataset):
    """Pictures of Pascal VOC, by year and set, each with a target of the same name."""

    _home = "https://thor.robots.ox.ac.uk/pascal/VOC/"
    _years: ClassVar[Any] = {
        "2012": ("voc2012/VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd"),
        "2011": ("voc2011/VOCtrainval_25-May-2011.tar", "6c3384ef61512963050cb5d687e5bf1e"),
        "2010": ("voc2010/VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb"),
        "2009": ("voc2009/VOCtrainval_11-May-2009.tar", "a3e00b113cfcfebf17e343f59da3caa1"),
        "2008": ("voc2008/VOCtrainval_14-Jul-2008.tar", "2629fa636546599198acfcfbfcf1904a"),
        "2007": ("voc2007/VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64"),
        "2007-test": ("voc2007/VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"),
    }
    _sets: ClassVar[str]
    _targets: ClassVar[tuple[str, str]]  # folder and ending

    def __init__(
        self,
        root: Any,
        year: str = "2012",
        image_set: str = "train",
        download: bool = False,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        transforms: Callable | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.year = verify_str_arg(year, "year", tuple(str(y) for y in range(2007, 2013)))
        sets = ("train", "trainval", "val", *(("test",) if year == "2007" else ()))
        self.image_set = verify_str_arg(image_set, "image_set", sets)
        self._found(download)
        names = lines_of(self._folder / "ImageSets" / self._sets / f"{image_set}.txt")
        self.images = [str(self._folder / "JPEGImages" / f"{name}.jpg") for name in names]
        folder, ending = self._targets
        self.targets = [str(self._folder / folder / f"{name}{ending}") for name in names]

    @property
    def _folder(self) -> Path:
        inner = Path("TrainVal") if self.year == "2011" else Path()
        return self._base_folder / inner / "VOCdevkit" / f"VOC{self.year}"

    def _check_exists(self) -> bool:
        return self._folder.is_dir()

    def download(self) -> None:
        """Fetches and unpacks the archive of this year."""
        is_test = (self.year, self.image_set) == ("2007", "test")
        place, md5 = self._years["2007-test" if is_test else self.year]
        download_and_extract_archive(self._home + place, self._base_folder, md5=md5)

    def _target(self, path: str) -> Any:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        sample = default_loader(self.images[index]), self._target(self.targets[index])
        return sample if self.transforms is None else self.transforms(*sample)

    def __len__(self) -> int:
        return len(self.images)


class VOCSegmentation(_VOC):
    """Pictures of Pascal VOC, and pictures of which class each pixel is."""

    _sets, _targets = "Segmentation", ("SegmentationClass", ".png")

    @property
    def masks(self) -> list[str]:
        return self.targets

    def _target(self, path: str) -> Any:
        return pillow().open(path)


class VOCDetection(_VOC):
    """Pictures of Pascal VOC, and what is in them, as the dict of an XML file."""

    _sets, _targets = "Main", ("Annotations", ".xml")

    @property
    def annotations(self) -> list[str]:
        return self.targets

    def _target(self, path: str) -> Any:
        return self.parse_voc_xml(ElementTree.parse(path).getroot())

    @staticmethod
    def parse_voc_xml(node: Any) -> dict[str, Any]:
        """A node as {tag: text or what is in it}; what is there several times is a list, objects always."""
        if not len(node):
            return {node.tag: node.text.strip()} if node.text else {}
        parts = defaultdict(list)
        for child in node:
            for tag, value in VOCDetection.parse_voc_xml(child).items():
                parts[tag].append(value)
        merged = {tag: values[0] if len(values) == 1 else values for tag, values in parts.items()}
        if node.tag == "annotation":
            merged["object"] = parts["object"]
        return {node.tag: merged}


class CelebA(FilesDataset):
    """202,599 faces of celebrities: 40 attributes, who it is, the box of the face, five points of it."""

    base_folder = "celeba"
    file_list: ClassVar[Any] = [
        ("0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb", "img_align_celeba.zip"),
        ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c", "list_attr_celeba.txt"),
        ("1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS", "32bd1bd63d3c78cd57e08160ec5ed1e2", "identity_CelebA.txt"),
        ("0B7EVK8r0v71pbThiMVRxWXZ4dU0", "00566efa6fedff7a56946cd1c10f1c16", "list_bbox_celeba.txt"),
        (
            "0B7EVK8r0v71pd0FJY3Blby1HUTQ",
            "cc24ecafdb5b50baae59b03474781f8c",
            "list_landmarks_align_celeba.txt",
        ),
        ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668", "list_eval_partition.txt"),
    ]
    _kinds: ClassVar[Any] = {
        "attr": "attr",
        "identity": "identity",
        "bbox": "bbox",
        "landmarks": "landmarks_align",
    }

    def __init__(
        self,
        root: Any,
        split: str = "train",
        target_type: list[str] | str = "attr",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = split
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        if not self.target_type and target_transform is not None:
            raise RuntimeError("target_transform is specified but target_type is empty")
        for kind in self.target_type:
            verify_str_arg(kind, "target_type", tuple(self._kinds))
        parts = {"train": 0, "valid": 1, "test": 2, "all": None}
        part = parts[verify_str_arg(split.lower(), "split", tuple(parts))]
        self._found(download)
        _, names, partition = self._table("list_eval_partition.txt")
        chosen = list(range(len(names))) if part is None else rl.where(partition[:, 0] == part)[0].tolist()
        self.filename = [names[i] for i in chosen]
        self.identity = self._table("identity_CelebA.txt")[2][chosen]
        self.bbox = self._table("list_bbox_celeba.txt", header=1)[2][chosen]
        self.landmarks_align = self._table("list_landmarks_align_celeba.txt", header=1)[2][chosen]
        self.attr_names, _, attributes = self._table("list_attr_celeba.txt", header=1)
        self.attr = rl.div(attributes[chosen] + 1, 2, rounding_mode="floor")  # -1 and 1 become 0 and 1

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / self.base_folder

    def _table(self, name: str, header: int | None = None) -> tuple[list[str], list[str], Any]:
        """The heads of the columns, the names of the rows, and the numbers."""
        with open(self._base_folder / name) as file:
            rows = list(csv.reader(file, delimiter=" ", skipinitialspace=True))
        body = rows if header is None else rows[header + 1 :]
        numbers = rl.tensor([[int(value) for value in row[1:]] for row in body])
        return [] if header is None else rows[header], [row[0] for row in body], numbers

    def _check_exists(self) -> bool:
        texts = [(name, md5) for _, md5, name in self.file_list if not name.endswith((".zip", ".7z"))]
        return (self._base_folder / "img_align_celeba").is_dir() and all(
            check_integrity(self._base_folder / name, md5) for name, md5 in texts
        )

    def download(self) -> None:
        """Fetches the files, if they are not there."""
        if self._check_exists():
            return
        for file_id, md5, name in self.file_list:
            download_file_from_google_drive(file_id, self._base_folder, name, md5)
        extract_archive(self._base_folder / "img_align_celeba.zip")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        face = pillow().open(self._base_folder / "img_align_celeba" / self.filename[index])
        rows = {kind: getattr(self, name)[index] for kind, name in self._kinds.items()}
        rows["identity"] = rows["identity"][0]
        if self.transform is not None:
            face = self.transform(face)
        target = _one_or_all([rows[kind] for kind in self.target_type])
        if target is not None and self.target_transform is not None:
            target = self.target_transform(target)
        return face, target

    def __len__(self) -> int:
        return len(self.attr)

    def extra_repr(self) -> str:
        return f"Target type: {self.target_type}\nSplit: {self.split}"


class OxfordIIITPet(FilesDataset):
    """7,349 pictures of 37 breeds: the breed, cat or dog, and the outline."""

    _home = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
    _archives = (
        (_home + "images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
        (_home + "annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f"),
    )

    def __init__(
        self,
        root: Any,
        split: str = "trainval",
        target_types: Sequence[str] | str = "category",
        transforms: Callable | None = None,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self._split = verify_str_arg(split, "split", ("trainval", "test"))
        kinds = [target_types] if isinstance(target_types, str) else target_types
        allowed = ("category", "binary-category", "segmentation")
        self._target_types = [verify_str_arg(kind, "target_types", allowed) for kind in kinds]
        self._found(download)
        folder = self._base_folder
        rows = [line.split() for line in lines_of(folder / "annotations" / f"{split}.txt")]
        self._labels = [int(row[1]) - 1 for row in rows]
        self._bin_labels = [int(row[2]) - 1 for row in rows]
        breeds = sorted({(label, row[0].rsplit("_", 1)[0]) for row, label in zip(rows, self._labels)})
        self.classes = [" ".join(part.title() for part in breed.split("_")) for _, breed in breeds]
        self.bin_classes = ["Cat", "Dog"]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self.bin_class_to_idx = {name: i for i, name in enumerate(self.bin_classes)}
        self._images = [folder / "images" / f"{row[0]}.jpg" for row in rows]
        self._segs = [folder / "annotations" / "trimaps" / f"{row[0]}.png" for row in rows]

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "oxford-iiit-pet"

    def _check_exists(self) -> bool:
        return all((self._base_folder / name).is_dir() for name in ("images", "annotations"))

    def _target(self, kind: str, index: int) -> Any:
        if kind == "segmentation":
            return pillow().open(self._segs[index])
        return (self._labels if kind == "category" else self._bin_labels)[index]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        target = _one_or_all([self._target(kind, index) for kind in self._target_types])
        sample = default_loader(self._images[index]), target
        return sample if self.transforms is None else self.transforms(*sample)

    def __len__(self) -> int:
        return len(self._images)


class Kitti(FilesDataset):
    """7,481 pictures from a car (and as many to test), and what is in them, as a list of dicts."""

    data_url = "https://s3.eu-central-1.amazonaws.com/avg-kitti/"
    _archives = (
        (data_url + "data_object_image_2.zip", None),
        (data_url + "data_object_label_2.zip", None),
    )

    def __init__(
        self,
        root: Any,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        transforms: Callable | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.train = train
        self._found(download)
        names = os.listdir(self._folder / "image_2")
        self.images = [str(self._folder / "image_2" / name) for name in names]
        labels = [str(self._folder / "label_2" / f"{name.split('.')[0]}.txt") for name in names]
        self.targets = labels if train else []

    @property
    def _base_folder(self) -> Path:
        return Path(self.root) / "Kitti" / "raw"

    @property
    def _folder(self) -> Path:
        return self._base_folder / ("training" if self.train else "testing")

    def _check_exists(self) -> bool:
        return all((self._folder / name).is_dir() for name in ("image_2", "label_2")[: 1 + self.train])

    def _parse_target(self, index: int) -> list[dict[str, Any]]:
        rows = [line.split(" ") for line in lines_of(self.targets[index])]
        return [_seen_from_a_car(row[0], [float(value) for value in row[1:]]) for row in rows]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        sample = pillow().open(self.images[index]), self._parse_target(index) if self.train else None
        return sample if self.transforms is None else self.transforms(*sample)

    def __len__(self) -> int:
        return len(self.images)


def _seen_from_a_car(kind: str, numbers: list[float]) -> dict[str, Any]:
    truncated, occluded, alpha = numbers[:3]
    return {
        "type": kind,
        "truncated": truncated,
        "occluded": int(occluded),
        "alpha": alpha,
        "bbox": numbers[3:7],
        "dimensions": numbers[7:10],
        "location": numbers[10:13],
        "rotation_y": numbers[13],
    }


class _Captioned(VisionDataset):
    """Pictures in a folder with sentences about each, from a file."""

    annotations: dict[str, list[str]]

    def __init__(
        self,
        root: Any,
        ann_file: str,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.ann_file = os.path.expanduser(ann_file)
        self.loader = loader
        self.annotations = self._read()
        self.ids = sorted(self.annotations)

    def _read(self) -> dict[str, list[str]]:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        id = self.ids[index]
        return self._transformed(self.loader(os.path.join(self.root, id)), self.annotations[id])

    def __len__(self) -> int:
        return len(self.ids)


class _CaptionTable(HTMLParser):
    """Reads the page of Flickr8k: a link for each picture, then its sentences as a list."""

    def __init__(self, root: Any) -> None:
        super().__init__()
        self.root = Path(root)
        self.annotations: dict[str, list[str]] = {}
        self._tag: str | None = None
        self._in_table = False
        self._current: str | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._tag = tag
        self._in_table = self._in_table or tag == "table"

    def handle_endtag(self, tag: str) -> None:
        self._tag = None
        self._in_table = self._in_table and tag != "table"

    def handle_data(self, data: str) -> None:
        if not self._in_table:
            return
        if data == "Image Not Found":
            self._current = None
        elif self._tag == "a":
            self._current = str(next(self.root.glob(f"{data.split('/')[-2]}_*.jpg")))
            self.annotations[self._current] = []
        elif self._tag == "li" and self._current is not None:
            self.annotations[self._current].append(data.strip())


class Flickr8k(_Captioned):
    """8,000 pictures with five sentences about each."""

    def _read(self) -> dict[str, list[str]]:
        parser = _CaptionTable(self.root)
        parser.feed(Path(self.ann_file).read_text())
        return parser.annotations


class Flickr30k(_Captioned):
    """31,000 pictures with five sentences about each."""

    def _read(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for line in lines_of(self.ann_file):
            name, sentence = line.split("\t")
            found[name[:-2]].append(sentence)  # the name ends in #0 to #4
        return found


class SBU(VisionDataset):
    """A million pictures of Flickr with a sentence about each."""

    url = "https://www.cs.rice.edu/~vo9/sbucaptions/SBUCaptionedPhotoDataset.tar.gz"
    filename = "SBUCaptionedPhotoDataset.tar.gz"
    md5_checksum: ClassVar[Any] = "9aec147b3488753cf758b4d493422285"

    def __init__(
        self,
        root: Any,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = True,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {os.path.join(self.root, self.filename)}. "
                "You can use download=True to download it"
            )
        sentences = self._list("captions")
        pairs = [(os.path.basename(url), text) for url, text in zip(self._list("urls"), sentences)]
        there = [(name, text) for name, text in pairs if (self._folder / name).exists()]
        self.photos, self.captions = ([pair[i] for pair in there] for i in (0, 1))

    @property
    def _folder(self) -> Path:
        return Path(self.root) / "dataset"

    def _list(self, what: str) -> list[str]:
        path = self._folder / f"SBU_captioned_photo_dataset_{what}.txt"
        return [line.rstrip() for line in path.read_text().splitlines()]

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.md5_checksum)

    def download(self) -> None:
        """Fetches the list, and each picture of it that is still to be had."""
        if self._check_integrity():
            return
        download_and_extract_archive(self.url, self.root, self.root, self.filename, self.md5_checksum)
        for url in self._list("urls"):
            try:
                download_url(url, self._folder)
            except OSError:
                continue  # pictures that are gone are left out

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self.loader(self._folder / self.photos[index]), self.captions[index])

    def __len__(self) -> int:
        return len(self.photos)
