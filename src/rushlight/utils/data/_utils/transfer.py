"""Batches on their way between processes: large arrays travel in shared memory that has no name.

The worker packs a batch into a segment, a file that only exists as long as somebody has it open, so nothing
is left behind whoever dies how. The receiver's tensors lie in the segment itself. When they are gone the
segment goes back to its worker, whose pages are warm then, and is packed anew.
"""

from __future__ import annotations

import ctypes
import io
import mmap
import os
import pickle
import sys
import tempfile
import weakref
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ....tensor.core import Tensor, wrap
from ....tensor.dtype import dtype
from ....tensor.pickling import attributes
from .channel import CAN_SEND_FILES

IN_THE_MESSAGE = 4096  # buffers below this size travel with the message itself
LONG_PICKLE = 1 << 15
ALIGNMENT = 64


class Parcel(NamedTuple):
    """A packed batch. `places` are the buffers in the segment, the pickle itself last if it is long."""

    content: bytes | None
    places: Sequence[tuple[int, int]] = ()
    segment: int | None = None
    size: int = 0  # of a segment that the receiver does not know yet
    given_up: Sequence[int] = ()  # segments that will not be used again


# ---- the worker's side


class _Pickler(pickle.Pickler):
    """Tensors as their bare memory; large buffers are set aside."""

    def __init__(self, stream: io.BytesIO) -> None:
        self.buffers: list[memoryview] = []
        super().__init__(stream, 5, buffer_callback=self._stays_in if CAN_SEND_FILES else None)

    def _stays_in(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < IN_THE_MESSAGE:
            return True
        self.buffers.append(raw)
        return False

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is not Tensor or attributes(obj):
            return NotImplemented
        if obj._rg and obj._node is not None:
            raise RuntimeError(
                f"a tensor with grad_fn=<{obj._node.name()}> cannot be sent to another process: the graph "
                "behind it stays here; load detached tensors (x.detach())"
            )
        return _tensor_from, _taken_apart(obj)


def _taken_apart(t: Tensor) -> tuple:
    array, strides = t._a, None
    if not array.flags.c_contiguous:
        array = array.copy("K")
        strides = array.strides
    memory = pickle.PickleBuffer(array.ravel("K").view(np.uint8))
    return memory, t.dtype, array.shape, strides, t._rg


def _tensor_from(memory: Any, dt: dtype, shape: Any, strides: Any, requires_grad: bool) -> Tensor:
    if memoryview(memory).readonly:
        memory = bytearray(memory)
    t = wrap(np.ndarray(shape, dt.np, memory, 0, strides), dt)
    t._rg = requires_grad
    return t


class Packer:
    """Makes parcels. Segments that the receiver has given back are used again."""

    def __init__(self) -> None:
        self._segments: dict[int, np.ndarray] = {}
        self._free: list[int] = []
        self._count = 0

    def take_back(self, segments: Sequence[int]) -> None:
        """The receiver needs these no longer."""
        self._free += segments

    def pack(self, batch: Any) -> tuple[Parcel, int | None]:
        """The parcel, and the file of its segment if that is a new one."""
        stream = io.BytesIO()
        pickler = _Pickler(stream)
        pickler.dump(batch)
        buffers = pickler.buffers
        is_long = stream.tell() > LONG_PICKLE and CAN_SEND_FILES
        if is_long:
            buffers = [*buffers, stream.getbuffer()]
        if not buffers:
            return Parcel(stream.getvalue()), None
        places = _places(buffers)
        segment, file, given_up = self._segment(sum(places[-1]))
        memory = self._segments[segment]
        for (start, size), buffer in zip(places, buffers):
            memory[start : start + size] = np.frombuffer(buffer, np.uint8)
        known_size = len(memory) if file is not None else 0
        content = None if is_long else stream.getvalue()
        return Parcel(content, places, segment, known_size, given_up), file

    def _segment(self, size: int) -> tuple[int, int | None, list[int]]:
        """A segment that is large enough: its number, its file if it is new, and those given up for it."""
        fitting = [s for s in self._free if len(self._segments[s]) >= size]
        if fitting:
            found = min(fitting, key=lambda s: len(self._segments[s]))
            self._free.remove(found)
            return found, None, []
        given_up, self._free = self._free, []
        for s in given_up:
            del self._segments[s]
        self._count += 1
        size = _segment_size(size)
        file = _nameless_file(size)
        self._segments[self._count] = np.frombuffer(_mapped(file, size), np.uint8)
        return self._count, file, given_up


def _segment_size(size: int) -> int:
    """`size` in one of eight steps between powers of two, in whole pages: batches of nearly one size fit."""
    step = max(mmap.PAGESIZE, 1 << max(0, (size - 1).bit_length() - 4))
    return -(-size // step) * step


def _places(buffers: Sequence[memoryview]) -> list[tuple[int, int]]:
    places, end = [], 0
    for buffer in buffers:
        start = -(-end // ALIGNMENT) * ALIGNMENT
        places.append((start, buffer.nbytes))
        end = start + buffer.nbytes
    return places


def _nameless_file(size: int) -> int:
    """A file in memory, or at least without a name, that goes with the last process that has it open."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("rushlight-batch")
    else:
        with tempfile.TemporaryFile() as opened:
            file = os.dup(opened.fileno())
    os.ftruncate(file, size)
    return file


# ---- the receiver's side


class Unpacker:
    """Makes batches of the parcels of one worker."""

    def __init__(self) -> None:
        self._segments: dict[int, _Segment] = {}
        self._returned: list[_Note] = []

    def returned(self) -> list[int]:
        """The segments that no batch lies in any more; the worker may have them back."""
        notes = self._returned[:]
        del self._returned[: len(notes)]
        return [note.segment for note in notes]

    def unpack(self, parcel: Parcel, file: int | None) -> Any:
        """The batch. Its large arrays lie in the shared memory."""
        views = self._open(parcel, file)
        content = views.pop() if parcel.content is None else parcel.content
        return pickle.loads(content, buffers=views)

    def discard(self, parcel: Parcel, file: int | None) -> None:
        """A batch that nobody waits for any more."""
        self._open(parcel, file)

    def _open(self, parcel: Parcel, file: int | None) -> list[memoryview]:
        for s in parcel.given_up:
            del self._segments[s]
        if parcel.segment is None:
            return []
        if file is not None:
            self._segments[parcel.segment] = _Segment(file, parcel.size, parcel.segment, self._returned)
        memory = memoryview(self._segments[parcel.segment].lease())
        return [memory[start : start + size] for start, size in parcel.places]


class _Note(weakref.ref):
    """Lands in a list when a lease is gone. No line of Python runs then, so no Ctrl-C is lost there."""

    __slots__ = ("segment",)


class _Segment:
    """A segment in the receiver's memory. Holds no open file, of which a process may have few."""

    def __init__(self, file: int, size: int, number: int, returned: list[_Note]) -> None:
        self._memory = _mapped(file, size)
        os.close(file)
        self._buffer: Any = ctypes.c_ubyte * size
        self._number, self._returned = number, returned

    def lease(self) -> Any:
        """The memory as a buffer; when nothing refers to it any more, `returned` is told."""
        lease = self._buffer.from_buffer(self._memory)
        self._note = _Note(lease, self._returned.append)
        self._note.segment = self._number
        return lease


def _mapped(file: int, size: int) -> Any:
    """The memory of a file, which need not stay open."""
    if sys.version_info >= (3, 13):
        return mmap.mmap(file, size, trackfd=False)
    return _Mapping(file, size).buffer()


class _Mapping:
    """What mmap(..., trackfd=False) is from Python 3.13 on."""

    address: int | None = None

    def __init__(self, file: int, size: int) -> None:
        self.size, self._unmap = size, _system().munmap
        protection = mmap.PROT_READ | mmap.PROT_WRITE
        address = _system().mmap(None, size, protection, mmap.MAP_SHARED, file, 0)
        if address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), f"cannot map {size} bytes of a worker's batch into memory")
        self.address = address

    def buffer(self) -> Any:
        """The memory, which stays as long as this buffer does."""
        array = (ctypes.c_ubyte * self.size).from_address(self.address)
        array.mapping = self  # type: ignore[attr-defined]
        return array

    def __del__(self) -> None:
        if self.address is not None:
            self._unmap(self.address, self.size)


@cache
def _system() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *3 * (ctypes.c_int,), ctypes.c_ssize_t)
    library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return library


__all__ = ["Packer", "Parcel", "Unpacker"]
