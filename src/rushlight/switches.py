"""Settings of a whole program: threads, determinism, precision of matrix products, warnings."""

from __future__ import annotations

import warnings
from typing import Any

_state: dict[str, Any] = {
    "deterministic": False,
    "warn_only": False,
    "precision": "highest",
    "warn_always": False,
    "interop": None,
}


def get_num_threads() -> int:
    """How many threads a kernel uses."""
    from .runtime import pool

    return pool.get_num_threads()


def set_num_threads(number: int) -> None:
    """Lets kernels use this many threads."""
    from .runtime import pool

    pool.set_num_threads(_positive("set_num_threads", number))


def get_num_interop_threads() -> int:
    """How many operations may run at a time: one, because each uses all threads."""
    return _state["interop"] or 1


def set_num_interop_threads(number: int) -> None:
    """Accepted for the sake of programs that call it; operations run one after the other."""
    _state["interop"] = _positive("set_num_interop_threads", number)


def _positive(name: str, number: Any) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        raise RuntimeError(f"{name} expects a positive integer, got {number!r}")
    return number


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for the same numbers at every run. All operators here give them anyway."""
    _state["deterministic"], _state["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Has the program asked for determinism?"""
    return _state["deterministic"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Is what is not deterministic only to be warned of?"""
    return _state["warn_only"]


_MODES = ("default", "warn", "error")


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """ "default" (0), "warn" (1) or "error" (2): what happens at an operation that is not deterministic."""
    level = _MODES.index(debug_mode) if debug_mode in _MODES else debug_mode
    if level not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, 2 or one of {_MODES}, but got {debug_mode!r}"
        )
    use_deterministic_algorithms(level > 0, warn_only=level == 1)  # type: ignore[operator]


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: see `set_deterministic_debug_mode`."""
    return 0 if not _state["deterministic"] else 1 if _state["warn_only"] else 2


def set_float32_matmul_precision(precision: str) -> None:
    """How exact products of float32 matrices must be; here they always are as exact as float32 allows."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"{precision!r} is no precision; it is 'highest', 'high' or 'medium'")
    _state["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was given."""
    return _state["precision"]


def set_flush_denormal(mode: bool) -> bool:
    """Numbers near zero stay what they are: the answer is False, not supported."""
    return False


def set_warn_always(b: bool) -> None:
    """Whether warnings that are usually given once come every time."""
    _state["warn_always"] = bool(b)
    if b:
        warnings.filterwarnings("always", module="rushlight")


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was given."""
    return _state["warn_always"]


def compiled_with_cxx11_abi() -> bool:
    """There is no C++ in Rushlight, so it fits any of its conventions."""
    return True
