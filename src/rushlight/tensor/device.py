"""`device`, the name of where a tensor lives, and the default device of each thread."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from operator import index as as_index
from typing import Any

__all__ = ["device", "get_default_device", "set_default_device"]

# the types that PyTorch has names for, so that its programs and files can be read; few of them run here
_TYPES = (
    *("cpu", "cuda", "meta", "mps", "xpu", "hip", "xla", "hpu", "ipu", "mtia", "maia", "ve", "fpga", "lazy"),
    *("vulkan", "opengl", "opencl", "mkldnn", "ideep", "privateuseone"),
)
_TEXT = re.compile(r"([A-Za-z_]+)(?::(0|[1-9][0-9]*))?")
_LARGEST_INDEX = 127
_FORMS = "write 'cpu', 'cuda:1', ('cuda', 1), an index, or another device"


class device:
    """Where a tensor lives: a `type` such as 'cpu', 'cuda' or 'meta', and an `index` (None: the current one).

    As a `with` block it is the default device for what is made inside. It is hashable and never changes.
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __new__(cls, type: Any, index: Any = None) -> device:
        if index is None:
            if isinstance(type, device):
                return type
            if isinstance(type, str):
                return _from_text(type)
        return _from_parts(*_parts(type, index))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a device never changes, so its {name!r} cannot be set; make another device")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a device never changes, so its {name!r} cannot be deleted")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self is other or (self.type == other.type and self.index == other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type,) if self.index is None else (self.type, self.index)

    def __enter__(self) -> device:
        _defaults.stack.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        if len(_defaults.stack) == 1:
            raise RuntimeError("a device's __exit__ was called without its __enter__; write `with device:`")
        _defaults.stack.pop()


# -- making a device -----------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _from_text(text: str) -> device:
    return _from_parts(*_parse(text))


@lru_cache(maxsize=256)
def _from_parts(type: str, index: int | None) -> device:
    made = object.__new__(device)
    object.__setattr__(made, "type", type)
    object.__setattr__(made, "index", index)
    return made


def _parts(type: Any, index: Any) -> tuple[str, int | None]:
    """The type and index of a device given as (type, index), or as an index alone."""
    if isinstance(type, str):
        name, written = _parse(type)
        if written is not None:
            raise RuntimeError(f"device({type!r}, {index!r}) has two indices; leave out one of them")
        return name, _checked_index(index)
    if index is not None:
        raise TypeError(f"device(): beside an index, the type must be a str such as 'cuda', got {type!r}")
    return "cuda", _checked_index(type)


def _parse(text: str) -> tuple[str, int | None]:
    found = _TEXT.fullmatch(text)
    if not found:
        raise RuntimeError(f"device(): {text!r} is no device; {_FORMS} (an index is digits alone)")
    name, index = found.groups()
    if name not in _TYPES:
        raise RuntimeError(f"device(): no device type is called {name!r}; there are {', '.join(_TYPES)}")
    return name, None if index is None else _checked_index(int(index))


def _checked_index(index: Any) -> int:
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        raise TypeError(f"device(): expected an index or a device, got {index!r}; {_FORMS}")
    number = as_index(index)
    if not 0 <= number <= _LARGEST_INDEX:
        raise RuntimeError(f"device(): the index must be from 0 to {_LARGEST_INDEX}, got {number}")
    return number


# -- the default device --------------------------------------------------------------------------------------


class _Defaults(threading.local):
    """For each thread: its default device, and above it those of the `with` blocks that it is in."""

    def __init__(self) -> None:
        self.stack = [_CPU]


_CPU = device("cpu")
_defaults = _Defaults()


def get_default_device() -> device:
    """The device on which this thread makes a tensor when none is named."""
    return _defaults.stack[-1]


def set_default_device(device_: device | str | int | None) -> None:
    """Makes this thread's tensors on that device from now on; None means the CPU again.

    Inside a `with device:` block it holds until the block ends.
    """
    _defaults.stack[-1] = _CPU if device_ is None else device(device_)
