"""Adafactor: Adam's mean squares of a matrix, kept as one number for each row and each column."""

from __future__ import annotations

from typing import Any

from .. import lang
from ..tensor.core import Tensor
from ..tensor.create import scalar_tensor
from ..tensor.limits import finfo
from .checks import check_lr
from .elementwise import as_number, counter_dtype
from .whole import Whole


class Adafactor(Whole):
    """Adam for large models: the memory of a matrix is that of one row and one column."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        _check(eps[0] is None or eps[0] >= 0.0, "epsilon1 should be >= 0", eps[0])
        _check(eps[1] >= 0.0, "epsilon2 should be >= 0", eps[1])
        _check(d >= 1.0, "Clipping threshold d should be >= 1", d)
        _check(beta2_decay <= 0.0, "beta2_decay should be <= 0", beta2_decay)
        _check(weight_decay >= 0.0, "weight_decay should be >= 0", weight_decay)
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, p: Tensor) -> dict[str, tuple[int, ...]]:
        shape = tuple(p.shape)
        if len(shape) < 2:
            return {"variance": shape}
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}

    def _begin(self, p: Tensor, state: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
        if "step" not in state:
            state["step"] = scalar_tensor(0.0, dtype=counter_dtype())
        super()._begin(p, state, shapes)

    def update(self, v: Any, group: dict[str, Any], state: dict[str, Any], p: Tensor) -> None:
        t = state["step"]._a.item() + 1.0
        state["step"]._a[()] = t
        lr, (eps1, eps2), fresh = as_number(group["lr"]), group["eps"], t ** group["beta2_decay"]
        eps1 = finfo(p.dtype).eps if eps1 is None else eps1
        size = max(eps2, _size(v.param)) * min(lr, t**-0.5)
        if group["weight_decay"]:
            v.param = v.param * (1 - lr * group["weight_decay"])
        g = -v.grad if group["maximize"] else v.grad
        variance = mean_squares(v, g, fresh, eps1)
        step = g / lang.sqrt(lang.maximum(variance, eps1 * eps1))
        v.param = v.param - step * (size / max(1.0, _size(step) / group["d"]))


def mean_squares(v: Any, g: Any, fresh: float, eps: float) -> Any:
    """The running mean of the squared gradient; that of a matrix is put together from rows and columns."""
    if len(g.shape) < 2:
        v.variance = v.variance + (g * g - v.variance) * fresh
        return v.variance
    v.row_var = v.row_var + (_mean(g * g, -1) - v.row_var) * fresh
    v.col_var = v.col_var + (_mean(g * g, -2) - v.col_var) * fresh
    return v.row_var * v.col_var / lang.maximum(_mean(v.row_var, -2), eps)


def _mean(x: Any, axis: int) -> Any:
    return lang.sum(x, axis=axis, keepdims=True) / x.shape[axis]


def _size(x: Any) -> float:
    """The root of the mean square."""
    return float(lang.sum(x * x) / x.size) ** 0.5 if x.size else 0.0


def _check(fine: bool, rule: str, value: Any) -> None:
    if not fine:
        raise ValueError(f"{rule} but is: {value}")
