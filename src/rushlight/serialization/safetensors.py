"""Files of the safetensors format, through the package of that name: tensors by name, and nothing else."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..runtime.memory import empty
from ..tensor.core import Tensor
from ..tensor.device import device as Device
from ..tensor.dtype import DTYPES, dtype
from ..tensor.layout import row_major
from ..tensor.memory import on_storage
from .atomic import replacing
from .errors import LoadError
from .storages import storage_on

NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "int32": "I32",
    "uint32": "U32", "int64": "I64", "uint64": "U64", "float16": "F16", "bfloat16": "BF16",
    "float32": "F32", "float64": "F64", "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip
DTYPE_OF = {theirs: DTYPES[ours] for ours, theirs in NAMES.items()}


def _library() -> Any:
    try:
        import safetensors
    except ImportError:
        raise ImportError("safetensors files need the package safetensors: pip install safetensors") from None
    return safetensors


def save(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The contents of a file with these tensors."""
    arrays = {name: _array(name, t) for name, t in tensors.items()}
    _library()
    from safetensors.numpy import save

    return save(arrays, metadata)


def save_file(
    tensors: dict[str, Tensor], filename: str | os.PathLike[str], metadata: dict[str, str] | None = None
) -> None:
    """Writes tensors to a file, which is replaced as a whole."""
    data = save(tensors, metadata)
    with replacing(filename) as file:
        file.write(data)


def load(data: bytes) -> dict[str, Tensor]:
    """The tensors in the contents of a file."""
    library = _library()
    try:
        return {name: _tensor(name, entry) for name, entry in library.deserialize(data)}
    except library.SafetensorError as error:
        raise LoadError(f"the file of safetensors is damaged: {error}") from error


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a file."""
    if Device(device).type != "cpu":
        raise RuntimeError(f"load_file(): tensors are on the CPU here, device={device!r} is not there")
    with open(filename, "rb") as file:
        data = file.read()
    try:
        return load(data)
    except LoadError as error:
        raise LoadError(f"load_file({os.fspath(filename)!r}): {error}") from error


def _array(name: str, t: Any) -> np.ndarray:
    if not isinstance(t, Tensor) or t.is_meta:
        raise ValueError(
            f"save_file(): {name!r} is a {type(t).__name__}; the values must be tensors with data"
        )
    if t.dtype.name not in NAMES:
        raise ValueError(f"save_file(): {name!r} is {t.dtype}; safetensors has {', '.join(NAMES)}")
    return t._a if t._a.flags.c_contiguous else t._a.copy()


def _tensor(name: str, entry: dict[str, Any]) -> Tensor:
    dt: dtype | None = DTYPE_OF.get(entry["dtype"])
    if dt is None:
        raise TypeError(f"tensor {name!r} of the file has the type {entry['dtype']}, which is not there")
    data = np.frombuffer(entry["data"], np.uint8)
    array = empty((data.size,), np.dtype(np.uint8))
    array[...] = data
    shape = tuple(entry["shape"])
    return on_storage(storage_on(array), dt, 0, shape, row_major(shape))
