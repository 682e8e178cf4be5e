"""`assert_close`: are two results the same up to rounding, and if not, where do they differ?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..tensor.core import Tensor
from ..tensor.create import asarray
from ..tensor.dtype import dtype, promote_types

TOLERANCES = {  # rtol, atol
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex32": (1e-3, 1e-5), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip


class _Options:
    """How a comparison is made."""

    def __init__(self, **options: Any) -> None:
        self.__dict__.update(options)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Any = None,
) -> None:
    """Raises an AssertionError that tells where `actual` and `expected` differ by more than rounding.

    Both may be tensors, arrays, numbers, or sequences and mappings of them. The dtype gives the tolerances.
    """
    if (rtol is None) != (atol is None):
        raise ValueError(
            f"rtol and atol must both be specified or both be unspecified, but got rtol={rtol} and "
            f"atol={atol}"
        )
    options = _Options(
        rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=check_dtype, check_stride=check_stride,
        check_device=check_device, allow_subclasses=allow_subclasses,
    )  # fmt: skip
    problem = _compare(actual, expected, options, "")
    if problem is not None:
        raise AssertionError(problem if msg is None else msg(problem) if callable(msg) else msg)


def _compare(actual: Any, expected: Any, o: Any, place: str) -> str | None:
    """What is wrong, or None."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return _compare_mappings(actual, expected, o, place)
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{_at(place)}"
        return next(
            (
                p
                for i, (a, e) in enumerate(zip(actual, expected))
                if (p := _compare(a, e, o, f"{place}[{i}]"))
            ),
            None,
        )
    if actual is None or expected is None:
        return None if actual is expected else f"None mismatch: {actual} is not {expected}{_at(place)}"
    if isinstance(actual, bool) or isinstance(expected, bool):
        return None if actual is expected else f"Booleans mismatch: {actual} is not {expected}{_at(place)}"
    if isinstance(actual, (int, float, complex)) and isinstance(expected, (int, float, complex)):
        return _compare_numbers(actual, expected, o, place)
    return _compare_tensors(*_as_tensors(actual, expected, o), o, place)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, (str, bytes))


def _at(place: str) -> str:
    return f"\nThe failure occurred for item {place}" if place else ""


def _compare_mappings(actual: Any, expected: Any, o: Any, place: str) -> str | None:
    if set(actual) != set(expected):
        missing, extra = (
            sorted(set(expected) - set(actual), key=str),
            sorted(set(actual) - set(expected), key=str),
        )
        keys = f"Missing keys in the actual mapping: {missing}\nAdditional keys: {extra}"
        return f"The keys of the mappings do not match:\n{keys}{_at(place)}"
    return next((p for k in actual if (p := _compare(actual[k], expected[k], o, f"{place}[{k!r}]"))), None)


def _as_tensors(actual: Any, expected: Any, o: Any) -> tuple[Tensor, Tensor]:
    if type(actual) is not type(expected) and not (
        o.allow_subclasses and isinstance(actual, Tensor) and isinstance(expected, Tensor)
    ):
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}; "
            "convert one of them"
        )
    found = []
    for x in (actual, expected):
        if not isinstance(x, (Tensor, np.ndarray, int, float, complex)):
            raise TypeError(
                f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}"
            )
        found.append(x if isinstance(x, Tensor) else asarray(x))
    return found[0], found[1]


def _compare_numbers(actual: Any, expected: Any, o: Any, place: str) -> str | None:
    rtol, atol = _tolerances(
        o,
        *(
            "complex128" if isinstance(x, complex) else "float64" if isinstance(x, float) else "int64"
            for x in (actual, expected)
        ),
    )
    difference = abs(actual - expected)
    if (
        actual == expected
        or difference <= atol + rtol * abs(expected)
        or (o.equal_nan and actual != actual and expected != expected)
    ):
        return None
    return (
        f"Scalars are not {'equal' if rtol == atol == 0 else 'close'}!\n\nExpected {expected} but got "
        f"{actual}.\n"
        f"Absolute difference: {difference} (up to {atol} allowed)\n"
        f"Relative difference: {difference / abs(expected) if expected else float('inf')} (up to {rtol} "
        f"allowed){_at(place)}"
    )


