"""What machine this is: its processor and its memory."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

VECTOR_FEATURES = (
    "sse4_2",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx512",
    "avx_vnni",
    "amx",
    "asimd",
    "neon",
    "sve",
    "bf16",
)


def processor() -> str:
    """The name of the processor as its maker gives it."""
    named = cpuinfo("model name") or sysctl("machdep.cpu.brand_string") or platform.processor()
    return named or platform.machine()


def features() -> list[str]:
    """The processor's features that decide which kernels fit it."""
    flags = cpuinfo("flags") or cpuinfo("Features") or sysctl("machdep.cpu.features").lower()
    return sorted(flag for flag in set(flags.split()) if flag.startswith(VECTOR_FEATURES))


def cpuinfo(field: str) -> str:
    """A field of the first processor in Linux's list; empty elsewhere."""
    for line in read("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""


def sysctl(name: str) -> str:
    """What macOS knows under a name; empty elsewhere."""
    if platform.system() != "Darwin":
        return ""
    answer = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def memory() -> str | None:
    """The machine's memory."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return f"{size / 2**30:.1f} GiB"


def read(path: str) -> str:
    """The text of a file of the system, or nothing where there is none."""
    try:
        return Path(path).read_text(encoding="utf8", errors="replace")
    except OSError:
        return ""
