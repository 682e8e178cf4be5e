"""Where the storages of a file go: `map_location`, and the devices that know how to take one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor.core import META
from ..tensor.device import device
from ..tensor.memory import TypedStorage, UntypedStorage
from .errors import Passed

Restore = Callable[[Any, str], Any]
_devices: list[
    tuple[int, Callable[[Any], Any], Restore]
] = []  # by priority: who tags a storage, who takes one


class MetaStorage(UntypedStorage):
    """The storage of tensors without data."""

    __slots__ = ()
    device = META

    def nbytes(self) -> int:
        return 0


def register_package(priority: int, tagger: Callable[[Any], Any], deserializer: Restore) -> None:
    """Adds a kind of device: `tagger(storage)` gives its name for a storage of its own (or None), and
    `deserializer(storage, location)` gives the storage there (or None). Lower priorities are asked first.
    """
    _devices.append((priority, tagger, deserializer))
    _devices.sort(key=lambda entry: entry[0])


def location_tag(storage: Any) -> str:
    """The name of the place where a storage is, as files have it."""
    for _, tagger, _ in _devices:
        found = tagger(storage)
        if found:
            return found
    raise RuntimeError(f"don't know how to determine data location of {type(storage).__name__}")


def default_restore_location(storage: Any, location: str) -> Any:
    """The storage at the place of that name."""
    for _, _, restore in _devices:
        found = restore(storage, location)
        if found is not None:
            return found
    raise RuntimeError(
        f"don't know how to restore data location of a storage (tagged with {location!r:.100})"
    )


def restorer(map_location: Any) -> Restore:
    """What `map_location` means: a function of a storage and the name of its place."""
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, tag: default_restore_location(storage, str(map_location.get(tag, tag)))
    if isinstance(map_location, (str, bytes, device)):
        where = map_location.decode() if isinstance(map_location, bytes) else str(map_location)
        return lambda storage, tag: default_restore_location(storage, where)
    if not callable(map_location):
        raise TypeError(
            "map_location is a device, its name, a dict of names, or a function (storage, name) -> storage; "
            f"got {map_location!r:.100}"
        )

    def restore(storage: Any, tag: str) -> Any:
        try:
            found = map_location(storage, tag)
        except Exception as error:
            raise Passed(error) from error
        return default_restore_location(storage, tag) if found is None else found

    return restore


def wants_meta(map_location: Any) -> bool:
    """Are the data not wanted at all?"""
    return isinstance(map_location, (str, device)) and str(map_location).partition(":")[0] == "meta"


def _cpu(storage: Any, location: str) -> Any:
    return storage if location == "cpu" else None


def _meta(storage: Any, location: str) -> Any:
    if location != "meta":
        return None
    memory = MetaStorage(0)
    return (
        TypedStorage(wrap_storage=memory, dtype=storage.dtype)
        if isinstance(storage, TypedStorage)
        else memory
    )


def _elsewhere(storage: Any, location: str) -> Any:
    """A device of PyTorch's that is not here."""
    kind = str(location).partition(":")[0]
    if kind in ("cuda", "mps", "xpu", "hpu", "hip", "xla", "mtia", "privateuseone"):
        raise RuntimeError(
            f"Attempting to deserialize object on device {location!r}, but there is none here. "
            "Please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
        )
    return None


register_package(10, lambda storage: "meta" if storage.device is META else None, _meta)
register_package(20, lambda storage: "cpu" if storage.device.type == "cpu" else None, _cpu)
register_package(30, lambda storage: None, _elsewhere)
