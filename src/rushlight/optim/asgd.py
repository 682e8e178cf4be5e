"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any, NamedTuple

from .checks import at_least_zero, check_lr
from .elementwise import Elementwise, counter_dtype
from .formula import either
from .sgd import downhill


def asgd(v: Any, n: Any, has: Any) -> None:
    g = downhill(v, n, has)
    v.param = v.param * n.shrink + g * n.minus_eta
    v.ax = either(n.mu == 1, v.param, v.ax + (v.param - v.ax) * n.mu)


class ASGD(Elementwise):
    """Gradient descent with a falling rate; `state[p]["ax"]` is the mean of the parameter from step t0 on."""

    class Numbers(NamedTuple):
        minus_eta: Any
        shrink: Any
        mu: float
        weight_decay: float

    formula = staticmethod(asgd)
    switches = ("maximize", "weight_decay")
    per_parameter = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        at_least_zero(weight_decay=weight_decay)
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def counters(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "eta": float(group["lr"]), "mu": 1.0}

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"ax": 0}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        eta, mu, lambd = state["eta"]._a, state["mu"]._a, group["lambd"]
        lr, now, share = float(group["lr"]), eta.item(), mu.item()
        rounded = counter_dtype().np.type  # whatever precision a loaded state has
        eta[()] = rounded(lr / (1 + lambd * lr * t) ** group["alpha"])  # for the next step
        mu[()] = rounded(1 / max(1, t - group["t0"]))
        return self.Numbers(-now, 1 - lambd * now, share, group["weight_decay"])
