"""The facts about this installation and machine. No package is imported to learn its version."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rushlight.cli import machine
from rushlight.version import __version__

PACKAGES = ("numpy", "llvmlite", "ml_dtypes", "torch")


def environment() -> dict[str, dict[str, Any]]:
    """Everything a bug report needs, by part."""
    return {
        "versions": versions(),
        "machine": {
            "system": platform.platform(),
            "processor": machine.processor(),
            "features": machine.features(),
            "cores": os.cpu_count(),
            "memory": machine.memory(),
        },
        "kernels": kernels(),
        "settings": settings(),
    }


def versions() -> dict[str, Any]:
    """Rushlight, Python and the packages that matter, or 'not installed'."""
    python = f"{platform.python_version()} ({platform.python_implementation()}, {platform.machine()})"
    installed = {name: installed_version(name) for name in PACKAGES}
    return {"rushlight": __version__, "from": place(Path(__file__).parents[1]), "python": python, **installed}


def installed_version(package: str) -> str:
    """The version of a package, without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def kernels() -> dict[str, Any]:
    """Whether native kernels run here, or why not; their threads, and the folder of the compiled ones."""
    try:
        from rushlight.runtime import cache, pool, session, settings
    except Exception as problem:
        return {"native": f"no: the runtime does not load ({type(problem).__name__}: {problem})"}
    return {
        "native": told(lambda: "yes" if session.available() else f"no: {session.available().reason}"),
        "mode": told(lambda: settings.kernel_mode),
        "instructions": told(lambda: session.host().level),
        "threads": told(pool.get_num_threads),
        "usable cores": told(lambda: len(pool.cpus_allowed())),
        "container limit": told(lambda: f"{pool.container_limit():g} cores".replace("inf cores", "none")),
        "cache": told(lambda: place(Path(cache.default_folder() or "off"))),
        "cache size": told(lambda: human(folder_size(Path(cache.default_folder() or "off")))),
    }


def told(fact: Callable[[], Any]) -> Any:
    """A fact, or in words why it cannot be told: a report must come out of a broken set-up too."""
    try:
        return fact()
    except Exception as problem:
        return f"unknown ({type(problem).__name__}: {problem})"


def settings() -> dict[str, Any]:
    """The environment variables that change what Rushlight does."""
    names = sorted(name for name in os.environ if name.startswith("RUSHLIGHT_"))
    threads = [name for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if name in os.environ]
    found: dict[str, Any] = {name: os.environ[name] for name in names + threads}
    return found or {"environment": "no RUSHLIGHT_* variable is set"}


def place(path: Path) -> str:
    """A path without the name of whose home it is in: a report is shown to others."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def folder_size(folder: Path) -> int:
    """The bytes in a folder's files; 0 where there is no such folder."""
    return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())


def human(size: float) -> str:
    """A number of bytes as people say it."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
