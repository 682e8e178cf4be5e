"""A formula that updates a parameter: written once, run by numpy, as one kernel, or on Tensors.

    def formula(v, n, has):
        gradient = v.grad + n.weight_decay * v.param if has.weight_decay else v.grad
        v.momentum = v.momentum * n.momentum + gradient
        v.param = v.param - n.lr * v.momentum

`v` has the parameter, its gradient and the optimiser's states; what is assigned to them are the new values.
`n` are numbers: what is computed of numbers alone is computed before, in double precision. `has` are the
switches, known when the formula is made a kernel, which reads and writes each array once.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import lang
from ..ops.fused import CALLS_BEFORE_KERNEL, EXACT, compiled, nodes_of
from ..quiet import quiet
from ..runtime import settings
from ..tensor.core import Tensor
from ..tensor.dtype import DTYPES, dtype

WORKED_IN = {"float16": "float32", "bfloat16": "float32", "complex64": "float32", "complex128": "float64"}


def either(condition: Any, a: Any, b: Any) -> Any:
    """`a` or `b` by a condition on numbers: decided at once where they are known, else in the kernel."""
    if type(condition) is bool:
        return a if condition else b
    return lang.where(condition, a, b)


class Variant:
    """A formula with its switches set.

    `kernels` maps a dtype to the kernel, once there is one; `update` does the work until then. Kernels give
    the very bits that numpy gives, so it makes no difference when that is.
    """

    __slots__ = ("_calls", "_used", "formula", "has", "kernels", "name", "numbers", "states")

    def __init__(
        self, formula: Callable[..., None], numbers: Any, has: SimpleNamespace, states: tuple, name: str
    ):
        self.formula, self.numbers, self.has, self.states, self.name = formula, numbers, has, states, name
        self.kernels: dict[dtype, Callable[..., Any]] = {}
        self._calls: dict[dtype, int] = {}
        self._used: tuple[int, ...] = ()  # the numbers that the kernel takes

    def chosen(self, numbers: tuple) -> list[Any]:
        """The numbers that a kernel takes."""
        return [numbers[i] for i in self._used]

    def update(self, arrays: list[np.ndarray], numbers: Any, dt: dtype) -> None:
        """Changes parameter and states; `arrays` are the parameter, its gradient and the states."""
        kernel = None if dt.is_complex else self.kernels.get(dt) or self._kernel(dt, arrays[0].size)
        if kernel is None and dt.name in WORKED_IN:
            self._elsewhere(arrays, numbers, dt)
            return
        if kernel is not None:
            param, _, *states = arrays
            kernel(param, *states, *arrays, *self.chosen(numbers))
        else:
            with quiet:
                self._by_numpy(arrays, numbers)

    def _elsewhere(self, arrays: list[np.ndarray], numbers: Any, dt: dtype) -> None:
        """Complex numbers are updated as pairs of real ones, half precision in single."""
        other = DTYPES[WORKED_IN[dt.name]]
        if dt.is_complex:
            self.update([lang.as_pairs(a) for a in arrays], numbers, other)
            return
        wide = [lang.cast(a, other.np) for a in arrays]
        self.update(wide, numbers, other)
        for k, a in enumerate(arrays):
            if k != 1:
                a[...] = lang.cast(wide[k], a.dtype)

    def _by_numpy(self, arrays: list[np.ndarray], numbers: Any) -> None:
        flat = [a.reshape(1) if a.ndim == 0 else a for a in arrays]  # numpy makes scalars of 0-d arrays
        for a, new in zip(flat[:1] + flat[2:], self._apply(flat, numbers)):
            a[...] = new

    def _apply(self, values: list[Any], numbers: Any) -> list[Any]:
        """The new values of the parameter and the states."""
        v = SimpleNamespace(param=values[0], grad=values[1], **dict(zip(self.states, values[2:])))
        self.formula(v, numbers, self.has)
        return [v.param, *[getattr(v, name) for name in self.states]]

    def on_tensors(self, tensors: list[Tensor], numbers: Any) -> None:
        """As `update`, with operators: these may be recorded, and tensors be of any kind."""
        if tensors[0].dtype.is_complex:
            from ..ops.complex import view_as_real

            tensors = [view_as_real(t) for t in tensors]
        for t, new in zip(tensors[:1] + tensors[2:], self._apply(tensors, numbers)):
            t.copy_(new)

    # ---- kernels

    def _kernel(self, dt: dtype, size: int) -> Callable[..., Any] | None:
        calls = self._calls.get(dt, 0)
        if calls is None or (calls < CALLS_BEFORE_KERNEL and size < settings.kernels_from):
            if calls is not None:
                self._calls[dt] = calls + 1
            return None
        kernel = self._trace(dt.name)
        if kernel is None:
            self._calls[dt] = None  # type: ignore[assignment]  # numpy for good
        else:
            self.kernels[dt] = kernel
        return kernel

    def _trace(self, dtype_name: str) -> Callable[..., Any] | None:
        from ..kernels import scalar_node
        from ..lang.symbol import Symbol, cast, computed_in, operand

        values = [operand(i, dtype_name) for i in range(2 + len(self.states))]
        own = computed_in(dtype_name)
        scalars = [Symbol(scalar_node(i, own)) for i in range(len(self.numbers._fields))]
        outputs = [cast(new, dtype_name).node for new in self._apply(values, self.numbers(*scalars))]
        nodes = {n for output in outputs for n in nodes_of(output)}
        if not all(n.op in EXACT for n in nodes):
            return None
        self._used = tuple(i for i, s in enumerate(scalars) if s.node in nodes)
        for k, i in enumerate(self._used):
            scalars[i].node.args = (k,)
        return compiled(outputs, self.name)
