"""RMSprop: each element's step is divided by the root of its mean squared gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from .checks import at_least_zero, check_lr
from .elementwise import Elementwise
from .sgd import downhill


def rmsprop(v: Any, n: Any, has: Any) -> None:
    g = downhill(v, n, has)
    v.square_avg = v.square_avg * n.alpha + g * n.fresh * g
    variance = v.square_avg
    if has.centered:
        v.grad_avg = v.grad_avg + (g - v.grad_avg) * n.fresh
        variance = variance - v.grad_avg * v.grad_avg
    deviation = lang.sqrt(variance) + n.eps
    if has.momentum:
        v.momentum_buffer = v.momentum_buffer * n.momentum + g / deviation
        v.param = v.param + v.momentum_buffer * n.minus_lr
    else:
        v.param = v.param + g * n.minus_lr / deviation


class RMSprop(Elementwise):
    """Steps of about `lr` whatever the size of the gradient: `p -= lr * grad / sqrt(mean(grad ** 2))`."""

    class Numbers(NamedTuple):
        minus_lr: Any
        alpha: float
        fresh: float
        eps: float
        weight_decay: float
        momentum: float

    formula = staticmethod(rmsprop)
    switches = ("maximize", "weight_decay", "momentum", "centered")

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        at_least_zero(eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] else []
        names += ["grad_avg"] if group["centered"] else []
        return dict.fromkeys(names, 0)

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        alpha = group["alpha"]
        return self.Numbers(
            -number(group["lr"]), alpha, 1 - alpha, group["eps"], group["weight_decay"], group["momentum"]
        )
