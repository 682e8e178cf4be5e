"""RAdam: Adam that divides by the mean square only once enough gradients are in it."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from .adam import decoupled, moments
from .checks import at_least_zero, check_betas, check_lr
from .elementwise import Elementwise
from .formula import either


def radam(v: Any, n: Any, has: Any) -> None:
    moments(v, n, decoupled(v, n, has))
    step = v.exp_avg * n.minus_step
    v.param = v.param + either(n.rectified > 0, step / (lang.sqrt(v.exp_avg_sq) + n.eps), step)


class RAdam(Elementwise):
    """Adam with its uncertain first steps rectified; needs no warm-up of the learning rate."""

    class Numbers(NamedTuple):
        minus_step: Any
        rectified: float
        fresh1: float
        beta2: float
        fresh2: float
        eps: float
        weight_decay: float
        shrink: Any

    formula = staticmethod(radam)
    switches = ("maximize", "weight_decay", "decoupled_weight_decay")

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        at_least_zero(eps=eps)
        check_betas(betas)
        at_least_zero(weight_decay=weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": 0, "exp_avg_sq": 0}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        (beta1, beta2), lr, decay = group["betas"], number(group["lr"]), group["weight_decay"]
        factor = rectification(beta2, t)
        step = lr / (1 - beta1**t) * (factor * (1 - beta2**t) ** 0.5 if factor else 1.0)
        return self.Numbers(
            -step, float(factor > 0), 1 - beta1, beta2, 1 - beta2, group["eps"], decay, 1 - lr * decay
        )


def rectification(beta2: float, t: float) -> float:
    """How far the mean square can be trusted at step `t`; 0 where it cannot be used at all."""
    longest = 2 / (1 - beta2) - 1  # the length of the average, in the end and now
    length = longest - 2 * t * beta2**t / (1 - beta2**t)
    if length <= 5:
        return 0.0
    return ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
