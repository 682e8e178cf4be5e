"""SparseAdam: Adam for the few rows that have a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor.core import Tensor
from ..tensor.factories import zeros_like
from ..tensor.inplace import writable
from .checks import check_betas, check_lr
from .elementwise import as_number, evaluated
from .optimizer import Optimizer


class SparseAdam(Optimizer):
    """Adam that changes only those elements, and their states, that the sparse gradient names."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}; expected a number above 0")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}; expected a number above 0")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        self._refuse("Sparse", "SparseAdam requires dense parameter tensors", lambda p: p.is_sparse)
        self._refuse(
            "Complex", "SparseAdam does not support complex parameters", lambda p: p.dtype.is_complex
        )

    def _refuse(self, kind: str, rule: str, which: Callable[[Tensor], bool]) -> None:
        groups = enumerate(self.param_groups)
        found = [[i, k] for i, group in groups for k, p in enumerate(group["params"]) if which(p)]
        if found:
            raise ValueError(f"{kind} params at indices {found}: {rule}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters by one step; `closure` computes the loss again, and that is returned."""
        loss = None if closure is None else evaluated(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._step_parameter(p, group)
        return loss

    def _step_parameter(self, p: Tensor, group: dict[str, Any]) -> None:
        if not p.grad.is_sparse:
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        state = self.state[p]
        if not state:
            state.update(step=0, exp_avg=zeros_like(p), exp_avg_sq=zeros_like(p))
        state["step"] += 1
        grad = p.grad.coalesce()
        values = grad._values()._a
        if values.size:
            where = tuple(grad._indices()._a)
            arrays = [writable(t, "step") for t in (p, state["exp_avg"], state["exp_avg_sq"])]
            sparse_adam(arrays, where, -values if group.get("maximize") else values, state["step"], group)


def sparse_adam(arrays: list[Any], where: tuple, g: Any, t: int, group: dict[str, Any]) -> None:
    """Adam at the elements `where` of the parameter and its two running means."""
    param, mean, square = arrays
    beta1, beta2 = group["betas"]
    mean[where] += (g - mean[where]) * (1 - beta1)
    square[where] += (g * g - square[where]) * (1 - beta2)
    step = as_number(group["lr"]) * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
    param[where] -= step * mean[where] / (square[where] ** 0.5 + group["eps"])
