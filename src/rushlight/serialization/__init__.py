"""Saving and loading, in PyTorch's formats; see the guide "Files"."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .api import load, save
from .errors import EmptyFileError, LoadError, NotAllowedError
from .legacy import MAGIC_NUMBER, PROTOCOL_VERSION
from .locations import default_restore_location, location_tag, register_package
from .settings import (
    DEFAULT_PROTOCOL,
    LoadEndianness,
    get_crc32_options,
    get_default_load_endianness,
    get_default_mmap_options,
    set_crc32_options,
    set_default_load_endianness,
    set_default_mmap_options,
)

_LATER = {
    "safetensors": "safetensors",
    "get_unsafe_globals_in_checkpoint": "inspection",
    "normalize_storage_type": "old_names",
    "storage_to_tensor_type": "old_names",
    "check_module_version_greater_or_equal": "old_names",
    "validate_cuda_device": "old_names",
    "mkdtemp": "old_names",
    "SourceChangeWarning": "old_names",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'rushlight.serialization' has no attribute '{name}'")
    module = import_module(f"{__name__}.{_LATER[name]}")
    return module if name == _LATER[name] else getattr(module, name)


__all__ = [
    *("save", "load"),
    *("add_safe_globals", "clear_safe_globals", "get_safe_globals", "safe_globals"),
    *("EmptyFileError", "LoadError", "NotAllowedError"),
    *("DEFAULT_PROTOCOL", "MAGIC_NUMBER", "PROTOCOL_VERSION"),
    *("LoadEndianness", "get_default_load_endianness", "set_default_load_endianness"),
    *("get_crc32_options", "set_crc32_options", "get_default_mmap_options", "set_default_mmap_options"),
    *("default_restore_location", "location_tag", "register_package"),
    *sorted(_LATER),
]
