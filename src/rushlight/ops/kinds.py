"""What kind of numbers a body is given: settled before it runs, so a branch on it can be traced."""

from __future__ import annotations

from typing import Any

KINDS = {"b": "bool", "i": "integral", "u": "integral", "f": "float", "c": "complex"}
CATEGORY = ("bool", "integral", "float", "complex")


def kind_of(*operands: Any) -> str:
    """What the first operand with a dtype holds: "bool", "integral", "float" or "complex"."""
    for x in operands:
        dtype = getattr(x, "dtype", None)
        if dtype is not None:
            break
    else:
        return "complex" if any(isinstance(x, complex) for x in operands) else "float"
    if isinstance(dtype, str):  # a symbol
        return KINDS.get(dtype[0], "float")
    category = getattr(dtype, "category", None)
    return KINDS.get(dtype.kind, "float") if category is None else CATEGORY[category]


def is_integral(*operands: Any) -> bool:
    """Are these integers or bools?"""
    return kind_of(*operands) in ("integral", "bool")


def is_unsigned(x: Any) -> bool:
    """Are these integers that cannot be negative?"""
    dtype = x.dtype
    return not dtype.is_signed if hasattr(dtype, "is_signed") else str(dtype).startswith("uint")


def is_complex(*operands: Any) -> bool:
    """Are these complex numbers?"""
    return kind_of(*operands) == "complex"


def is_bool(*operands: Any) -> bool:
    """Are these truth values?"""
    return kind_of(*operands) == "bool"


def strong(x: Any, like: Any) -> Any:
    """`x`; of a Python number, an array in the dtype of `like`, so that functions of it keep that dtype."""
    return x if hasattr(x, "dtype") else like * 0 + x
