"""The text of a tensor, to the character what PyTorch prints, made from a plain numpy array.

A tensor is printed in three steps: keep the corners when it is large, write every kept number (`_write`), lay
the cells out in rows and brackets (`_layout`). `tensor_to_string` adds what stands around the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from ..warned import warn

__all__ = ["array_to_string", "get_printoptions", "printoptions", "set_printoptions", "tensor_to_string"]


# -- options -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: float = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}
_options = _PROFILES["default"]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: float | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors print from now on; what is left out stays as it is.

    Two arguments work differently, as in PyTorch: `profile` ("default", "short" or "full") sets everything
    first, and `sci_mode` is set by every call: leaving it out means "decide for each tensor".
    """
    global _options
    asked = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given = {name: _checked(name, value) for name, value in asked.items() if value is not None}
    _options = replace(_profile_options(profile), **given, sci_mode=sci_mode)


def get_printoptions() -> dict[str, Any]:
    """The options in force, by name, as a dict that can be passed to `set_printoptions`."""
    return asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Prints with other options inside a `with` block; takes the arguments of `set_printoptions`."""
    global _options
    before = _options
    try:
        set_printoptions(**options)
        yield
    finally:
        _options = before


def _profile_options(profile: str | None) -> _Options:
    if profile is None:
        return _options
    if profile not in _PROFILES:
        known = ", ".join(map(repr, _PROFILES))
        warn(f"set_printoptions: ignored unknown profile {profile!r}; known: {known}")
    return _PROFILES.get(profile, _options)


def _checked(name: str, value: Any) -> Any:
    """Refuses at once what would fail, or print numbers twice, at the first tensor."""
    if name in ("threshold", "linewidth"):
        if not isinstance(value, Real) or math.isnan(value):
            raise TypeError(f"set_printoptions: {name} must be a number, got {value!r}")
        return value
    if not hasattr(value, "__index__"):
        raise TypeError(f"set_printoptions: {name} must be an integer, got {value!r}")
    if value < 0:
        raise ValueError(f"set_printoptions: {name} must not be negative, got {value!r}")
    return int(value)


# -- one number ----------------------------------------------------------------------------------------------


class _Cells(NamedTuple):
    """The numbers of a tensor in reading order: the padded texts, and the width a line counts for each."""

    texts: list[str]
    width: int


def _write(array: np.ndarray) -> _Cells:
    name = array.dtype.name
    if name.startswith(("bool", "int", "uint")):
        return _padded(list(map(str, array.ravel().tolist())))
    if name.startswith(("float", "bfloat")) and array.itemsize <= 8:
        return _write_floats(_floats(array))
    if name in ("complex64", "complex128"):
        return _write_complex(array)
    raise TypeError(f"cannot print numbers of numpy dtype {name}: no tensor holds them; convert them first")


def _floats(array: np.ndarray) -> list[float]:
    # the small floats of ml_dtypes are not numpy's own; float32 holds each of them exactly
    native = array if array.dtype.name in ("float16", "float32", "float64") else array.astype(np.float32)
    values: list[float] = native.ravel().tolist()
    return values


def _write_floats(values: list[float]) -> _Cells:
    texts, width = _float_texts(values)
    return _Cells([text.rjust(width) for text in texts], width)


def _write_complex(array: np.ndarray) -> _Cells:
    """Real parts line up; an imaginary part follows its real part directly, with its sign."""
    real = _write_floats(_floats(array.real))
    texts, width = _float_texts(_floats(array.imag))
    signed = (text if text[0] == "-" else "+" + text for text in texts)
    pairs = [f"{left}{right}j" for left, right in zip(real.texts, signed)]
    return _Cells(pairs, real.width + width + 1)


def _padded(texts: list[str]) -> _Cells:
    width = max(map(len, texts))
    return _Cells([text.rjust(width) for text in texts], width)


def _float_texts(values: list[float]) -> tuple[list[str], int]:
    """The text of each float, and the width of the widest one that counts: zero, inf and nan do not."""
    counted = [bool(value) and math.isfinite(value) for value in values]
    measured = [abs(value) for value, counts in zip(values, counted) if counts]
    texts = list(map(_float_style(measured), values))
    width = max((len(text) for text, counts in zip(texts, counted) if counts), default=1)
    return texts, width


def _float_style(magnitudes: list[float]) -> Callable[[float], str]:
    """How the floats of a tensor are written, decided by the sizes of the finite ones that are not zero."""
    precision = _options.precision
    if magnitudes and _scientific(magnitudes):
        return f"%.{precision}e".__mod__
    return _whole if all(map(float.is_integer, magnitudes)) else f"%.{precision}f".__mod__


def _scientific(magnitudes: list[float]) -> bool:
    if _options.sci_mode is not None:
        return _options.sci_mode
    low, high = min(magnitudes), max(magnitudes)
    return high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4


def _whole(value: float) -> str:
    return f"{value:.0f}." if math.isfinite(value) else str(value)


# -- rows and brackets ---------------------------------------------------------------------------------------


def array_to_string(array: np.ndarray, indent: int = 0) -> str:
    """The numbers of an array in their brackets; lines after the first begin `indent` further right."""
    if array.size == 0:
        return "[]"
    if array.ndim == 0:
        return _write(array).texts[0]
    cut = [array.size > _options.threshold and length > 2 * _options.edgeitems for length in array.shape]
    if any(cut) and _options.edgeitems == 0:
        return "[...]"
    kept = _corners(array, cut)
    cells = _write(kept)
    return _layout(iter(cells.texts), list(zip(kept.shape, cut)), cells.width, indent)


def _corners(array: np.ndarray, cut: Sequence[bool]) -> np.ndarray:
    """The part that is printed: the first and last items along every axis that is cut, the others whole."""
    if not any(cut):
        return array
    edge = _options.edgeitems
    ends = [[*range(edge), *range(n - edge, n)] if c else range(n) for n, c in zip(array.shape, cut)]
    return array[np.ix_(*ends)]


def _layout(texts: Iterator[str], axes: list[tuple[int, bool]], width: int, indent: int) -> str:
    """One block in brackets, its cells taken from `texts`; each axis is a length and whether it is cut."""
    (length, cut), inner = axes[0], axes[1:]
    if not inner:
        return _row(_with_dots(list(islice(texts, length)), cut, " ..."), width, indent)
    blocks = [_layout(texts, inner, width, indent + 1) for _ in range(length)]
    between = "," + "\n" * len(inner) + " " * (indent + 1)
    return "[" + between.join(_with_dots(blocks, cut, "...")) + "]"


def _with_dots(parts: list[str], cut: bool, dots: str) -> list[str]:
    if cut:
        parts.insert(_options.edgeitems, dots)
    return parts


def _row(cells: list[str], width: int, indent: int) -> str:
    fitting = (_options.linewidth - indent) / (width + 2)
    per_line = max(1, int(min(fitting, len(cells))))
    lines = (", ".join(cells[start : start + per_line]) for start in range(0, len(cells), per_line))
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


# -- the whole tensor ----------------------------------------------------------------------------------------


def tensor_to_string(
    array: np.ndarray | None,
    *,
    dtype_name: str,
    default_dtype_name: str,
    suffixes: Iterable[str] = (),
    prefix: str = "tensor(",
    device_suffix: str | None = None,
    shape: tuple[int, ...] | None = None,
) -> str:
    """The text of a tensor, such as `tensor([1., 2.], dtype=torch.float64, requires_grad=True)`.

    `dtype_name` and `default_dtype_name` are like "float32"; `device_suffix` is like "device='cuda:0'", and
    `suffixes` is what comes last, like ["grad_fn=<AddBackward0>"]. A tensor without data (device meta) is
    given as array=None with its `shape`.
    """
    dtype, default = dtype_name.removeprefix("torch."), default_dtype_name.removeprefix("torch.")
    numbers = "..." if array is None else array_to_string(array, len(prefix))
    size = _size_note(array, shape)
    unsaid = _said_by_the_numbers(default) if array is not None and array.size else (default,)
    notes = (device_suffix, size, None if dtype in unsaid else f"dtype=torch.{dtype}", *suffixes)
    return _with_notes(prefix + numbers, filter(None, notes), len(prefix)) + ")"


def _size_note(array: np.ndarray | None, shape: tuple[int, ...] | None) -> str | None:
    """`size=(0, 3)`, where the brackets do not show it."""
    if array is None:
        if shape is None:
            raise TypeError("tensor_to_string: a tensor without data needs its shape; pass shape=(2, 3), say")
        return f"size={tuple(shape)}"
    hidden = array.ndim != 1 if array.size == 0 else _options.edgeitems == 0
    return f"size={array.shape}" if hidden else None


def _said_by_the_numbers(default_dtype: str) -> tuple[str, ...]:
    """The dtypes that a reader takes for granted: `1.`, `1.+0.j`, `1` and `True` have one each."""
    return default_dtype, "complex128" if default_dtype == "float64" else "complex64", "int64", "bool"


def _with_notes(text: str, notes: Iterable[str], indent: int) -> str:
    """Appends the notes; one that would reach over the line width starts a line of its own."""
    column = len(text) - text.rfind("\n") + 1  # as PyTorch counts: two more than the last line has
    for note in notes:
        if column + len(note) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + note
            column = indent + len(note)
        else:
            text += ", " + note
            column += len(note) + 2
    return text
