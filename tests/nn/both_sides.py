"""Runs the same program on PyTorch and on Rushlight from the same seed, and compares what it gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import rushlight


def both(run: Callable[[Any], Any], rtol: float = 2e-5, atol: float = 2e-6) -> None:
    """`run(framework)` gives the same values on both sides."""
    results = []
    for side in (torch, rushlight):
        side.manual_seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(flat(side, run(side)))
    expected, actual = results
    assert len(actual) == len(expected)
    for i, (a, e) in enumerate(zip(actual, expected)):
        if isinstance(e, np.ndarray):
            assert a.dtype == e.dtype, f"{i}: {a.dtype}, expected {e.dtype}"
            np.testing.assert_allclose(a, e, rtol=rtol, atol=atol, err_msg=str(i))
        else:
            assert a == e, str(i)


def flat(side: Any, x: Any) -> list[Any]:
    """Everything in nested values, in order: arrays for tensors, the repr and the state for modules."""
    if isinstance(x, side.Tensor):
        return [np.array(x.detach().numpy())]
    if isinstance(x, side.nn.Module):
        return [repr(x), *flat(side, x.state_dict())]
    if isinstance(x, dict):
        return [v for key, value in x.items() for v in [str(key), *flat(side, value)]]
    if isinstance(x, (tuple, list)):
        return [v for y in x for v in flat(side, y)]
    return [x]
