"""L-BFGS: Newton's method with a Hessian guessed from the last steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.modes import enable_grad, no_grad
from ..ops.complex import view_as_real
from ..ops.join import cat
from ..tensor.core import Tensor
from ..tensor.factories import zeros
from .checks import check_lr
from .elementwise import as_number
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer

LEAST_CURVATURE = 1e-10  # a step with less tells nothing of the Hessian


class LBFGS(Optimizer):
    """For small problems without noise: `step(closure)` evaluates the loss many times and goes a long way."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
            "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups): it sees one vector, "
                f"and {len(self.param_groups)} groups were given"
            )

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    @no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Goes towards the minimum; `closure` computes the loss and its gradients. Returns the first loss."""
        closure = enable_grad()(closure)
        group, state = self.param_groups[0], self.state[self._params[0]]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(
                f"only 'strong_wolfe' is supported, line_search_fn is {group['line_search_fn']!r}"
            )
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        state["func_evals"] += 1
        grad = self._flat_grad()
        if not _largest(grad) <= group["tolerance_grad"]:  # NaN goes on, to be seen
            self._iterate(closure, float(first_loss), grad, group, state)
        return first_loss

    def _iterate(self, closure: Any, loss: float, grad: Tensor, group: dict[str, Any], state: dict) -> None:
        evaluations, last, searches = 1, group["max_iter"], group["line_search_fn"] is not None
        for k in range(1, last + 1):
            state["n_iter"] += 1
            self._new_direction(grad, group["history_size"], state)
            d = state["d"]
            previous = state["prev_loss"] = loss
            t = as_number(group["lr"])
            if state["n_iter"] == 1:
                t = min(1.0, 1.0 / grad.abs().sum().item()) * t
            state["t"] = t
            slope = grad.dot(d).item()
            if slope > -group["tolerance_change"]:
                break
            counted = 0
            if searches:
                start = Point(0.0, loss, grad, slope)
                found, counted = self._search(closure, t, d, start, group, group["max_eval"] - evaluations)
                state["t"], loss, grad, _ = found
                t = found.t
                self._move(t, d)
            else:
                self._move(t, d)
                if k < last:
                    loss, grad, counted = float(closure()), self._flat_grad(), 1
            evaluations += counted
            state["func_evals"] += counted
            if evaluations >= group["max_eval"] or _largest(grad) <= group["tolerance_grad"]:
                break
            if _largest(d) * abs(t) <= group["tolerance_change"]:
                break
            if abs(loss - previous) < group["tolerance_change"]:
                break

    def _new_direction(self, grad: Tensor, history: int, state: dict[str, Any]) -> None:
        """Where to go: against the gradient, as the steps so far have bent it."""
        if state["n_iter"] == 1:
            state.update(d=-grad, t=None, old_dirs=[], old_stps=[], ro=[], H_diag=1, prev_flat_grad=None)
        else:
            _remember(grad - state["prev_flat_grad"], state["d"] * state["t"], history, state)
            state["d"] = _two_loops(-grad, history, state)
        state["prev_flat_grad"] = grad.clone()

    # ---- all parameters as one vector

    def _flat_grad(self) -> Tensor:
        parts = [zeros(p.shape, dtype=p.dtype) if p.grad is None else p.grad for p in self._params]
        return cat([(view_as_real(g) if g.dtype.is_complex else g).reshape(-1) for g in parts], 0)

    def _move(self, t: float, d: Tensor) -> None:
        offset = 0
        for p in self._params:
            p = view_as_real(p) if p.dtype.is_complex else p
            p.add_(d[offset : offset + p.numel()].reshape(p.shape), alpha=t)
            offset += p.numel()

    def _search(self, closure: Any, t: float, d: Tensor, start: Point, group: dict, most: int) -> Any:
        before = [p.clone() for p in self._params]

        def evaluate(t: float) -> Point:
            self._move(t, d)
            loss, grad = float(closure()), self._flat_grad()
            for p, old in zip(self._params, before):
                p.copy_(old)
            return Point(t, loss, grad, grad.dot(d).item())

        return strong_wolfe(evaluate, t, start, _largest(d), group["tolerance_change"], most)


def _remember(y: Tensor, s: Tensor, history: int, state: dict[str, Any]) -> None:
    """Enters a change of the gradient `y` over a step `s`, when it tells something of the curvature."""
    ys = y.dot(s)
    if not ys.item() > LEAST_CURVATURE:
        return
    kept = state["old_dirs"], state["old_stps"], state["ro"]
    for values, new in zip(kept, (y, s, 1.0 / ys)):
        if len(values) == history:
            values.pop(0)
        values.append(new)
    state["H_diag"] = ys / y.dot(y)


def _two_loops(q: Tensor, history: int, state: dict[str, Any]) -> Tensor:
    """The guessed inverse Hessian times `q`: once back through the steps remembered, once forward."""
    kept = list(zip(state["old_dirs"], state["old_stps"], state["ro"]))
    shares = state.setdefault("al", [None] * history)
    for i in range(len(kept) - 1, -1, -1):
        y, s, ro = kept[i]
        shares[i] = s.dot(q) * ro
        q = q - y * shares[i]
    r = q * state["H_diag"]
    for i, (y, s, ro) in enumerate(kept):
        r = r + s * (shares[i] - y.dot(r) * ro)
    return r


def _largest(x: Tensor) -> float:
    return x.abs().max().item()
