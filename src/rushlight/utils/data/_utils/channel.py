"""Messages between two processes: bytes, and open files with them where the system can hand those over."""

from __future__ import annotations

import os
import select
import socket
import struct
from collections import deque
from collections.abc import Iterable
from weakref import WeakSet

CAN_SEND_FILES = hasattr(socket, "send_fds")
CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
READ_AT_ONCE = 1 << 16
MOST_FILES = 16  # in what is read at once; more wait for the next read
HEADER = struct.Struct("<QB")  # length, whether a file comes along
Message = tuple[bytes, "int | None"]

_open: WeakSet[Channel] = WeakSet()  # the ends that belong to this process


class Channel:
    """One end of a connection. Nothing here waits: `wait_for` does."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._unread = bytearray()
        self._files: deque[int] = deque()
        self._unsent: deque[tuple[memoryview, int | None]] = deque()
        self.is_over = False  # the other side is gone
        _open.add(self)

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def post(self, data: bytes, file: int | None = None) -> None:
        """Sends a message as far as the other side has room; `flush` sends the rest. Takes over the file."""
        self._unsent.append((memoryview(HEADER.pack(len(data), file is not None) + data), file))
        self.flush()

    def flush(self) -> None:
        """Sends what waits, as far as there is room."""
        try:
            while self._unsent:
                self._send(*self._unsent[0])
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.is_over = True
            self._drop_unsent()

    def _send(self, data: memoryview, file: int | None) -> None:
        if file is None:
            sent = self._socket.send(data)
        else:
            sent = socket.send_fds(self._socket, [data], [file])
            os.close(file)
        if sent == len(data):
            self._unsent.popleft()
        else:
            self._unsent[0] = (data[sent:], None)

    def received(self) -> list[Message]:
        """The messages that have come in since the last time."""
        while self._read():
            pass
        messages = []
        while (message := self._next_message()) is not None:
            messages.append(message)
        return messages

    def _read(self) -> bool:
        try:
            if CAN_SEND_FILES:
                data, files, _, _ = socket.recv_fds(self._socket, READ_AT_ONCE, MOST_FILES, CLOSE_ON_EXEC)
                self._files.extend(files)
            else:
                data = self._socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return False
        except OSError:  # reset by the other side, or closed here
            data = b""
        self._unread += data
        self.is_over = self.is_over or not data
        return bool(data)

    def _next_message(self) -> Message | None:
        start = HEADER.size
        if len(self._unread) < start:
            return None
        length, has_file = HEADER.unpack_from(self._unread)
        if len(self._unread) < start + length:
            return None
        data = bytes(memoryview(self._unread)[start : start + length])
        del self._unread[: start + length]
        if has_file and not self._files:
            raise OSError(
                "a worker's shared memory could not be opened: this process has too many open files; close "
                "some, or raise the limit (ulimit -n)"
            )
        return data, self._files.popleft() if has_file else None

    def _drop_unsent(self) -> None:
        for _, file in self._unsent:
            if file is not None:
                os.close(file)
        self._unsent.clear()

    def close(self) -> None:
        """Ends the connection; the other side sees that."""
        self._drop_unsent()
        for file in self._files:
            os.close(file)
        self._files.clear()
        self._socket.close()
        _open.discard(self)


def wait_for(channels: Iterable[Channel], seconds: float) -> None:
    """Waits until one of the channels has something to read, or room for what it has to send."""
    if not hasattr(select, "poll"):
        channels = list(channels)
        select.select(channels, [c for c in channels if c.has_unsent], [], seconds)
        return
    poll = select.poll()
    for c in channels:
        poll.register(c, select.POLLIN | (select.POLLOUT if c.has_unsent else 0))
    poll.poll(1000 * seconds)


def _close_inherited() -> None:
    """A forked child that kept its parent's ends open would hide the parent's death from its siblings."""
    for channel in list(_open):
        channel._socket.close()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_inherited)

__all__ = ["CAN_SEND_FILES", "Channel", "wait_for"]
