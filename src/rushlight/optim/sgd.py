"""Stochastic gradient descent, with momentum and Nesterov's variant of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from .checks import at_least_zero, check_lr, check_ways
from .elementwise import Elementwise


def sgd(v: Any, n: Any, has: Any) -> None:
    g = downhill(v, n, has)
    if has.momentum:
        v.momentum_buffer = v.momentum_buffer * n.momentum + g * n.fresh
        g = g + v.momentum_buffer * n.momentum if has.nesterov else v.momentum_buffer
    v.param = v.param + g * n.minus_lr


def downhill(v: Any, n: Any, has: Any) -> Any:
    """The gradient of what is to become small: the loss, or its opposite, with a penalty on large weights."""
    g = -v.grad if has.maximize else v.grad
    return g + v.param * n.weight_decay if has.weight_decay else g


class SGD(Elementwise):
    """Steps against the gradient: `p -= lr * grad`, smoothed with `momentum`."""

    class Numbers(NamedTuple):
        minus_lr: Any
        momentum: Any
        fresh: Any  # the share of the gradient in the momentum
        weight_decay: Any

    formula = staticmethod(sgd)
    switches = ("maximize", "weight_decay", "momentum", "nesterov")
    counts, takes_sparse = False, True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        at_least_zero(momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"Nesterov momentum requires a momentum and zero dampening, got momentum={momentum} and "
                f"dampening={dampening}"
            )
        check_ways(fused, foreach, differentiable)
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
            "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": 0} if group["momentum"] else {}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        fresh = 1 - group["dampening"] if t else 1  # the first gradient counts in full
        return self.Numbers(-number(group["lr"]), group["momentum"], fresh, number(group["weight_decay"]))