def _tolerances(o: Any, *names: str) -> tuple[float, float]:
    if o.rtol is not None:
        return o.rtol, o.atol
    pairs = [TOLERANCES.get(n, (0.0, 0.0)) for n in names]
    return max(p[0] for p in pairs), max(p[1] for p in pairs)


def _compare_tensors(actual: Tensor, expected: Tensor, o: Any, place: str) -> str | None:
    if actual._a.shape != expected._a.shape:
        return (
            f"The values for attribute 'shape' do not match: {actual.shape} != {expected.shape}.{_at(place)}"
        )
    for name, wanted in (("dtype", o.check_dtype), ("device", o.check_device)):
        if wanted and getattr(actual, name) != getattr(expected, name):
            return _differs(name, getattr(actual, name), getattr(expected, name), place)
    if o.check_stride and actual.stride() != expected.stride():  # type: ignore[attr-defined]
        return _differs("stride()", actual.stride(), expected.stride(), place)  # type: ignore[attr-defined]
    if actual.is_meta or expected.is_meta:
        return None
    rtol, atol = _tolerances(o, actual.dtype.name, expected.dtype.name)
    common = actual.dtype if actual.dtype is expected.dtype else promote_types(actual.dtype, expected.dtype)
    return _compare_arrays(
        _wide(actual._a, common), _wide(expected._a, common), rtol, atol, o.equal_nan, place
    )


def _differs(attribute: str, actual: Any, expected: Any, place: str) -> str:
    return f"The values for attribute '{attribute}' do not match: {actual} != {expected}.{_at(place)}"


def _wide(array: np.ndarray, common: dtype) -> np.ndarray:
    """In a type in which differences are exact enough to be judged."""
    if common.is_complex:
        return array.astype(np.complex128)
    return array.astype(np.float64) if common.is_floating_point else array.astype(common.np)


def _compare_arrays(
    a: np.ndarray, e: np.ndarray, rtol: float, atol: float, equal_nan: bool, place: str
) -> str | None:
    with np.errstate(all="ignore"):
        if a.dtype.kind in "fc":
            difference = np.abs(a - e)
            close = (a == e) | (difference <= atol + rtol * np.abs(e)) & np.isfinite(e)
            if equal_nan:
                close |= np.isnan(a) & np.isnan(e)
        else:
            difference = np.where(a > e, a, e).astype(np.float64) - np.where(a > e, e, a).astype(np.float64)
            close = (
                (a == e) if rtol == atol == 0 else difference <= atol + rtol * np.abs(e.astype(np.float64))
            )
        if np.all(close):
            return None
        relative = difference / np.abs(np.where(e == 0, np.nan, e))
    return _mismatch(close, np.where(close, 0, difference), np.where(close, 0, relative), rtol, atol, place)


def _mismatch(
    close: np.ndarray, difference: np.ndarray, relative: np.ndarray, rtol: float, atol: float, place: str
) -> str:
    kind, wrong = ("equal" if rtol == atol == 0 else "close"), int((~close).sum())
    lines = [
        f"Tensor-likes are not {kind}!",
        "",
        f"Mismatched elements: {wrong} / {close.size} ({100 * wrong / close.size:.1f}%)",
    ]
    for what, values, limit in (
        ("absolute", difference, atol),
        ("relative", np.where(np.isnan(relative), np.inf, relative), rtol),
    ):
        worst = np.unravel_index(int(np.argmax(np.where(np.isnan(values), np.inf, values))), values.shape)
        where = f" at index {tuple(int(i) for i in worst)}" if values.ndim else ""
        allowed = f" (up to {limit} allowed)" if kind == "close" else ""
        lines.append(f"Greatest {what} difference: {float(values[worst])}{where}{allowed}")
    return "\n".join(lines) + _at(place)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older `assert_close`: types may differ."""
    actual, expected = (x if isinstance(x, Tensor) else asarray(x) for x in (actual, expected))
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=True,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )
