"""`rushlight.mps` on a machine without Metal: who asks whether it is there hears that it is not."""

from __future__ import annotations

from .absent import needs, refused, without_effect


def is_available() -> bool:
    """Is there a Metal device?"""
    return False


def device_count() -> int:
    """The number of Metal devices."""
    return 0


_REFUSED = """
    synchronize empty_cache seed get_rng_state set_rng_state current_allocated_memory
    driver_allocated_memory recommended_max_memory set_per_process_memory_fraction
"""
globals().update(refused(_REFUSED, "Metal", needs("mps")) | without_effect("manual_seed", "Metal"))

__all__ = ["device_count", "is_available", "manual_seed", *_REFUSED.split()]  # noqa: F822
