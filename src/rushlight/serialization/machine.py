"""Reads a pickle without running it: the opcodes build containers, and everything else is asked of `World`.

Python's own unpickler imports and calls what a file names. This one has no opcode that does: a name is handed
to `World.find`, which answers from tables, and a call, an instance or a state to `World`, which knows the few
that are harmless. Extension codes, old-style instances and out-of-band buffers are refused.
"""

from __future__ import annotations

import struct
from typing import Any, Protocol

from .errors import EmptyFileError, LoadError
from .opcodes import ACTIONS, STOP

PIECE = 1 << 20  # long strings are read in pieces, so that a declared size alone takes no memory


class World(Protocol):
    """What a pickle may refer to."""

    def find(self, module: str, name: str) -> Any: ...
    def call(self, function: Any, arguments: tuple) -> Any: ...
    def instance(self, cls: Any, arguments: tuple, keywords: dict) -> Any: ...
    def build(self, obj: Any, state: Any) -> Any: ...
    def persistent(self, reference: Any) -> Any: ...
    def add(self, container: Any, items: Any, how: str) -> None: ...


class Machine:
    """One run over the pickle that `read` and `readline` give."""

    def __init__(self, file: Any, world: World, encoding: str = "utf-8", errors: str = "strict") -> None:
        self._read, self._readline = file.read, file.readline
        self.world, self.encoding, self.errors = world, encoding, errors
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []  # the stacks below each mark
        self.memo: dict[int, Any] = {}
        self.protocol = 0

    def run(self) -> Any:
        """The object in the pickle."""
        actions, read = ACTIONS, self._read
        first = read(1)
        if not first:
            raise EmptyFileError("ran out of input: the file ends where a pickle should begin")
        code = first[0]
        while code != STOP:
            action = actions[code]
            if action is None:
                raise LoadError(f"unknown pickle opcode {bytes([code])!r}")
            action(self)
            following = read(1)
            if not following:
                raise LoadError("the pickle is cut off: it has no end")
            code = following[0]
        if self.marks:
            raise LoadError("the pickle ends inside of a container")
        return self.pop()

    # ---- reading

    def take(self, n: int) -> bytes:
        """Exactly n bytes."""
        if n <= PIECE:
            data = self._read(n)
        else:
            pieces, missing = [], n
            while missing > 0:
                piece = self._read(min(missing, PIECE))
                if not piece:
                    break
                pieces.append(piece)
                missing -= len(piece)
            data = b"".join(pieces)
        if len(data) != n:
            raise LoadError(f"the pickle is cut off: {n} bytes are announced and {len(data)} are there")
        return data

    def number(self, form: struct.Struct) -> int:
        return form.unpack(self.take(form.size))[0]

    def line(self) -> bytes:
        data = self._readline()
        if data[-1:] != b"\n":
            raise LoadError("the pickle is cut off inside of a line")
        return data[:-1]

    # ---- the stack

    def pop(self) -> Any:
        if not self.stack:
            raise LoadError("the pickle takes more from its stack than there is")
        return self.stack.pop()

    def top(self) -> Any:
        if not self.stack:
            raise LoadError("the pickle takes more from its stack than there is")
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """Everything above the last mark."""
        if not self.marks:
            raise LoadError("the pickle closes a container that it has not opened")
        items, self.stack = self.stack, self.marks.pop()
        return items

    def pop_tuple(self, what: str) -> tuple:
        found = self.pop()
        if type(found) is not tuple:
            raise LoadError(f"{what} must be a tuple, not {type(found).__name__}")
        return found
