"""What a file asks for, without loading it."""

from __future__ import annotations

import pickletools
from typing import Any

from .errors import LoadError, NotAllowedError
from .names import RENAMED_MODULES
from .world import Loading
from .zip_reader import ZipReader

TEXT = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")
RECALLS, STORES = ("BINGET", "LONG_BINGET", "GET"), ("BINPUT", "LONG_BINPUT", "PUT")


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The names of classes and functions for which `load` of this file would need `add_safe_globals`."""
    if hasattr(f, "read"):
        pickled = _pickle_of(f)
    else:
        with open(f, "rb") as file:
            pickled = _pickle_of(file)
    rules = Loading(None)
    return [path for path, module, name in names_in(pickled) if not _is_known(rules, module, name)]


def _pickle_of(file: Any) -> bytes:
    if file.read(4) != b"PK\3\4":
        raise ValueError("get_unsafe_globals_in_checkpoint needs a file in the zip format")
    file.seek(0)
    return ZipReader(file).read("data.pkl")


def _is_known(rules: Loading, module: str, name: str) -> bool:
    try:
        rules.find(module, name)
    except NotAllowedError:
        return False
    return True


def names_in(pickled: bytes) -> list[tuple[str, str, str]]:
    """Each (path, module, name) that a pickle names, once."""
    found: dict[str, tuple[str, str, str]] = {}
    texts: list[str] = []  # the last texts on the stack: a name of protocol 4 is made of two
    memo: dict[int, str] = {}
    count = 0
    try:
        for code, argument, _ in pickletools.genops(pickled):
            if code.name in TEXT:
                texts.append(argument)
            elif code.name in RECALLS and argument in memo:
                texts.append(memo[argument])
            elif code.name in STORES or code.name == "MEMOIZE":
                if texts:
                    memo[count if code.name == "MEMOIZE" else argument] = texts[-1]
                count += 1
            elif code.name == "GLOBAL" or (code.name == "STACK_GLOBAL" and len(texts) > 1):
                module, name = argument.split(" ", 1) if argument else texts[-2:]
                module = RENAMED_MODULES.get(module, module)
                found[f"{module}.{name}"] = (f"{module}.{name}", module, name)
    except ValueError as error:
        raise LoadError(f"the pickle is damaged: {error}") from error
    return list(found.values())
