"""Object code on disk: content-checked files, replaced atomically, shared by any number of processes.

A file is `<key>.o`: eight bytes of magic, the checksum of the rest, the object code.  Reading never fails:
what is missing, cut short or altered is simply not there, and is compiled again.  A folder that cannot be
written, or that others could write to (its contents get executed), is not used; the objects then live in
memory for this process.
"""

from __future__ import annotations

import os
import stat
import sys
import threading

from . import settings

MAGIC = b"rushobj1"
CHECKSUM_BYTES = 16
HEADER_BYTES = len(MAGIC) + CHECKSUM_BYTES
BLOCK = 4096


def default_folder() -> str | None:
    """Where objects go: RUSHLIGHT_CACHE, else the user's cache folder; None when it is switched off."""
    chosen = os.environ.get("RUSHLIGHT_CACHE", "").strip()
    if chosen.lower() in ("off", "0", "none"):
        return None
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    if sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    elif os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "rushlight") if os.path.isabs(base) else None


def new_digest(size: int = 16):
    """An empty hash; hashlib is imported on first use, it takes milliseconds."""
    from hashlib import blake2b

    return blake2b(digest_size=size)


def checksum(data: bytes) -> bytes:
    digest = new_digest(CHECKSUM_BYTES)
    digest.update(data)
    return digest.digest()


def key_of(*parts: object) -> str:
    """A file name that stands for the parts."""
    digest = new_digest()
    for part in parts:
        text = str(part).encode()
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()


class ObjectCache:
    """The files of one folder; `folder=None` keeps nothing."""

    def __init__(self, folder: str | None, limit_bytes: int):
        self.folder = folder if folder is None or _is_safe(folder) else None
        self.limit_bytes = limit_bytes

    def path(self, key: str) -> str:
        return os.path.join(self.folder or "", f"{key}.o")

    def get(self, key: str) -> bytes | None:
        """The object stored under `key`, or None; a damaged file is removed."""
        if self.folder is None:
            return None
        try:
            with open(self.path(key), "rb") as file:
                content = file.read()
        except OSError:
            return None
        data = content[HEADER_BYTES:]
        if content[: len(MAGIC)] == MAGIC and content[len(MAGIC) : HEADER_BYTES] == checksum(data):
            return data
        settings.log(1, f"damaged cache entry {key}: compiling it again")
        self._remove(self.path(key))
        return None

    def put(self, key: str, data: bytes) -> bool:
        """Store `data`; False when the folder cannot be written (it is not tried again)."""
        if self.folder is None:
            return False
        try:
            self._write(key, MAGIC + checksum(data) + data)
        except OSError as error:
            settings.log(2, f"kernel cache {self.folder} cannot be written: {error}")
            return False
        self._trim_sometimes(len(data))
        return True

    def _write(self, key: str, content: bytes) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        temporary = os.path.join(self.folder, f".new-{os.getpid()}-{threading.get_ident()}-{key}")
        try:
            with open(temporary, "wb") as file:
                file.write(content)
            os.replace(temporary, self.path(key))
        except BaseException:
            self._remove(temporary)
            raise

    def _trim_sometimes(self, size: int) -> None:
        """Look at all files only when a sixteenth of the limit was written since the last look, by whoever:
        the file `written` grows by a byte for each block.
        """
        tally = os.path.join(self.folder or "", "written")
        try:
            with open(tally, "ab") as file:
                new = file.tell() == 0
                file.write(b"." * (size // BLOCK + 1))
                written = file.tell() * BLOCK
            if new or written > self.limit_bytes // 16:
                self.trim()
                os.truncate(tally, 1)
        except OSError as error:  # the object is there; another write will trim
            settings.log(2, f"kernel cache {self.folder} cannot be trimmed: {error}")

    def trim(self) -> None:
        """Remove the files used longest ago until three quarters of the limit are left."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        if total <= self.limit_bytes:
            return
        for _, size, path in files:
            if total <= self.limit_bytes * 3 // 4:
                return
            self._remove(path)
            total -= size

    def _files(self):
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    if entry.name.endswith(".o") or entry.name.startswith(".new-"):
                        status = entry.stat(follow_symlinks=False)
                        yield max(status.st_atime, status.st_mtime), status.st_size, entry.path
                except OSError:  # another process removed it
                    continue

    @staticmethod
    def _remove(path: str) -> None:
        try:
            os.unlink(path)
        except OSError:
            pass


def _is_safe(folder: str) -> bool:
    """False when somebody else could put code into the folder."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        status = os.stat(folder)
    except OSError:
        return True  # made by us on the first write
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & stat.S_IWOTH:
        settings.log(1, f"kernel cache {folder} is not used: others can write to it")
        return False
    return True
