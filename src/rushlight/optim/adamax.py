"""Adamax: Adam with the largest recent gradient in place of the root of the mean square."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from .checks import at_least_zero, check_betas, check_lr
from .elementwise import Elementwise
from .sgd import downhill


def adamax(v: Any, n: Any, has: Any) -> None:
    g = downhill(v, n, has)
    v.exp_avg = v.exp_avg + (g - v.exp_avg) * n.fresh
    v.exp_inf = lang.maximum(v.exp_inf * n.beta2, lang.abs(g) + n.eps)
    v.param = v.param + v.exp_avg * n.minus_step / v.exp_inf


class Adamax(Elementwise):
    """Steps along the running mean of the gradient, divided by its largest recent size."""

    class Numbers(NamedTuple):
        minus_step: Any
        fresh: float
        beta2: float
        eps: float
        weight_decay: float

    formula = staticmethod(adamax)
    switches = ("maximize", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        at_least_zero(eps=eps)
        check_betas(betas)
        at_least_zero(weight_decay=weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": 0, "exp_inf": 0}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        beta1, beta2 = group["betas"]
        step = number(group["lr"]) / (1 - beta1**t)
        return self.Numbers(-step, 1 - beta1, beta2, group["eps"], group["weight_decay"])
