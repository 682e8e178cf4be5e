"""`rushlight.cuda` on a machine without CUDA: who asks whether it is there hears that it is not."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from ..absent import refused, without_effect, zero
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
globals().update(
    without_effect(_WITHOUT_EFFECT, "CUDA")
    | zero(_ZERO, "CUDA")
    | refused(_REFUSED, "CUDA", lambda name: _no_such_device(_device("cuda")))
)


class OutOfMemoryError(RuntimeError):
    """A device has no memory left. Never raised here; programs catch it."""


class AcceleratorError(RuntimeError):
    """A device failed. Never raised here; programs catch it."""


class StreamContext(nullcontext):
    """`with torch.cuda.stream(s):` where no stream is."""


stream = StreamContext


def memory_stats(device: Any = None) -> dict[str, Any]:
    """Figures about the memory of a device: none."""
    return {}


def get_arch_list() -> list[str]:
    """The kinds of devices that there is code for: none."""
    return []


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
