"""Adagrad: each element's step is divided by the root of all its squared gradients so far."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from .checks import at_least_zero, check_lr, check_ways
from .elementwise import Elementwise
from .sgd import downhill


def adagrad(v: Any, n: Any, has: Any) -> None:
    g = downhill(v, n, has)
    v.sum = v.sum + g * g
    v.param = v.param + g * n.minus_lr / (lang.sqrt(v.sum) + n.eps)


class Adagrad(Elementwise):
    """Smaller steps where gradients have been large: `p -= lr * grad / sqrt(sum(grad ** 2))`."""

    class Numbers(NamedTuple):
        minus_lr: Any
        eps: float
        weight_decay: float

    formula = staticmethod(adagrad)
    takes_sparse = True
    switches = ("maximize", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        at_least_zero(lr_decay=lr_decay, weight_decay=weight_decay)
        at_least_zero(initial_accumulator_value=initial_accumulator_value, eps=eps)
        check_ways(fused, foreach, differentiable)
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                self._begin(p, group, self.state[p])

    def share_memory(self) -> None:
        """Puts the states where other processes can see them."""
        for kept in self.state.values():
            kept["sum"].share_memory_()

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"sum": group["initial_accumulator_value"]}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        lr = number(group["lr"]) / (1 + (t - 1) * group["lr_decay"])
        return self.Numbers(-lr, group["eps"], group["weight_decay"])
