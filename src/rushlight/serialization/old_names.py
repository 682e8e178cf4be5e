"""Names of `torch.serialization` that programs seldom touch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tensor.legacy import TYPES
from ..tensor.memory import STORAGE_TYPES, TypedStorage, storage_name


class SourceChangeWarning(Warning):
    """Warned of when a class has changed since it was saved; sources are not compared here."""


@contextmanager
def mkdtemp() -> Iterator[str]:
    """A folder that is gone after the `with` block."""
    path = tempfile.mkdtemp()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def check_module_version_greater_or_equal(
    module: Any, req_version_tuple: tuple[int, ...], error_if_malformed: bool = True
) -> bool:
    """Is `module.__version__` at least this?"""
    try:
        there = tuple(
            kind(part) for kind, part in zip(map(type, req_version_tuple), module.__version__.split("."))
        )
    except (TypeError, ValueError) as error:
        if error_if_malformed:
            raise RuntimeError(
                f"'{module.__name__}' module version is malformed: {module.__version__}"
            ) from error
        return True
    return there >= req_version_tuple


def normalize_storage_type(storage_type: Any) -> Any:
    """The class of storages of that name."""
    return STORAGE_TYPES[storage_type.__name__]


def storage_to_tensor_type(storage: TypedStorage) -> Any:
    """The type of tensors that lie on such a storage."""
    return TYPES[storage_name(storage.dtype).replace("Storage", "Tensor")]


def validate_cuda_device(location: str) -> int:
    """Refuses: there are no CUDA devices."""
    raise RuntimeError(
        f"Attempting to deserialize object on a CUDA device ({location}) but there is none here. "
        "Please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
    )
