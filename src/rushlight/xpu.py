"""`rushlight.xpu` on a machine without such a device: who asks whether it is there hears that it is not."""

from __future__ import annotations

from .absent import refused, without_effect, zero


def is_available() -> bool:
    """Is there such a device?"""
    return False


def is_initialized() -> bool:
    """Has it been started?"""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Does it know bfloat16?"""
    return False


def _error(name: str) -> Exception:
    return AssertionError(
        f"Torch not compiled with XPU enabled: xpu.{name}() has no device. Rushlight computes on the CPU"
    )


_WITHOUT_EFFECT = "manual_seed manual_seed_all seed seed_all empty_cache"
_ZERO = "device_count memory_allocated max_memory_allocated memory_reserved max_memory_reserved"
_REFUSED = """
    init current_device set_device synchronize get_device_name get_device_properties get_device_capability
    current_stream Event Stream mem_get_info initial_seed get_rng_state set_rng_state
"""
globals().update(
    without_effect(_WITHOUT_EFFECT, "XPU") | zero(_ZERO, "XPU") | refused(_REFUSED, "XPU", _error)
)

__all__ = [
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    *f"{_WITHOUT_EFFECT} {_ZERO} {_REFUSED}".split(),
]
