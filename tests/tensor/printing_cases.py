"""Arrays and options whose text PyTorch recorded, for the tests of printing where PyTorch is not installed.

`python tests/tensor/printing_cases.py` records the texts again (it needs PyTorch).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

RECORDED = Path(__file__).with_name("printed_by_torch.txt")
MARK = "=== "
INF, NAN = float("inf"), float("nan")


class Case(NamedTuple):
    """What is printed, with which options, beside which default dtype, and whether it needs a gradient."""

    array: np.ndarray
    options: Mapping[str, Any] = MappingProxyType({})
    default: str = "float32"
    grad: bool = False


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def steps(*shape: int, dtype: Any = np.float32, divisor: float = 1) -> np.ndarray:
    """0, 1, 2, ... divided by a number, in a shape."""
    return (np.arange(np.prod(shape, dtype=int)) / divisor).astype(dtype).reshape(shape)


FLOATS = {
    "scalar": Case(np.array(3.14159, np.float32)),
    "minus zero": Case(np.array(-0.0, np.float32)),
    "whole numbers": Case(f32(1, -2, 300)),
    "fractions": Case(f32(1, -2.5, 300)),
    "zeros": Case(f32(0, -0.0, 0)),
    "zeros are narrow": Case(np.zeros(45)),
    "whole ratio of 1000": Case(f32(1, 1000)),
    "whole ratio above 1000": Case(f32(1, 1001)),
    "fraction ratio of 1000": Case(f32(1.5, 1500)),
    "fraction ratio above 1000": Case(f32(1.5, 1501)),
    "ratio just above 1000 in double alone": Case(f32(4643.98681640625, 4.643986701965332)),
    "half ratio just above 1000": Case(np.array([5876.0, 5.875], np.float16)),
    "at 1e8": Case(f32(1e8)),
    "just above 1e8": Case(f32(100000008)),
    "float32 below 1e-4": Case(f32(1e-4)),
    "float64 at 1e-4": Case(np.array([1e-4])),
    "small beside zero": Case(f32(0, 1e-5)),
    "smallest float32": Case(f32(1e-45)),
    "smallest float64": Case(np.array([5e-324])),
    "whole range of float64": Case(np.array([1.7e308, -5e-324, 1])),
    "exponents of other widths": Case(np.array([1e-300, 1])),
    "nan and whole": Case(f32(NAN, 1)),
    "nan and fraction": Case(f32(NAN, 1.5, -INF, INF)),
    "inf beside zeros": Case(f32(-INF, 0, 0)),
    "nan alone": Case(np.array(NAN, np.float64)),
    "inf beside exponents": Case(f32(-INF, 1, 1e5)),
    "half": Case(np.array([0.1, 65504, -2], np.float16)),
    "large whole float64": Case(np.array([123456789.5, 3])),
    "long fixed": Case(np.array([12345678.5])),
}
INTEGERS = {
    "integer scalar": Case(np.array(3)),
    "negative integers": Case(np.array([1, -100, 1000])),
    "large integers": Case(np.array([2**62, -1, -(2**63)])),
    "uint64": Case(np.array([2**64 - 1, 0], np.uint64)),
    "uint8": Case(np.array([1, 255], np.uint8)),
    "int8": Case(np.array([-128, 3], np.int8)),
    "int16": Case(steps(2, 3, dtype=np.int16)),
    "int32 wraps": Case(steps(60, dtype=np.int32)),
    "bool": Case(np.array([[True, False], [True, True]])),
    "all true": Case(np.ones(20, bool)),
    "true": Case(np.array(True)),
}
COMPLEX = {
    "complex scalar": Case(np.array(1 + 2j, np.complex64)),
    "complex parts differ": Case(np.array([1 + 2.5j, -3 - 1j], np.complex64)),
    "complex imaginary is not padded": Case(np.array([1 + 2.5j, 1 + 200j, 1 - 30j], np.complex64)),
    "complex exponents in one part": Case(np.array([1 + 2.5e-7j, -3 - 1j])),
    "complex nan": Case(
        np.array([complex(NAN, NAN), 1.5, complex(0, -INF), complex(-0.0, -0.0)], np.complex64)
    ),
    "complex wraps": Case(steps(30, dtype=np.complex64, divisor=7) * np.complex64(1 - 2j)),
    "complex width on a line": Case(np.full(15, 1 + 2j)),
    "complex summarised": Case(np.zeros((40, 40), np.complex64)),
}
SHAPES = {
    "matrix wraps": Case(steps(2, 15, divisor=7)),
    "three axes": Case(steps(2, 2, 3)),
    "five axes": Case(steps(2, 1, 2, 1, 2, divisor=3)),
    "summarised row": Case(steps(1001)),
    "not yet summarised": Case(steps(1, 1000, dtype=np.int64)),
    "nothing between the edges": Case(steps(2, 6), {"threshold": 5}),
    "summarised matrix": Case(steps(2, 600, dtype=np.int64)),
    "summarised three axes": Case(steps(1, 1000, 3)),
    "summarised four axes": Case(steps(3, 3, 3, 3, dtype=np.int64), {"threshold": 5, "edgeitems": 1}),
    "transposed": Case(steps(3, 40).T, {"threshold": 50}),
    "empty": Case(np.zeros(0, np.float32)),
    "empty matrix": Case(np.zeros((0, 3), np.float32)),
    "empty integers": Case(np.zeros((2, 0), np.int64)),
    "empty bool": Case(np.zeros(0, bool)),
    "empty complex": Case(np.zeros(0, np.complex64)),
    "empty with gradient": Case(np.zeros((2, 0)), grad=True),
}
OPTIONS = {
    "precision 0": Case(f32(1.25, 300), {"precision": 0}),
    "precision 10": Case(f32(3.14159), {"precision": 10}),
    "precision and complex": Case(np.array([2.5 + 1j]), {"precision": 1}),
    "scientific": Case(f32(1, 2), {"sci_mode": True}),
    "scientific zero": Case(f32(0, NAN), {"sci_mode": True}),
    "never scientific": Case(f32(1.25, 3e9, -1e-9), {"sci_mode": False}),
    "never scientific and whole": Case(f32(1e20, 1, NAN), {"sci_mode": False}),
    "short": Case(steps(40, 40, divisor=3), {"profile": "short"}),
    "full": Case(steps(1, 1005, dtype=np.uint8), {"profile": "full"}),
    "narrow": Case(steps(2, 5, divisor=3), {"linewidth": 10}, grad=True),
    "narrower than a number": Case(steps(3), {"linewidth": 0}),
    "wide": Case(steps(2, 40, divisor=7), {"linewidth": 200}),
    "edgeitems 0": Case(steps(8), {"threshold": 3, "edgeitems": 0}),
    "edgeitems 0, all shown": Case(steps(3), {"threshold": 3, "edgeitems": 0}),
}
AROUND = {
    "float64": Case(steps(2, dtype=np.float64)),
    "gradient after dtype": Case(steps(2, dtype=np.float64), grad=True),
    "dtype reaches the line width": Case(np.full(1, 1.5), {"linewidth": 38}),
    "dtype reaches over the line width": Case(np.full(1, 1.5), {"linewidth": 37}),
    "dtype on its own line": Case(np.full(7, 1.5)),
    "dtype just fits": Case(np.full(6, 1.5)),
    "dtype and gradient on two lines": Case(np.full(9, 1.5), {"linewidth": 40}, grad=True),
    "default float64": Case(steps(2, dtype=np.float64), default="float64"),
    "float32 beside default float64": Case(steps(2), default="float64"),
    "complex128 beside default float64": Case(np.array([1j]), default="float64"),
    "complex64 beside default float64": Case(np.array([1j], np.complex64), default="float64"),
    "complex64 beside default float16": Case(np.array([1j], np.complex64), default="float16"),
    "float16 beside default float16": Case(steps(2, dtype=np.float16), default="float16"),
    "float16 beside default bfloat16": Case(steps(2, dtype=np.float16), default="bfloat16"),
    "empty float64 beside default float64": Case(np.zeros(0), default="float64"),
    "empty complex beside default float64": Case(np.zeros(0, np.complex128), default="float64"),
}
CASES = FLOATS | INTEGERS | COMPLEX | SHAPES | OPTIONS | AROUND


def recorded_texts() -> dict[str, str]:
    """The text that PyTorch gave each case."""
    sections = RECORDED.read_text(encoding="utf-8").split(MARK)[1:]
    return dict(section.rstrip("\n").split("\n", 1) for section in sections)


def printed_by_torch(case: Case) -> str:
    import torch
    from torch._tensor_str import printoptions

    tensor = torch.from_numpy(case.array.copy(order="K")).requires_grad_(case.grad)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, case.default))
    try:
        with printoptions(**case.options):
            return str(tensor)
    finally:
        torch.set_default_dtype(before)


if __name__ == "__main__":
    lines = (f"{MARK}{name}\n{printed_by_torch(case)}\n" for name, case in CASES.items())
    RECORDED.write_text("".join(lines), encoding="utf-8")
