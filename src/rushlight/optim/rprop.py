"""Rprop: only the signs of gradients count."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import lang
from .checks import check_lr
from .elementwise import Elementwise


def rprop(v: Any, n: Any, has: Any) -> None:
    g = -v.grad if has.maximize else v.grad
    agree = g * v.prev
    factor = lang.where(agree > 0, n.grow, lang.where(agree < 0, n.shrink, agree + 1))  # NaN stays NaN
    v.step_size = lang.minimum(lang.maximum(v.step_size * factor, n.smallest), n.largest)
    v.prev = lang.where(agree < 0, 0.0, g)  # after a change of sign the element waits for one step
    v.param = v.param - lang.sign(v.prev) * v.step_size


class Rprop(Elementwise):
    """Each element's step grows while its gradient keeps its sign, and shrinks when that changes."""

    class Numbers(NamedTuple):
        shrink: float
        grow: float
        smallest: float
        largest: float

    formula = staticmethod(rprop)
    switches = ("maximize",)

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(
                f"Invalid eta values: {etas[0]}, {etas[1]}; expected one between 0 and 1 to shrink steps "
                "by, and one above 1 to let them grow"
            )
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"prev": 0, "step_size": float(group["lr"])}

    def numbers(self, group: dict[str, Any], t: float, number: Any, state: dict) -> Any:
        return self.Numbers(*group["etas"], *group["step_sizes"])
