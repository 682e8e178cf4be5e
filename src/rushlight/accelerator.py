"""`rushlight.accelerator` where the CPU does all the work: who asks hears that there is none."""

from __future__ import annotations

from .absent import needs, refused
from .tensor.device import device


def is_available() -> bool:
    """Is there an accelerator?"""
    return False


def device_count() -> int:
    """The number of accelerators."""
    return 0


def current_accelerator(check_available: bool = False) -> device | None:
    """The device of the accelerator: None, as there is none."""
    return None


_REFUSED = """
    current_device_index current_device_idx set_device_index set_device_idx current_stream set_stream
    synchronize device_index empty_cache empty_host_cache get_memory_info get_device_capability
    memory_stats memory_allocated max_memory_allocated memory_reserved max_memory_reserved
    reset_peak_memory_stats reset_accumulated_memory_stats
"""
globals().update(refused(_REFUSED, "accelerator", needs("accelerator")))

__all__ = ["current_accelerator", "device_count", "is_available", *_REFUSED.split()]
