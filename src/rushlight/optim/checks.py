"""What is wrong with an optimiser's options."""

from __future__ import annotations

from typing import Any

from ..tensor.core import Tensor


def at_least_zero(**options: Any) -> None:
    """Raises unless all of these are numbers from 0 on."""
    for name, value in options.items():
        if not value >= 0.0:  # so that NaN is refused as well
            what = {"lr": "learning rate:", "eps": "epsilon value:"}.get(name, f"{name} value:")
            raise ValueError(f"Invalid {what} {value}; expected a number of at least 0")


def check_lr(lr: Any) -> None:
    if isinstance(lr, Tensor) and lr._a.size != 1:
        raise ValueError(f"Tensor lr must be 1-element, and this one has the shape {tuple(lr.shape)}")
    at_least_zero(lr=lr)


def check_betas(betas: Any) -> None:
    """Both must be shares: what is kept of an average at each step."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(
                f"Invalid beta parameter at index {i}: {beta}; expected a number from 0 to below 1"
            )


def check_ways(fused: Any, foreach: Any, differentiable: Any) -> None:
    """There is one way to compute a step here, but what PyTorch refuses is refused."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`: leave one of them out")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together: leave one of them out")
