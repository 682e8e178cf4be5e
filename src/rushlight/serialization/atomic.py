"""A file that is replaced as a whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

WORTH_RESERVING = 1 << 20


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write to. It takes the place of `path` when the block ends well; until then that stays.

    Devices and pipes are written to directly, and so is a file in a folder where no other may be made.
    """
    target = os.path.realpath(os.fspath(path))
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(os.fspath(path)) or folder} does not exist.")
    there = os.stat(target) if os.path.exists(target) else None
    in_place = there is not None and (
        not stat.S_ISREG(there.st_mode) or (not os.access(folder, os.W_OK) and os.access(target, os.W_OK))
    )
    if os.path.isdir(target):
        raise IsADirectoryError(f"cannot save to {target!r}: it is a folder")
    if in_place:
        with open(target, "wb") as file:
            yield file
        return
    temporary = f"{target}.{os.getpid()}.{secrets.token_hex(4)}.part"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.truncate()  # what was reserved and not used
            file.flush()
            os.fsync(file.fileno())
        if there is not None:
            os.chmod(temporary, stat.S_IMODE(there.st_mode))
        os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise
    _sync_folder(folder)


def reserve(file: IO[bytes], size: int) -> None:
    """Finds the room for so many bytes at once: quicker than in pieces, and a full disk is told early."""
    allocate: Any = getattr(os, "posix_fallocate", None)
    if allocate is None or size < WORTH_RESERVING or file.mode != "xb":  # that is, not a new file
        return
    try:
        allocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG):
            raise  # anything else: a file system that cannot reserve


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _sync_folder(folder: str) -> None:
    """Makes the new name last, where folders can be synchronised."""
    flags: Any = getattr(os, "O_DIRECTORY", None)
    if flags is None:
        return
    try:
        number = os.open(folder, os.O_RDONLY | flags)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError:
        pass  # some file systems refuse; the file itself is safe
    finally:
        os.close(number)
