"""Files of datasets: downloads, checksums, archives."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...utils.download import digest_of, download

OPENERS = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
TAR_ENDS = (".tar", ".tgz", ".tbz", ".tbz2", ".tar.gz", ".tar.xz", ".tar.bz2")


def calculate_md5(fpath: Any, chunk_size: int = 1024 * 1024) -> str:
    """The md5 sum of a file."""
    return digest_of(fpath, "md5")


def check_md5(fpath: Any, md5: str, **kwargs: Any) -> bool:
    """Has the file this md5 sum?"""
    return md5 == calculate_md5(fpath, **kwargs)


def check_integrity(fpath: Any, md5: str | None = None) -> bool:
    """Is the file there, with this md5 sum if one is given?"""
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


def download_url(
    url: str,
    root: Any,
    filename: Any = None,
    md5: str | None = None,
    max_redirect_hops: int = 3,
    mirror: str | None = None,
) -> None:
    """The file of `url` in the folder `root`; one that is there and right is not fetched again."""
    path = Path(root).expanduser() / (filename or os.path.basename(url))
    download(url, path, None if md5 is None else f"md5:{md5}", mirror=mirror)


def extract_archive(from_path: Any, to_path: Any = None, remove_finished: bool = False) -> str:
    """Unpacks a tar, zip or compressed file, and gives the place it went to."""
    source = Path(from_path)
    name = source.name
    if name.endswith(TAR_ENDS):
        target = _unpacked_tar(source, Path(to_path or source.parent))
    elif name.endswith(".zip"):
        target = Path(to_path or source.parent)
        with zipfile.ZipFile(source) as archive:
            archive.extractall(target)
    elif source.suffix in OPENERS:
        target = _decompressed(source, to_path)
    else:
        ends = ", ".join((*TAR_ENDS, ".zip", *OPENERS))
        raise RuntimeError(f"{name} is no archive that can be unpacked; those end in {ends}")
    if remove_finished:
        source.unlink()
    return str(target)


def _unpacked_tar(source: Path, target: Path) -> Path:
    with tarfile.open(source) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(target, filter="data")
        else:
            archive.extractall(target, members=[m for m in archive if _stays_inside(m)])
    return target


def _stays_inside(member: tarfile.TarInfo) -> bool:
    parts = Path(member.name).parts
    return (member.isfile() or member.isdir()) and ".." not in parts and not os.path.isabs(member.name)


def _decompressed(source: Path, to_path: Any) -> Path:
    target = Path(to_path or source.with_suffix(""))
    if target.is_dir():
        target /= source.stem
    part = target.with_name(target.name + ".part")
    with OPENERS[source.suffix](source, "rb") as packed, open(part, "wb") as file:  # type: ignore[operator]
        shutil.copyfileobj(packed, file)
    os.replace(part, target)
    return target


def download_and_extract_archive(
    url: str,
    download_root: Any,
    extract_root: Any = None,
    filename: Any = None,
    md5: str | None = None,
    remove_finished: bool = False,
    mirror: str | None = None,
) -> None:
    """Fetches an archive into `download_root` and unpacks it, there or in `extract_root`."""
    root = Path(download_root).expanduser()
    filename = filename or os.path.basename(url)
    download_url(url, root, filename, md5, mirror=mirror)
    archive = root / filename
    target = Path(extract_root) if extract_root else root
    single = archive.suffix in OPENERS and not archive.name.endswith(TAR_ENDS)
    target.mkdir(parents=True, exist_ok=True)
    extract_archive(archive, target / archive.stem if single else target, remove_finished)


def list_dir(root: Any, prefix: bool = False) -> list[str]:
    """The folders in a folder, as names or, with `prefix`, as paths."""
    root = Path(root).expanduser()
    return [str(p) if prefix else p.name for p in root.iterdir() if p.is_dir()]


def list_files(root: Any, suffix: str | tuple[str, ...], prefix: bool = False) -> list[str]:
    """The files in a folder whose names end so, as names or, with `prefix`, as paths."""
    root = Path(root).expanduser()
    found = [p for p in root.iterdir() if p.is_file() and p.name.endswith(suffix)]
    return [str(p) if prefix else p.name for p in found]


def verify_str_arg(
    value: Any,
    arg: str | None = None,
    valid_values: Sequence[str] | None = None,
    custom_msg: str | None = None,
) -> Any:
    """The value, if it is one of those allowed."""
    if not isinstance(value, str):
        raise ValueError(f"{arg or 'argument'} should be a str, got {type(value)}")
    if valid_values is not None and value not in valid_values:
        raise ValueError(
            custom_msg or f"{arg or 'argument'} is one of {', '.join(valid_values)}, got {value!r}"
        )
    return value


class ArrayUnpickler(pickle.Unpickler):
    """Reads plain objects and numpy arrays, and runs nothing else that a file may name."""

    MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy._core.numeric")
    NAMES = ("ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer")

    def find_class(self, module: str, name: str) -> Any:
        if module in self.MODULES and name in self.NAMES:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)  # how bytes look in pickles of protocol 2
        raise pickle.UnpicklingError(f"the file names {module}.{name}, which a dataset has no need of")


def unpickled(path: Any) -> Any:
    """What a pickle of arrays has; texts of Python 2 are taken as latin-1."""
    with open(path, "rb") as file:
        return ArrayUnpickler(file, encoding="latin1").load()


def download_file_from_google_drive(
    file_id: str, root: Any, filename: Any = None, md5: str | None = None
) -> None:
    """The file of this number on Google Drive, in the folder `root`."""
    url = f"https://drive.usercontent.google.com/download?id={file_id}&export=download&confirm=t"
    download_url(url, root, filename or file_id, md5)


def iterable_to_str(iterable: Any) -> str:
    """The things of an iterable in quotes, with commas between."""
    return "'" + "', '".join(str(item) for item in iterable) + "'"
