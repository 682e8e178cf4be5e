"""Adam, and AdamW, which is Adam with the weight decay taken out of the gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from ..tensor.core import Tensor
from .checks import at_least_zero, check_betas, check_lr, check_ways
from .elementwise import Elementwise
from .sgd import downhill


def adam(v: Any, n: Any, has: Any) -> None:
    g = decoupled(v, n, has)
    moments(v, n, g)
    square = v.exp_avg_sq
    if has.amsgrad:
        v.max_exp_avg_sq = square = lang.maximum(v.max_exp_avg_sq, square)
    deviation = lang.sqrt(square) / n.correction + n.eps
    v.param = v.param + v.exp_avg * n.minus_step / deviation


def decoupled(v: Any, n: Any, has: Any) -> Any:
    """The gradient; a decoupled weight decay shrinks the parameter itself."""
    if has.weight_decay and has.decoupled_weight_decay:
        v.param = v.param * n.shrink
        return -v.grad if has.maximize else v.grad
    return downhill(v, n, has)


def moments(v: Any, n: Any, g: Any) -> None:
    """The running means of the gradient and of its square."""
    v.exp_avg = v.exp_avg + (g - v.exp_avg) * n.fresh1
    v.exp_avg_sq = v.exp_avg_sq * n.beta2 + g * n.fresh2 * g


class Adam(Elementwise):
    """Steps along the running mean of the gradient, divided by the root of its running mean square."""

    class Numbers(NamedTuple):
        minus_step: Any
        fresh1: Any
        beta2: Any
        fresh2: Any
        correction: Any
        eps: float
        weight_decay: float
        shrink: Any

    formula = staticmethod(adam)
    switches = ("maximize", "weight_decay", "decoupled_weight_decay", "amsgrad")

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_lr(lr)
        _check_tensors(lr, betas, foreach and not capturable)
        at_least_zero(eps=eps)
        check_betas(betas)
        at_least_zero(weight_decay=weight_decay)
        check_ways(fused, foreach, differentiable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        maximum = ["max_exp_avg_sq"] if group["amsgrad"] else []
        return dict.fromkeys(["exp_avg", "exp_avg_sq", *maximum], 0)

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        lr, (beta1, beta2) = number(group["lr"]), group["betas"]
        beta1, beta2, decay = number(beta1), number(beta2), group["weight_decay"]
        step, correction = lr / (1 - beta1**t), (1 - beta2**t) ** 0.5
        return self.Numbers(
            -step, 1 - beta1, beta2, 1 - beta2, correction, group["eps"], decay, 1 - lr * decay
        )


def _check_tensors(lr: Any, betas: Any, foreach: Any) -> None:
    """PyTorch takes the learning rate and the betas as Tensors in some combinations only."""
    kinds = {isinstance(beta, Tensor) for beta in betas}
    if len(kinds) > 1:
        raise ValueError("betas must be either both floats or both Tensors")
    tensors = [name for name, x in (("lr", lr), ("betas[0]", betas[0])) if isinstance(x, Tensor)]
    if foreach and tensors:
        raise ValueError(f"{tensors[0]} as a Tensor is not supported for capturable=False and foreach=True")
    if kinds == {True} and any(beta._a.size != 1 for beta in betas):
        raise ValueError("Tensor betas must be 1-element")


class AdamW(Adam):
    """Adam with decoupled weight decay: parameters shrink by `lr * weight_decay` at each step."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
