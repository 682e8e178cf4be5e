"""`rushlight.cuda` on a machine without CUDA: who asks whether it is there hears that it is not."""

from __future__ import annotations

from typing import Any

from ..tensor.device import device as _device
from ..tensor.legacy import CUDA_TYPES as _TYPES
from ..tensor.options import no_such_device as _no_such_device

globals().update(_TYPES)


def is_available() -> bool:
    """Is there a CUDA device?"""
    return False


def device_count() -> int:
    """The number of CUDA devices."""
    return 0


def is_initialized() -> bool:
    """Has CUDA been started?"""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Does the CUDA device know bfloat16?"""
    return False


def _nothing(name: str) -> Any:
    """A function that has nothing to do where no device is: programs call it whether or not there is one."""

    def call(*args: Any, **kwargs: Any) -> None:
        return None

    call.__name__, call.__doc__ = name, "Does nothing: there is no CUDA device."
    return call


def _zero(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> int:
        return 0

    call.__name__, call.__doc__ = name, "Zero: there is no CUDA device that could hold memory."
    return call


def _refused(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise _no_such_device(_device("cuda"))

    call.__name__, call.__doc__ = name, "Refused: there is no CUDA device."
    return call


_WITHOUT_EFFECT = """
    manual_seed manual_seed_all seed seed_all empty_cache ipc_collect reset_peak_memory_stats
"""
_ZERO = """
    memory_allocated max_memory_allocated memory_reserved max_memory_reserved memory_cached
    max_memory_cached
"""
_REFUSED = """
    init current_device set_device synchronize get_device_name get_device_properties
    get_device_capability current_stream default_stream Event Stream mem_get_info initial_seed
    get_rng_state set_rng_state
"""
for _names, _kind in ((_WITHOUT_EFFECT, _nothing), (_ZERO, _zero), (_REFUSED, _refused)):
    globals().update({name: _kind(name) for name in _names.split()})


def get_rng_state_all() -> list[Any]:
    """The states of the generators of all devices: none."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Sets the states of the generators of all devices, of which there are none."""
    if new_states:
        raise _no_such_device(_device("cuda"))


class device:
    """`with torch.cuda.device(i):` without a device: None and -1 mean none, anything else is refused."""

    def __init__(self, device: Any) -> None:
        if device is not None and device != -1:
            raise _no_such_device(_device(device))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def __getattr__(name: str) -> Any:
    if name == "amp":
        from importlib import import_module

        return import_module("rushlight.cuda.amp")
    raise AttributeError(
        f"module 'rushlight.cuda' has no attribute '{name}': there is no CUDA device (is_available() is "
        "False)"
    )
