"""The element types, and PyTorch's rules for what an operation on several of them gives."""

from __future__ import annotations

from typing import Any

import numpy as np

BOOL, INTEGRAL, FLOATING, COMPLEX = range(4)  # the categories of promotion, weakest first


class dtype:
    """An element type, such as `rushlight.float32`."""

    __slots__ = (
        "category",
        "is_complex",
        "is_floating_point",
        "is_signed",
        "itemsize",
        "name",
        "np",
        "reduced",
    )

    def __init__(
        self, name: str, category: int, itemsize: int, *, signed: bool = True, reduced: bool = False
    ) -> None:
        self.name, self.category, self.itemsize = name, category, itemsize
        self.is_floating_point, self.is_complex, self.is_signed = (
            category == FLOATING,
            category == COMPLEX,
            signed,
        )
        self.reduced = reduced  # computed in float32, stored in fewer bits

    def __getattr__(self, name: str) -> Any:
        """`np`: the numpy dtype that holds the elements. bfloat16 and float8 come from ml_dtypes, on first
        use.
        """
        if name != "np":
            raise AttributeError(f"'torch.dtype' object has no attribute '{name}'")
        self.np = np.dtype(self.name) if self.name in np.sctypeDict else _from_ml_dtypes(self.name)
        _OF_NUMPY[self.np] = self
        return self.np

    @property
    def wide(self) -> dtype:
        """The type to compute in: this one, or a wider one where this only stores."""
        if not self.reduced:
            return self
        return complex64 if self.is_complex else float32

    def to_real(self) -> dtype:
        """The type of the real part."""
        return {complex64: float32, complex128: float64, complex32: float16}.get(self, self)

    def to_complex(self) -> dtype:
        """The complex type whose parts have this type."""
        return {float16: complex32, float32: complex64, float64: complex128}.get(self, self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple:
        return dtype_named, (self.name,)


def dtype_named(name: str) -> dtype:
    """The dtype called `name`."""
    return DTYPES[name]


def _from_ml_dtypes(name: str) -> np.dtype:
    try:
        import ml_dtypes
    except ImportError:
        raise ImportError(f"{name} tensors need the package ml_dtypes: pip install ml_dtypes") from None
    if not hasattr(ml_dtypes, name):
        raise TypeError(f"{name} has no counterpart in numpy or ml_dtypes, so tensors of it cannot be made")
    return np.dtype(getattr(ml_dtypes, name))


bool_ = dtype("bool", BOOL, 1, signed=False)
uint8 = dtype("uint8", INTEGRAL, 1, signed=False)
uint16 = dtype("uint16", INTEGRAL, 2, signed=False)
uint32 = dtype("uint32", INTEGRAL, 4, signed=False)
uint64 = dtype("uint64", INTEGRAL, 8, signed=False)
int8 = dtype("int8", INTEGRAL, 1)
int16 = dtype("int16", INTEGRAL, 2)
int32 = dtype("int32", INTEGRAL, 4)
int64 = dtype("int64", INTEGRAL, 8)
float16 = dtype("float16", FLOATING, 2, reduced=True)
bfloat16 = dtype("bfloat16", FLOATING, 2, reduced=True)
float32 = dtype("float32", FLOATING, 4)
float64 = dtype("float64", FLOATING, 8)
float8_e4m3fn = dtype("float8_e4m3fn", FLOATING, 1, reduced=True)
float8_e5m2 = dtype("float8_e5m2", FLOATING, 1, reduced=True)
float8_e4m3fnuz = dtype("float8_e4m3fnuz", FLOATING, 1, reduced=True)
float8_e5m2fnuz = dtype("float8_e5m2fnuz", FLOATING, 1, reduced=True)
complex32 = dtype("complex32", COMPLEX, 4, reduced=True)
complex64 = dtype("complex64", COMPLEX, 8)
complex128 = dtype("complex128", COMPLEX, 16)

WIDE_UNSIGNED = (uint16, uint32, uint64)  # storage types: PyTorch does not promote them
DTYPES: dict[str, dtype] = {d.name: d for d in list(globals().values()) if isinstance(d, dtype)}
ALIASES = {
    "half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64,
    "cfloat": complex64, "cdouble": complex128, "chalf": complex32,
}  # fmt: skip

_OF_NUMPY: dict[np.dtype, dtype] = {}
for _d in DTYPES.values():
    if _d.name in np.sctypeDict:
        _d.np  # noqa: B018  (registers it)


def of_numpy(np_dtype: Any) -> dtype:
    """The dtype of numpy's `np_dtype`; a TypeError that lists what is possible where there is none."""
    found = _OF_NUMPY.get(np_dtype)
    if found is not None:
        return found
    np_dtype = np.dtype(np_dtype)
    if not np_dtype.isnative:
        raise ValueError(
            f"the array has a foreign byte order ({np_dtype}); convert it: "
            "array.astype(array.dtype.newbyteorder('='))"
        )
    name = np_dtype.name
    if name not in DTYPES:
        raise TypeError(
            f"can't convert np.ndarray of type {np_dtype}. The only supported types are: "
            "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, "
            "uint16, uint8, and bool."
        )
    _OF_NUMPY[np_dtype] = DTYPES[name]
    return DTYPES[name]


class _Default:
    dtype = float32


def get_default_dtype() -> dtype:
    """The floating point type that Python floats become."""
    return _Default.dtype


def set_default_dtype(d: dtype) -> None:
    """Makes `d` the floating point type that Python floats become."""
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(
            f"only floating-point types are supported as the default type, got {d!r}; try rushlight.float64"
        )
    _Default.dtype = d


_FLOATS = (float16, bfloat16, float32, float64)
_CACHE: dict[tuple[dtype, dtype], dtype] = {}


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest type that both can become, by PyTorch's table."""
    if a is b:
        return a
    found = _CACHE.get((a, b))
    if found is None:
        found = _CACHE[a, b] = _CACHE[b, a] = _promote(a, b)
    return found


def _promote(a: dtype, b: dtype) -> dtype:
    if a.category < b.category:
        a, b = b, a
    if a.category != FLOATING and (a in WIDE_UNSIGNED or b in WIDE_UNSIGNED):
        raise RuntimeError(_unsupported("uint16, uint32, uint64 types", a, b, "int64"))
    if "float8" in a.name or "float8" in b.name:
        raise RuntimeError(_unsupported("Float8 Types", a, b, "float32"))
    if a.category == COMPLEX:
        if b.category == COMPLEX:
            return a if a.itemsize >= b.itemsize else b
        return complex128 if b is float64 else a
    if a.category == FLOATING:
        if b.category < FLOATING:
            return a
        if a.itemsize == b.itemsize:
            return float32  # float16 with bfloat16
        return a if a.itemsize > b.itemsize else b
    if b.category == BOOL:
        return a
    return _promote_integers(a, b)


def _promote_integers(a: dtype, b: dtype) -> dtype:
    if a.is_signed == b.is_signed:
        return a if a.itemsize >= b.itemsize else b
    signed = a if a.is_signed else b
    return signed if signed.itemsize > 1 else int16


def _unsupported(kind: str, a: dtype, b: dtype, remedy: str) -> str:
    return (
        f"Promotion for {kind} is not supported, attempted to promote {a.name} and {b.name}; "
        f"cast one of them first: x.to(torch.{remedy})"
    )


def of_scalar(value: Any) -> dtype:
    """The type that a Python number stands for."""
    if type(value) is bool:
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return _Default.dtype
    return _Default.dtype.to_complex()


def promote(tensors: list[tuple[dtype, int]], scalars: list[Any]) -> dtype:
    """The type of a result of operands `tensors` (dtype and number of dimensions) and Python `scalars`.

    Operands with dimensions decide; 0-d tensors and then Python numbers count only with a higher category.
    """
    levels: list[dtype | None] = [None, None, None]
    for d, ndim in tensors:
        k = 0 if ndim else 1
        levels[k] = d if levels[k] is None else promote_types(levels[k], d)  # type: ignore[arg-type]
    for s in scalars:
        d = of_scalar(s)
        levels[2] = d if levels[2] is None else promote_types(levels[2], d)
    result = levels[0]
    for weaker in levels[1:]:
        if weaker is None:
            continue
        if result is None:
            result = weaker
        elif weaker.category > result.category:
            result = _raise_category(result, weaker)
    return result  # type: ignore[return-value]


def _raise_category(strong: dtype, weak: dtype) -> dtype:
    """A stronger operand meets a weaker one of a higher category: the category wins, the width may stay."""
    if weak.category == COMPLEX and strong.category == FLOATING:
        return strong.to_complex() if strong is not bfloat16 else complex64
    return weak


def can_cast(source: dtype, target: dtype) -> bool:
    """May an in-place or `out=` result of type `source` be stored as `target`?"""
    if source.category > target.category:
        return False
    return not (source is not bool_ and target is bool_)
