"""What the environment asks of the runtime, read once: RUSHLIGHT_DEBUG, RUSHLIGHT_KERNELS, RUSHLIGHT_CACHE...

| variable | meaning |
|---|---|
| `RUSHLIGHT_DEBUG` | 1 shows each kernel that is compiled and how long it took, 2 also cache hits and the reasons for going without kernels, 3 also the IR |
| `RUSHLIGHT_KERNELS` | `auto` (default): kernels where they pay; `off`: numpy only; `force`: kernels wherever they can run |
| `RUSHLIGHT_CACHE` | folder of the compiled objects (default: the user's cache folder); `off` keeps them in memory |
| `RUSHLIGHT_CACHE_LIMIT` | size of that folder in MB (default 256) |
| `RUSHLIGHT_CPU` | `avx2`: generate for that instruction set although the CPU has more |
| `RUSHLIGHT_NUM_THREADS` | threads of the kernels (default `OMP_NUM_THREADS`, else the CPUs this process may use) |
"""

from __future__ import annotations

import os
import sys

MODES = ("off", "auto", "force")


def integer(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name}={text!r}: expected a whole number") from None


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    text = os.environ.get(name, "").strip().lower() or default
    if text not in options:
        raise ValueError(f"{name}={text!r}: expected one of {', '.join(options)}")
    return text


debug_level = integer("RUSHLIGHT_DEBUG", 0)
kernel_mode = choice("RUSHLIGHT_KERNELS", MODES, "auto")


def set_kernel_mode(mode: str) -> str:
    """Switch between `off`, `auto` and `force`; the mode before is returned."""
    global kernel_mode
    if mode not in MODES:
        raise ValueError(f"kernel mode {mode!r}: expected one of {', '.join(MODES)}")
    before, kernel_mode = kernel_mode, mode
    return before


def log(level: int, message: str) -> None:
    if debug_level >= level:
        print(f"rushlight: {message}", file=sys.stderr, flush=True)
