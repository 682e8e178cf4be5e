"""Memory that tensors share, and what keeps a recorded graph safe from edits in place.

A tensor that nobody shares memory with has no Storage. It gets one with its first view (or `detach`, or
`numpy()`); from then on the Storage knows every tensor that looks at its memory, so that all of them can move
to a new buffer together when a graph needs the old values.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lang.movement import address, root

if TYPE_CHECKING:
    from .core import Tensor


class Lease:
    """Held by graph nodes that have saved an array: while one lives, that memory must keep its values."""

    __slots__ = ("spoiled_by",)

    def __init__(self) -> None:
        self.spoiled_by: str | None = None  # what wrote to memory that could not be moved


class Storage:
    """Memory shared by several tensors, or with somebody outside."""

    __slots__ = (
        "__weakref__",
        "_lease",
        "_members",
        "_prune_at",
        "_unknown_holders",
        "owner",
        "pinned",
        "version",
    )

    def __init__(self, first: Tensor, pinned: bool = False) -> None:
        # a graph may have saved the array before there was a Storage to ask; asked before `owner` holds it
        self._unknown_holders = not pinned and is_held(first)
        self.owner: np.ndarray = root(first._a)
        self.version: int = first.__dict__.get("_edits", 0)
        self.pinned = pinned  # somebody outside sees this memory, so it must stay where it is
        self._lease = Lease()
        self._members = [weakref.ref(first)]
        self._prune_at = 32

    def add(self, tensor: Tensor) -> None:
        members = self._members
        members.append(weakref.ref(tensor))
        if len(members) > self._prune_at:
            self.prune()

    def remove(self, tensor: Tensor) -> None:
        """Forgets a tensor that has got other memory."""
        self._members = [r for r in self._members if r() is not tensor]

    def prune(self) -> None:
        """Forgets the tensors that are gone."""
        self._members = [r for r in self._members if r() is not None]
        self._prune_at = 2 * len(self._members) + 32

    def members(self) -> list[Tensor]:
        """The living tensors on this memory."""
        return [t for t in (r() for r in self._members) if t is not None]

    def lease(self) -> Lease:
        """What a node holds for as long as it needs the present values."""
        return self._lease

    def about_to_change(self, operation: str) -> None:
        """Called before a write: a graph that has saved from this memory keeps the old values."""
        self.version += 1
        leased = sys.getrefcount(self._lease) > ALONE
        if not leased and not self._unknown_holders:
            return
        if not self.pinned:
            self.move()
        elif leased:
            self._lease.spoiled_by = operation
        self._lease = Lease()

    def pin(self) -> None:
        """Called before somebody outside gets to see this memory: from now on it stays where it is."""
        if self._unknown_holders:
            self.move()
        self.pinned = True

    def move(self) -> None:
        """Gives all tensors on this memory a new buffer with the same contents."""
        old = self.owner
        new = np.empty_like(old, subok=False) if old.flags.owndata else old.copy(order="K")
        new[...] = old
        start, memory = address(old), new.ravel("K").view(np.uint8)
        for t in self.members():
            a = t._a
            if a.size:  # an array without elements has no memory to move
                t._a = np.ndarray(a.shape, a.dtype, memory, address(a) - start, a.strides)
        self.owner, self._unknown_holders = new, False


def storage_of(t: Tensor) -> Storage:
    """The Storage of `t`, made now if it has none."""
    storage = t._s
    if storage is None:
        storage = t._s = Storage(t)
    return storage


def settle(t: Tensor) -> None:
    """Does without the Storage of `t` again, if nobody shares memory with it any more."""
    storage: Any = t._s
    if storage.pinned or storage._unknown_holders or sys.getrefcount(storage._lease) > ALONE:
        return
    # a view keeps its base alive, so that both are members as long as there is the view
    if sys.getrefcount(storage) <= SHARED and all(member is t for member in storage.members()):
        t.__dict__["_edits"] = storage.version
        t._s = None


def is_held(t: Tensor) -> bool:
    """Does anything but the tensor itself (a graph node that has saved it) hold its array?

    References are counted, as CPython does; what the count is for an array that is held once is measured
    below.
    """
    return sys.getrefcount(t._a) > ALONE


class _Probe:
    __slots__ = ("_a",)


def _count_alone() -> int:
    probe = _Probe()
    probe._a = np.empty(1)
    return sys.getrefcount(probe._a)


def _count_local() -> int:
    """The same for what a slot and a local variable hold."""
    probe = _Probe()
    probe._a = held = np.empty(1)
    return sys.getrefcount(held)


ALONE = _count_alone()
SHARED = _count_local()
