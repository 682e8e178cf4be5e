"""Adadelta: steps as large as recent steps were, relative to recent gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from .checks import at_least_zero, check_lr
from .elementwise import Elementwise
from .sgd import downhill


def adadelta(v: Any, n: Any, has: Any) -> None:
    g = downhill(v, n, has)
    v.square_avg = v.square_avg * n.rho + g * n.fresh * g
    delta = lang.sqrt(v.acc_delta + n.eps) / lang.sqrt(v.square_avg + n.eps) * g
    v.acc_delta = v.acc_delta * n.rho + delta * n.fresh * delta
    v.param = v.param + delta * n.minus_lr


class Adadelta(Elementwise):
    """Needs no learning rate to begin with: the size of recent steps stands in for it."""

    class Numbers(NamedTuple):
        minus_lr: Any
        rho: float
        fresh: float
        eps: float
        weight_decay: float

    formula = staticmethod(adadelta)
    switches = ("maximize", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}; expected a number from 0 to 1")
        at_least_zero(eps=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"square_avg": 0, "acc_delta": 0}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        rho = group["rho"]
        return self.Numbers(-number(group["lr"]), rho, 1 - rho, group["eps"], group["weight_decay"])
