"""Whatever the library remembers of calls, it does not keep their tensors alive."""

import gc
import runpy
import warnings
import weakref

import pytest

import rushlight as torch
from support.paths import ROOT

CASES = runpy.run_path(str(ROOT / "tools" / "operators" / "cases.py"))
CALLS = 40  # more than anything takes to be learnt
EXPRESSIONS = {expression: setup for _, setup, expression, _ in CASES["cases"]()}


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("size", [640, 40_000])
def test_tensors_go_when_their_names_do(expression, size):
    names = {"torch": torch, "F": torch.nn.functional, "n": size, **CASES["NAMES"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(EXPRESSIONS[expression], names)
        for _ in range(CALLS):
            exec(expression, names)
    seen = {k: weakref.ref(v._a) for k, v in names.items() if isinstance(v, torch.Tensor)}
    assert seen
    names.clear()
    gc.collect()
    assert [k for k, array in seen.items() if array() is not None] == []
