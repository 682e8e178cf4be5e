"""Runs the same call in PyTorch and in Rushlight and compares results and gradients of any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight

TOLERANCE = {
    "float32": (2e-5, 1e-6),
    "float64": (1e-9, 1e-11),
    "complex64": (2e-5, 1e-6),
    "complex128": (1e-9, 1e-11),
}


def tensors_of(result: Any) -> list[Any]:
    """The tensors in a result, in order."""
    if isinstance(result, (tuple, list)):
        return [t for part in result for t in tensors_of(part)]
    return [result]


def assert_same(ours: Any, theirs: Any, what: str = "result") -> None:
    """Shape, dtype and values agree."""
    for k, (a, b) in enumerate(zip(tensors_of(ours), tensors_of(theirs), strict=True)):
        assert str(a.dtype) == str(b.dtype), f"{what} {k}: {a.dtype}, expected {b.dtype}"
        x, y = a.detach().numpy(), b.detach().numpy(force=True)
        assert x.shape == y.shape, f"{what} {k}: shape {x.shape}, expected {y.shape}"
        rtol, atol = TOLERANCE.get(y.dtype.name, (0, 0))
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol, err_msg=f"{what} {k}")


def same(call: Callable[..., Any], *arrays: np.ndarray, order: int = 0) -> None:
    """`call(framework, *tensors)` agrees in both; `order` 1 compares gradients too, 2 those of gradients."""
    import torch

    ours = [rushlight.from_numpy(a.copy()) for a in arrays]
    theirs = [torch.from_numpy(a.copy()) for a in arrays]
    if not order:
        assert_same(call(rushlight, *ours), call(torch, *theirs))
        return
    assert_same(
        *(_derivatives(f, call, ts, order) for f, ts in ((rushlight, ours), (torch, theirs))),
        "result or gradient",
    )


def _derivatives(framework: Any, call: Callable[..., Any], tensors: list[Any], order: int) -> list[Any]:
    """The results of a call, its gradients, and the gradients of those."""
    leaves = [t.requires_grad_() for t in tensors if t.is_floating_point() or t.is_complex()]
    found = tensors_of(call(framework, *tensors))
    current = found
    for _ in range(order):
        weighted = [(t * _weights(framework, t)).sum() for t in current if t.requires_grad]
        if not weighted:
            break
        total = weighted[0]
        for w in weighted[1:]:
            total = total + w
        total = total.real if total.is_complex() else total
        current = framework.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        current = [framework.zeros_like(t) if g is None else g for g, t in zip(current, leaves)]
        found = [*found, *current]
    return found


def _weights(framework: Any, t: Any) -> Any:
    """Different weights for the elements, the same in both frameworks."""
    values = np.cos(np.arange(int(np.prod(t.shape)), dtype="float64") * 1.7 + 0.3).reshape(tuple(t.shape))
    dtype = str(t.dtype).removeprefix("torch.")
    return framework.from_numpy(np.asarray(values.astype(dtype)))
