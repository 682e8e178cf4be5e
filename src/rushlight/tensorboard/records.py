"""An event file: written by a thread of its own, so that training does not wait for the disk."""

from __future__ import annotations

import itertools
import os
import queue
import socket
import struct
import threading
import time
import weakref
from typing import BinaryIO

from .crc32c import masked_crc32c
from .messages import Event

FILE_VERSION = "brain.Event:2"
_CLOSE = object()
_numbers = itertools.count()


def record(data: bytes) -> bytes:
    """Data in TFRecord's frame: its length, the checksum of that, the data, its checksum."""
    length = struct.pack("<Q", len(data))
    checksums = struct.pack("<I", masked_crc32c(length)), struct.pack("<I", masked_crc32c(data))
    return length + checksums[0] + data + checksums[1]


class EventFile:
    """A new event file in a folder. What is `put` into it is on the disk after `flush()`, `close()`, every
    `flush_secs` seconds and at the end of the program.
    """

    def __init__(
        self, folder: str | os.PathLike[str], max_queue: int = 10, flush_secs: float = 120, suffix: str = ""
    ) -> None:
        os.makedirs(folder, exist_ok=True)
        origin = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self.path = os.path.join(folder, f"events.out.tfevents.{origin}{suffix}")
        self._queue: queue.Queue = queue.Queue(max(1, max_queue))
        self._problems: list[OSError] = []
        file = open(self.path, "wb", buffering=1 << 16)  # noqa: SIM115 (the thread closes it)
        work = (self._queue, file, flush_secs, self._problems)
        self._thread = threading.Thread(target=_write_all, args=work, name="rushlight-events", daemon=True)
        self._thread.start()
        self._finish = weakref.finalize(self, _finish, self._queue, self._thread, os.getpid())  # at exit too
        self.put(Event(wall_time=time.time(), file_version=FILE_VERSION))

    def put(self, event: bytes) -> None:
        """Writes an event, soon."""
        self._check()
        self._queue.put(event)

    def flush(self) -> None:
        """Waits until everything is in the file."""
        self._check()
        done = threading.Event()
        self._queue.put(done)
        done.wait()
        self._check_problems()

    def close(self) -> None:
        """Writes what is left and closes the file."""
        self._finish()
        self._check_problems()

    @property
    def closed(self) -> bool:
        return not self._finish.alive

    def _check(self) -> None:
        self._check_problems()
        if self.closed:
            raise ValueError(f"the event file {self.path} is closed; make a new SummaryWriter")
        if not self._thread.is_alive():
            raise RuntimeError(
                f"the event file {self.path} belongs to another process: "
                "make a SummaryWriter in each one that logs"
            )

    def _check_problems(self) -> None:
        if self._problems:
            raise OSError(f"the event file {self.path} could not be written: {self._problems[0]}")


def _finish(waiting: queue.Queue, thread: threading.Thread, owner: int) -> None:
    """Ends the thread; a forked process has a copy of the file but no thread, and leaves both alone."""
    if os.getpid() == owner and thread.is_alive():
        waiting.put(_CLOSE)
        thread.join()


def _write_all(waiting: queue.Queue, file: BinaryIO, flush_secs: float, problems: list[OSError]) -> None:
    """The thread: frames and writes what comes, until it is told to close. Knows nothing of the EventFile,
    which can therefore be collected.
    """
    flush_at = None  # when what has been written must be on the disk
    item: object = None
    while item is not _CLOSE:
        item = _next(waiting, flush_at)
        try:
            if isinstance(item, bytes):
                flush_at = flush_at or time.monotonic() + flush_secs
                if not problems:
                    file.write(record(item))
            else:
                flush_at = None
                file.close() if item is _CLOSE else file.flush()
        except OSError as problem:
            problems.append(problem)  # told by the next call of the program
        if isinstance(item, threading.Event):
            item.set()  # somebody waits for this flush


def _next(waiting: queue.Queue, flush_at: float | None) -> object:
    """What the program asks for, or None once a flush is due."""
    left = None if flush_at is None else flush_at - time.monotonic()
    try:
        return None if left is not None and left <= 0 else waiting.get(timeout=left)
    except queue.Empty:
        return None
