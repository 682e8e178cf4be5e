"""Muon: momentum made orthogonal, for the matrices inside of a network."""

from __future__ import annotations

import math
from typing import Any

from .. import lang
from ..tensor.core import Tensor
from ..tensor.dtype import DTYPES
from .checks import at_least_zero, check_lr
from .elementwise import as_number
from .whole import Whole

MOST_STEPS = 100


class Muon(Whole):
    """Steps in all directions of a matrix alike: the momentum with its singular values set to about one."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        at_least_zero(momentum=momentum, weight_decay=weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported; it is 'original' or "
                "'match_rms_adamw'"
            )
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters, and one has the size {p.size()}; give biases, "
                        "embeddings and kernels of convolutions to another optimizer, such as AdamW"
                    )

    def memory(self, p: Tensor) -> dict[str, tuple[int, ...]]:
        return {"momentum_buffer": tuple(p.shape)}

    def update(self, v: Any, group: dict[str, Any], state: dict[str, Any], p: Tensor) -> None:
        lr, momentum, g = as_number(group["lr"]), group["momentum"], v.grad
        v.momentum_buffer = v.momentum_buffer + (g - v.momentum_buffer) * (1 - momentum)
        direction = g + (v.momentum_buffer - g) * momentum if group["nesterov"] else v.momentum_buffer
        step = orthogonal(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = v.param.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * math.sqrt(max(rows, columns))
        else:
            scale = math.sqrt(max(1, rows / columns))
        v.param = v.param * (1 - lr * group["weight_decay"]) - lang.cast(step, v.param.dtype) * (lr * scale)


def orthogonal(x: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """A matrix with the same singular vectors and singular values about one (Newton and Schulz)."""
    if steps >= MOST_STEPS:
        raise ValueError(f"Muon: ns_steps must be less than {MOST_STEPS}, and is {steps}; five are usual")
    if len(coefficients) != 3:
        raise ValueError(f"Muon: ns_coefficients must be three numbers, and are {coefficients}")
    a, b, c = coefficients
    high = x.shape[0] > x.shape[1]
    x = _short(x.T if high else x)
    x = _short(x / _short(lang.maximum(_short(lang.sqrt(lang.sum(x * x))), eps)))
    for _ in range(steps):
        gram = _short(x @ x.T)
        x = _short(x * a + _short(gram * b + gram @ gram * c) @ x)
    return x.T if high else x


def _short(x: Any) -> Any:
    """Rounded to bfloat16, which is all the precision that this needs, and kept in single precision."""
    single = DTYPES["float32"].np
    return lang.cast(lang.cast(lang.cast(x, single), DTYPES["bfloat16"].np), single)
