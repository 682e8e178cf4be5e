"""Files from the network: taken up again where a download broke off, checked, put in place when whole.

RUSHLIGHT_MIRROR=https://mirror.example/files makes every download ask that address first: the file of
https://host/path/name is looked for at https://mirror.example/files/host/path/name. There may be several.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

CHUNK = 1 << 18


class DownloadError(URLError, RuntimeError):
    """A file could not be had; says from where, why, and where to put it by hand."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __str__(self) -> str:
        return str(self.reason)


def digest_of(path: Any, kind: str = "md5") -> str:
    """The checksum of a file, in hexadecimal."""
    summed = hashlib.new(kind, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(CHUNK):
            summed.update(block)
    return summed.hexdigest()


def matches(path: Any, digest: str | None) -> bool:
    """Is the file there, with a digest ("md5:..." or "sha256:...") that begins so? None asks no more."""
    if not os.path.isfile(path):
        return False
    if digest is None:
        return True
    kind, _, wanted = digest.partition(":")
    return digest_of(path, kind).startswith(wanted)


def addresses(url: str, mirror: str | None = None) -> list[str]:
    """Where to look for a file: the mirrors, then its own address."""
    mirrors = (mirror or os.environ.get("RUSHLIGHT_MIRROR", "")).split()
    place = urlsplit(url)
    return [*(f"{m.rstrip('/')}/{place.netloc}{place.path}" for m in mirrors), url]


def download(
    url: str,
    path: Any,
    digest: str | None = None,
    progress: bool = True,
    mirror: str | None = None,
    headers: dict[str, str] | None = None,
) -> Path:
    """The file of `url` at `path`. A file that is there and matches is not fetched again."""
    path = Path(path)
    if matches(path, digest):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    troubles = []
    for address in addresses(url, mirror):
        try:
            _fetch(address, part, progress, headers or {})
        except (OSError, ValueError) as error:
            troubles.append(f"{address}: {error}")
            continue
        if matches(part, digest):
            os.replace(part, path)
            return path
        troubles.append(f"{address}: the file that came is not the one expected ({digest})")
        part.unlink(missing_ok=True)
    raise DownloadError(_no_file(url, path, troubles))


def _no_file(url: str, path: Path, troubles: list[str]) -> str:
    tried = "".join(f"\n  {trouble}" for trouble in troubles)
    return (
        f"{path.name} could not be downloaded:{tried}\n"
        f"Fetch {url} by hand and put it at {path}, or name a mirror in RUSHLIGHT_MIRROR."
    )


def _fetch(url: str, part: Path, progress: bool, headers: dict[str, str]) -> None:
    """Brings what `part` lacks of a file."""
    there = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"User-Agent": "rushlight", **headers})
    if there:
        request.add_header("Range", f"bytes={there}-")
    try:
        response = urlopen(request, timeout=60)
    except HTTPError as error:
        if error.code != 416 or not there:
            raise
        part.unlink()  # more is there than the file has: begin anew
        _fetch(url, part, progress, headers)
        return
    with response:
        resumed = getattr(response, "status", None) == 206
        left = response.headers.get("Content-Length")
        total = None if left is None else int(left) + (there if resumed else 0)
        with open(part, "ab" if resumed else "wb") as file:
            blocks = iter(lambda: response.read(CHUNK), b"")
            for block in _shown(blocks, total, there if resumed else 0, part.stem, progress):
                file.write(block)
    if total is not None and part.stat().st_size < total:
        raise OSError(
            f"the connection ended after {part.stat().st_size} of {total} bytes; try again to go on"
        )


def _shown(
    blocks: Iterator[bytes], total: int | None, done: int, name: str, progress: bool
) -> Iterator[bytes]:
    """The blocks, with a bar on stderr that moves as they pass."""
    if not progress:
        yield from blocks
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield from _told(blocks, total, done, name)
        return
    with tqdm(total=total, initial=done, unit="B", unit_scale=True, desc=name) as bar:
        for block in blocks:
            bar.update(len(block))
            yield block


def _told(blocks: Iterator[bytes], total: int | None, done: int, name: str) -> Iterator[bytes]:
    step = -1
    for block in blocks:
        done += len(block)
        if total and done * 20 // total > step:
            step = done * 20 // total
            print(
                f"\r{name}: {done * 100 // total}% of {total / 1e6:.1f} MB",
                end="",
                file=sys.stderr,
                flush=True,
            )
        yield block
    if step >= 0:
        print(file=sys.stderr)
