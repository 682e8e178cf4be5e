"""What the environment asks of the runtime, read once: RUSHLIGHT_DEBUG, RUSHLIGHT_KERNELS, RUSHLIGHT_CACHE...

| variable | meaning |
|---|---|
| `RUSHLIGHT_DEBUG` | 1: compilations and their times, 2: also what comes from the cache and why numpy does |
| | the work, 3: also the IR of what is compiled, 4: also each call of a kernel and its time |
| `RUSHLIGHT_KERNELS` | `auto` (default): where they pay; `off`: numpy only; `force`: all that can run |
| `RUSHLIGHT_CACHE` | folder of compiled objects (default: the user's cache folder); `off`: in memory |
| `RUSHLIGHT_CACHE_LIMIT` | size of that folder in MB (default 256) |
| `RUSHLIGHT_CPU` | `avx2`: generate for that instruction set although the CPU has more |
| `RUSHLIGHT_NUM_THREADS` | threads of kernels (default `OMP_NUM_THREADS`, else one a CPU) |

One variable is set here, unless it is: threads of OpenBLAS wait busily for 30 ms after each product, on cores
that kernels want meanwhile. OpenBLAS reads `OPENBLAS_THREAD_TIMEOUT` when numpy is imported; with 14 its
threads sleep after some microseconds.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")

MODES = ("off", "auto", "force")
# below this, numpy needs less than 5 microseconds and compiling would not come back
COMPILE_FROM_ELEMENTS = 4096
_KERNELS_FROM = {"off": sys.maxsize, "auto": COMPILE_FROM_ELEMENTS, "force": 0}


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
kernels_from = _KERNELS_FROM[kernel_mode]  # elements from which on a generated kernel is used
formulas_from = 1 if kernel_mode != "off" else kernels_from  # the same where numpy needs several calls


when_changed: list = []  # called after the mode has changed: who keeps kernels looks again


def set_kernel_mode(mode: str) -> str:
    """Switch between `off`, `auto` and `force`; the mode before is returned."""
    global kernel_mode, kernels_from, formulas_from
    if mode not in MODES:
        raise ValueError(f"kernel mode {mode!r}: expected one of {', '.join(MODES)}")
    before, kernel_mode = kernel_mode, mode
    kernels_from = _KERNELS_FROM[mode]
    formulas_from = 1 if mode != "off" else kernels_from
    for forget in when_changed:
        forget()
    return before


def log(level: int, message: str) -> None:
    if debug_level >= level:
        print(f"rushlight: {message}", file=sys.stderr, flush=True)
