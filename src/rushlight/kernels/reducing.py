"""What stands behind the kernels with reductions: the way for arguments that generated code does not take."""

from __future__ import annotations

import numpy as np

from .graph import Graph
from .kernel import Kernel
from .plan import Plan, one_pass

AXES = {"rows": (-1,), "planes": (-2, -1), "strips": (-2,), "columns": (-2,)}


class ReducingKernel(Kernel):
    """A kernel over the last axis (`rows`), the one before it (`strips`, `columns`) or both (`planes`)."""

    def __init__(self, name: str, graph: Graph, kind: str):
        super().__init__(name, graph)
        self.axes = AXES[kind]
        plan = one_pass(graph) if kind == "columns" else Plan(graph)
        self.reduced = [plan.per_row[id(node)] for node in graph.outputs]

    def __call__(self, *arguments):
        outputs, inputs, scalars = self._sort(arguments)
        shape = self._shape(outputs, inputs)
        for k, out in enumerate(outputs):
            self._check_shape(k, out, shape)
        inputs = [self._input_of(k, value, shape, outputs) for k, value in enumerate(inputs)]
        fresh = [self._contiguous(self._apart(k, outputs)) for k in range(len(outputs))]
        return self._again(arguments, outputs, fresh, inputs, scalars)

    def _shape(self, outputs: tuple, inputs: tuple) -> tuple[int, ...]:
        """The whole shape: that of the first output that has it, else of the first input."""
        full = [np.shape(out) for out, reduced in zip(outputs, self.reduced, strict=True) if not reduced]
        shape = full[0] if full else np.shape(inputs[0])
        if len(shape) < -self.axes[0]:
            raise ValueError(
                f"kernel {self.name} reduces axis {self.axes[0]}; it got arrays of shape {shape}"
            )
        return shape

    def _check_shape(self, k: int, out, shape: tuple[int, ...]) -> None:
        expected = list(shape)
        if self.reduced[k]:
            for axis in self.axes:
                expected[axis] = 1
        if isinstance(out, np.ndarray) and out.shape != tuple(expected):
            raise ValueError(
                f"kernel {self.name}: output {k} has shape {out.shape}, expected {tuple(expected)}"
            )
        self._check_output(k, out, out)

    def _input_of(self, k: int, value, shape: tuple[int, ...], outputs) -> np.ndarray:
        array = np.asarray(value)
        dtype = self.graph.signature.inputs[k]
        if array.dtype.name != dtype:
            raise TypeError(f"kernel {self.name}: input {k} must be {dtype}, got {array.dtype}")
        try:
            whole = np.broadcast_to(array, shape)
        except ValueError:
            raise ValueError(
                f"kernel {self.name}: input {k} of shape {array.shape} does not fit {shape}"
            ) from None
        if any(np.may_share_memory(array, out) for out in outputs):
            array = array.copy()
        repeated_along_columns = self.axes == (-2,) and array.shape[-1:] != shape[-1:]
        return self._contiguous(whole if repeated_along_columns else array)

    def _contiguous(self, array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self._usable(array)).reshape(array.shape)
