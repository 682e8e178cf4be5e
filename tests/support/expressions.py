"""Expressions that must have the same outcome in PyTorch and in Rushlight; the record of what PyTorch says.

An outcome is the text, dtype and strides of a value, or the class of an error. With PyTorch installed,
`python tests/support/expressions.py` writes the record anew.
"""

from __future__ import annotations

import array
import copy
import json
import pickle
import re
import runpy
import sys
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

RECORD = Path(__file__).parent.parent / "tensor" / "said_by_torch.json"
SETUP = {
    "x": "torch.arange(6.).reshape(2, 3)",
    "i": "torch.tensor([3, -1, 2])",
    "s": "torch.tensor(3.5)",
    "g": "torch.ones(3, requires_grad=True)",
    "e": "torch.empty(2, 3, device='meta')",
}


def outcome(expression: str, torch: ModuleType) -> list[Any]:
    """What comes of an expression: ["value", text, dtype, strides] or ["error", class]."""
    scope: dict[str, Any] = {"torch": torch, "np": np, "copy": copy, "pickle": pickle, "array": array}
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, text in SETUP.items():
            scope[name] = eval(text, scope)
        try:
            value = eval(expression, scope)
        except Exception as error:
            return ["error", type(error).__name__]
        return ["value", *described(value, torch)]


def lines_of(text: str) -> list[str]:
    """The expressions in a text with one on each line; lines that begin with # are comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def check(expression: str, torch: ModuleType) -> None:
    """Asserts that the outcome in `torch` is the recorded one."""
    assert outcome(expression, torch) == recorded()[expression]


def described(value: Any, torch: ModuleType) -> list[Any]:
    text = re.sub(r"0x[0-9a-f]+", "0x", repr(value))
    if isinstance(value, torch.Tensor):
        return [text, str(value.dtype), list(value.stride())]
    return [text, type(value).__name__]


@cache
def recorded() -> dict[str, list[Any]]:
    """What PyTorch said to each expression when the record was made."""
    return json.loads(RECORD.read_text())


def all_expressions() -> set[str]:
    """Those of every test module beside the record."""
    found: set[str] = set()
    for path in RECORD.parent.glob("test_*.py"):
        if "\nEXPRESSIONS = " in path.read_text():
            found.update(runpy.run_path(str(path))["EXPRESSIONS"])
    return found


def main() -> None:
    import torch

    sys.path[:0] = [str(RECORD.parents[1]), str(RECORD.parents[2] / "src")]  # what pytest puts there

    lines = [f"{json.dumps(e)}: {json.dumps(outcome(e, torch))}" for e in sorted(all_expressions())]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
