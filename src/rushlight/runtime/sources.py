"""Which source files a kernel's code depends on: its generator's, and those that these import."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import cache

from .cache import new_digest

PACKAGE = __package__.partition(".")[0]
GENERATING = tuple(f"{PACKAGE}.{part}." for part in ("kernels.llvm", "runtime", "random"))
_IMPORT = re.compile(rb"from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)")
_NAME = re.compile(rb"(\w+)(?: as \w+)?")


@cache
def source_hash(modules: tuple[str, ...]) -> str:
    """Changes when the text of one of these modules, or of what writes code for them, does."""
    digest = new_digest()
    for name in sorted(closure(modules)):
        digest.update(b"%s %s " % (name.encode(), _digest(name)))
    return digest.hexdigest()


def closure(modules: tuple[str, ...]) -> set[str]:
    """These modules, what those that generate code import, and what generates of the others' imports."""
    found, waiting = set(modules), list(modules)
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting += new
    return found


@cache
def _imported(name: str) -> frozenset[str]:
    everything = frozenset(_names_in(name))
    if name.startswith(GENERATING):
        return everything
    return frozenset(each for each in everything if each.startswith(GENERATING))


def _names_in(name: str) -> Iterator[str]:
    """The modules that the text of one imports; read, not run: nothing that generates is loaded for it."""
    path, text = _read(name)
    package = name.split(".") if path.endswith("__init__.py") else name.split(".")[:-1]
    for dots, relative, names in _IMPORT.findall(text):
        target = ".".join([*package[: len(package) + 1 - len(dots)], *relative.decode().split(".")])
        target = target.rstrip(".")
        file, found = _read(target)
        if found:
            yield target
        if not found or file.endswith("__init__.py"):  # some of what a package has are modules
            yield from (
                inner for part in _NAME.findall(names) if _read(inner := f"{target}.{part.decode()}")[1]
            )


@cache
def _digest(name: str) -> bytes:
    digest = new_digest()
    digest.update(_read(name)[1])
    return digest.digest()


@cache
def _read(name: str) -> tuple[str, bytes]:
    """The path and the text of a module; no text where there is none."""
    spec = sys.modules[PACKAGE].__spec__
    package, *parts = name.split(".")
    if spec is None or not spec.origin or package != PACKAGE:
        return "", b""
    path = os.path.join(os.path.dirname(spec.origin), *parts)
    for file in (f"{path}.py", os.path.join(path, "__init__.py")):
        try:
            return file, spec.loader.get_data(file)  # type: ignore[union-attr]
        except OSError:
            continue
    return path, b""
