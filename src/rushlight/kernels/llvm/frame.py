"""The layouts generated code and Python share: descriptors, call frames, CPython's and numpy's objects."""

from __future__ import annotations

import ctypes
from functools import lru_cache

import numpy as np

from ...runtime.ir import Module
from ...runtime.session import Unavailable

MAX_OPERANDS = 16
SEGMENT = 8192  # elements whose results are summed before they are added to others
MAX_SCALARS = 16
MAX_DIMENSIONS = 64
BFLOAT16 = 1 << 20  # stands for the type number that ml_dtypes was given in this process
SHARES_BITS = 4  # work for the threads is cut into at least 16 pieces, so that they end together
BLOCK = 256  # elements that are gathered at once when an operand is strided
BLOCK_BYTES = BLOCK * 8

# -- a kernel's descriptor: an array of i64, constant in its module
DESC_BODY = 0
DESC_OUTPUTS = 8
DESC_OPERANDS = 16
DESC_SCALARS = 24
DESC_CHUNK = 32  # elements that one thread takes at a time
DESC_PARALLEL_FROM = 40  # elements from which on threads share the work
DESC_RELEASE_FROM = 48  # elements from which on the GIL is released
DESC_LANES = 56
DESC_STEP = 64  # lanes times unrolling
DESC_TYPES = 72  # per operand: numpy's type number
DESC_SIZES = DESC_TYPES + 8 * MAX_OPERANDS  # per operand: bytes of an element
DESC_SCALAR_KINDS = DESC_SIZES + 8 * MAX_OPERANDS  # per scalar: 0 float, 1 integer
DESC_SEGMENT = (
    DESC_SCALAR_KINDS + 8 * MAX_SCALARS
)  # row kernels: the function for a segment of the first pass
DESC_REDUCTIONS = DESC_SEGMENT + 8  # results of such a segment
DESC_KEPT = DESC_SEGMENT + 16  # bytes of scratch for each element of a row
DESC_SPACE = DESC_SEGMENT + 24  # the operand that has the shape of the whole
DESC_PER_ROW = DESC_SEGMENT + 32  # per operand: an output with one element a row
DESC_STREAM = (
    DESC_PER_ROW + 8 * MAX_OPERANDS
)  # element-wise kernels: the body that stores past the caches, or 0
DESC_GROUP = DESC_STREAM + 8  # row kernels: the function for a few short rows
DESC_WORDS = DESC_GROUP // 8 + 1

# -- a call's frame, on the caller's stack
FRAME_DESC = 0
FRAME_RANK = 8
FRAME_TOTAL = 16
FRAME_CHUNK = 24
FRAME_BODY = 32
FRAME_STREAM = 40  # whether the rows' results are stored past the caches
FRAME_SCALARS = 48
FRAME_DATA = FRAME_SCALARS + 8 * MAX_SCALARS
FRAME_DIMS = FRAME_DATA + 8 * MAX_OPERANDS
FRAME_STRIDES = FRAME_DIMS + 8 * MAX_DIMENSIONS  # [operand][dimension]
STRIDES_ROW = 8 * MAX_DIMENSIONS
FRAME_BYTES = FRAME_STRIDES + STRIDES_ROW * MAX_OPERANDS

# -- PyObject, PyArrayObject and PyArray_Descr, after the object header
HEADER = object.__basicsize__
OBJECT_TYPE = HEADER - 8
ARRAY_DATA = HEADER
ARRAY_RANK = HEADER + 8
ARRAY_DIMS = HEADER + 16
ARRAY_STRIDES = HEADER + 24
ARRAY_BASE = HEADER + 32
ARRAY_DESCR = HEADER + 40
ARRAY_FLAGS = HEADER + 48
DESCR_BYTE_ORDER = HEADER + 10
DESCR_TYPE_NUMBER = HEADER + 12
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400


def put_description(module: Module, words: dict[int, int], functions: dict[int, str]) -> None:
    """The constant `description` of a kernel's module, with the addresses of its functions."""
    numbers = [f"i64 {words.get(8 * k, 0)}" for k in range(DESC_WORDS)]
    for place, name in functions.items():
        numbers[place // 8] = f"i64 ptrtoint (ptr @{name} to i64)"
    module.variable("description", f"[{DESC_WORDS} x i64]", f"[{', '.join(numbers)}]", exported=True)


def type_number(dtype: str) -> int:
    """How a kernel names the type of an operand."""
    return BFLOAT16 if dtype == "bfloat16" else np.dtype(dtype).num


@lru_cache(maxsize=1)
def check_layouts() -> None:
    """Raise `Unavailable` unless arrays lie in memory as generated code expects them to."""
    probe = np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::2]
    if _seen(probe) != _expected(probe) or _seen(probe.T) != _expected(probe.T):
        raise Unavailable(f"numpy {np.__version__} keeps its arrays in a layout that kernels do not know")


def _expected(array: np.ndarray) -> tuple:
    return array.ctypes.data, array.ndim, array.shape, array.strides, array.dtype.num, id(type(array))


def _seen(array: np.ndarray) -> tuple:
    at = id(array)
    rank = ctypes.c_int.from_address(at + ARRAY_RANK).value
    words = ctypes.c_int64 * array.ndim
    dims = words.from_address(ctypes.c_uint64.from_address(at + ARRAY_DIMS).value)
    strides = words.from_address(ctypes.c_uint64.from_address(at + ARRAY_STRIDES).value)
    descr = ctypes.c_uint64.from_address(at + ARRAY_DESCR).value
    return (
        ctypes.c_uint64.from_address(at + ARRAY_DATA).value,
        rank,
        tuple(dims),
        tuple(strides),
        ctypes.c_int.from_address(descr + DESCR_TYPE_NUMBER).value,
        ctypes.c_uint64.from_address(at + OBJECT_TYPE).value,
    )
