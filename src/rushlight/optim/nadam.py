"""NAdam: Adam with Nesterov's momentum, on a schedule of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from .adam import decoupled, moments
from .checks import at_least_zero, check_betas, check_lr
from .elementwise import Elementwise


def nadam(v: Any, n: Any, has: Any) -> None:
    g = decoupled(v, n, has)
    moments(v, n, g)
    deviation = lang.sqrt(v.exp_avg_sq / n.correction) + n.eps
    v.param = v.param + g * n.minus_now / deviation
    v.param = v.param + v.exp_avg * n.minus_ahead / deviation


class NAdam(Elementwise):
    """Adam that looks one step ahead: the next momentum is taken with the present gradient."""

    class Numbers(NamedTuple):
        minus_now: Any
        minus_ahead: Any
        fresh1: float
        beta2: float
        fresh2: float
        correction: float
        eps: float
        weight_decay: float
        shrink: Any

    formula = staticmethod(nadam)
    switches = ("maximize", "weight_decay", "decoupled_weight_decay")
    per_parameter = True

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        at_least_zero(weight_decay=weight_decay, momentum_decay=momentum_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def counters(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "mu_product": 1.0}

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": 0, "exp_avg_sq": 0}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        (beta1, beta2), decay, lr = group["betas"], group["momentum_decay"], number(group["lr"])
        mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (k * decay)) for k in (t, t + 1))
        product = state["mu_product"]._a
        product *= product.dtype.type(mu)  # kept in single precision, and used as kept
        so_far = product.item()
        return self.Numbers(
            -lr * (1 - mu) / (1 - so_far), -lr * ahead / (1 - so_far * ahead),
            1 - beta1, beta2, 1 - beta2, 1 - beta2**t, group["eps"], group["weight_decay"],
            1 - lr * group["weight_decay"],
        )  # fmt: skip
