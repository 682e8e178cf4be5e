"""Native modules: IR made by a generator, compiled once, kept on disk, loaded into the process.

    code = native.module("pool", ("x86_64", 64), generate)
    run = code.function("rl_run", None, c_void_p)

The key of the disk cache is the generator's arguments and the text of the modules that it comes from and that
they import, so nothing is generated, and llvmlite is not imported, when the object is there.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping
from functools import lru_cache

from . import loader, session, settings, watch
from .cache import ObjectCache, default_folder, key_of
from .locks import fork_safe_lock
from .sources import source_hash

_lock = fork_safe_lock()
_loaded: dict[str, loader.Code] = {}
LIBRARY_NAMES = ("libm.so.6", "libm.so")


@lru_cache(maxsize=1)
def disk_cache() -> ObjectCache:
    return ObjectCache(default_folder(), settings.integer("RUSHLIGHT_CACHE_LIMIT", 256) << 20)


class _Symbols(dict):
    """Addresses by name: those given, else the C library's, the mathematical library's and Python's."""

    def __missing__(self, name: str) -> int:
        for library in _libraries():
            try:
                address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
            except AttributeError:
                continue
            self[name] = address
            return address
        raise KeyError(name)


@lru_cache(maxsize=1)
def _libraries() -> tuple:
    found = [ctypes.pythonapi, ctypes.CDLL(None)]
    for name in LIBRARY_NAMES:
        try:
            found.append(ctypes.CDLL(name))
            break
        except OSError:
            continue
    return tuple(found)


def module(
    name: str,
    arguments: tuple,
    generate: Callable[[], str],
    *,
    writers: tuple[str, ...] = (),
    symbols: Mapping[str, int] | None = None,
) -> loader.Code:
    """The loaded code of `generate()`, which is only called when neither memory nor disk has the object.

    `writers` are modules whose functions it calls although it does not import them.
    """
    machine = session.host()
    key = key_of(
        name, arguments, source_hash((generate.__module__, *writers)), machine.identity, session.versions()
    )
    with _lock:
        if key not in _loaded:
            code = _loaded[key] = _load_or_build(name, key, generate, _Symbols(symbols or {}))
            watch.names.update(dict.fromkeys(code.address.values(), name))
        return _loaded[key]


def _load_or_build(name: str, key: str, generate, symbols: _Symbols) -> loader.Code:
    answer = session.available()
    if not answer:
        raise session.Unavailable(answer.reason)
    started = time.perf_counter()
    data = disk_cache().get(key)
    if data is not None:
        try:
            code = loader.load(data, symbols)
        except loader.LoadError as error:
            settings.log(1, f"cached object of {name} does not load ({error}): compiling it again")
        else:
            settings.log(2, f"loaded {name} in {1e3 * (time.perf_counter() - started):.2f} ms")
            return code
    data = session.compile_object(name, generate())
    disk_cache().put(key, data)
    return loader.load(data, symbols)
