"""The step of optimisers that look at a whole parameter at once: at its rows, or at it as a matrix."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ..quiet import quiet
from ..tensor.core import Tensor
from ..tensor.dtype import DTYPES
from ..tensor.factories import zeros
from ..tensor.inplace import writable
from .elementwise import evaluated
from .formula import WORKED_IN
from .optimizer import Optimizer


class Whole(Optimizer):
    """An optimiser that is one formula for a whole parameter: see `update`."""

    def update(self, v: Any, group: dict[str, Any], state: dict[str, Any], p: Tensor) -> None:
        """Assigns the new values of parameter and states to `v`, which has the arrays as they are now."""
        raise NotImplementedError

    def memory(self, p: Tensor) -> dict[str, tuple[int, ...]]:
        """The states of a parameter and their shapes."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters by one step; `closure` computes the loss again, and that is returned."""
        loss = None if closure is None else evaluated(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._step_parameter(p, group)
        return loss

    def _step_parameter(self, p: Tensor, group: dict[str, Any]) -> None:
        if p.dtype.is_complex:
            raise RuntimeError(
                f"{type(self).__name__} does not support complex parameters, and one is {p.dtype}; use Adam, "
                "or a real parameter that is made complex with view_as_complex"
            )
        state, shapes = self.state[p], self.memory(p)
        self._begin(p, state, shapes)
        tensors = {"param": p, **{name: state[name] for name in shapes}}
        v = SimpleNamespace(grad=_wide(p.grad), **{name: _wide(t) for name, t in tensors.items()})
        with quiet:
            self.update(v, group, state, p)
        for name, t in tensors.items():
            writable(t, "step")[...] = getattr(v, name)

    def _begin(self, p: Tensor, state: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
        for name, shape in shapes.items():
            if name not in state:
                state[name] = zeros(shape, dtype=p.dtype)


def _wide(t: Tensor) -> Any:
    """The array, in single precision where it is in half."""
    other = WORKED_IN.get(t.dtype.name)
    return t._a.astype(DTYPES[other].np) if other else t._a
