"""Compiled kernels as Python callables.

    silu = elementwise(Node("mul", (x, Node("sigmoid", (x,), "float32")), "float32"), name="silu")
    silu(out, array)

What `elementwise` returns is a builtin function: outputs first, then inputs, then scalars; inputs are
broadcast to the first output; `out` is returned.  An output may be one of the inputs.  Its `__self__` is
the `Kernel`, which is called only for arguments that generated code does not take: it converts and copies
them, or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..runtime import builtin, session, settings, watch
from ..runtime.locks import fork_safe_lock
from .graph import Graph, Node, Unsupported

_kernels: dict[tuple[str, str], Callable] = {}
_lock = fork_safe_lock()


class Kernel:
    """What stands behind a kernel's builtin: the graph it computes, and the way for unusual arguments."""

    def __init__(self, name: str, graph: Graph):
        self.name, self.graph = name, graph
        self.builtin: Callable | None = None
        # addresses for other generated code: of an element-wise kernel's loop, and of what describes a kernel
        self.body = self.description = 0

    def __repr__(self):
        outputs, inputs, _ = self.graph.signature
        return f"<kernel {self.name}: {', '.join(inputs)} -> {', '.join(outputs)}>"

    def __call__(self, *arguments):
        """Called with what the direct way refused: bring the arguments into order and try again."""
        outputs, inputs, scalars = self._sort(arguments)
        for k, out in enumerate(outputs):
            self._check_output(k, out, outputs[0])
        inputs = [self._input(k, value, outputs) for k, value in enumerate(inputs)]
        fresh = [self._usable(self._apart(k, outputs)) for k in range(len(outputs))]
        return self._again(arguments, outputs, fresh, inputs, scalars)

    def _again(self, before: tuple, outputs: tuple, fresh: list, inputs: list, scalars: tuple):
        """Run generated code on the arguments in order; results made elsewhere are copied to the outputs."""
        arguments = (*fresh, *inputs, *scalars)
        if all(new is old for new, old in zip(arguments, before, strict=True)):
            shapes = ", ".join(str(np.shape(a)) for a in arguments)
            raise RuntimeError(
                f"kernel {self.name} does not take arguments of shapes {shapes}; this is a bug"
            )
        self.builtin(*arguments)
        for out, made in zip(outputs, fresh, strict=True):
            if made is not out:
                out[...] = made
        return outputs[0]

    def _sort(self, arguments: tuple) -> tuple[tuple, tuple, tuple]:
        signature = self.graph.signature
        counts = [len(part) for part in signature]
        if len(arguments) != sum(counts):
            raise TypeError(
                f"kernel {self.name} takes {counts[0]} outputs, {counts[1]} inputs and {counts[2]} numbers, "
                f"got {len(arguments)} arguments"
            )
        first, second = counts[0], counts[0] + counts[1]
        return arguments[:first], arguments[first:second], arguments[second:]

    def _check_output(self, k: int, out, first) -> None:
        dtype = self.graph.signature.outputs[k]
        if not isinstance(out, np.ndarray) or out.dtype.name != dtype:
            got = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
            raise TypeError(f"kernel {self.name}: output {k} must be a {dtype} array, got {got}")
        if out.shape != first.shape:
            raise ValueError(f"kernel {self.name}: output {k} has shape {out.shape}, output 0 {first.shape}")
        if not out.flags.writeable:
            raise ValueError(f"kernel {self.name}: output {k} is read-only")
        repeated = any(
            stride == 0 < length - 1 for stride, length in zip(out.strides, out.shape, strict=True)
        )
        if repeated and out.size:
            raise ValueError(
                f"kernel {self.name}: output {k} is a broadcast array, its elements share memory"
            )

    def _apart(self, k: int, outputs: tuple[np.ndarray, ...]) -> np.ndarray:
        """Output `k`, or memory of its own for it where it lies between the elements of an earlier output."""
        out = outputs[k]
        near = [other for other in outputs[:k] if np.may_share_memory(out, other)]
        if any(np.shares_memory(out, other) for other in near):
            raise ValueError(f"kernel {self.name}: output {k} shares memory with another output")
        return np.empty(out.shape, out.dtype) if near else out

    def _input(self, k: int, value, outputs: tuple[np.ndarray, ...]) -> np.ndarray:
        """The input as generated code takes it, in memory of its own where it meets an output's."""
        dtype, shape = self.graph.signature.inputs[k], outputs[0].shape
        array = np.asarray(value)
        if array.dtype.name != dtype:
            raise TypeError(f"kernel {self.name}: input {k} must be {dtype}, got {array.dtype}")
        try:
            np.broadcast_to(array, shape)
        except ValueError:
            raise ValueError(
                f"kernel {self.name}: input {k} of shape {array.shape} does not fit {shape}"
            ) from None
        if any(np.may_share_memory(array, out) for out in outputs):
            array = array.copy()
        return self._usable(array)

    @staticmethod
    def _usable(array: np.ndarray) -> np.ndarray:
        """The same values as a plain, aligned array of the machine's byte order."""
        native_dtype = np.dtype(array.dtype.name)
        usable = type(array) is np.ndarray and array.flags.aligned
        if usable and array.dtype.num == native_dtype.num and array.dtype.isnative:
            return array
        made = np.empty(array.shape, native_dtype)
        made[...] = array
        return made


def why_not(outputs: Node | Sequence[Node]) -> str:
    """Why there can be no kernel for this graph; empty when there can."""
    from .llvm import frame

    answer = session.available()
    if not answer:
        return answer.reason
    try:
        made = Graph(outputs)
        frame.check_layouts()
    except (Unsupported, session.Unavailable) as error:
        return str(error)
    operands = len(made.signature.outputs) + len(made.signature.inputs)
    if operands > frame.MAX_OPERANDS or len(made.signature.scalars) > frame.MAX_SCALARS:
        return f"{operands} arrays and {len(made.signature.scalars)} numbers are too many for one kernel"
    return ""


def supports(outputs: Node | Sequence[Node]) -> bool:
    """Whether `elementwise` can compile this graph here; if not, the caller stays with numpy."""
    reason = why_not(outputs)
    if reason:
        settings.log(2, f"no kernel: {reason}")
    return not reason


def elementwise(outputs: Node | Sequence[Node], name: str = "kernel") -> Callable:
    """The kernel of the outputs, from memory, disk or compiler: `kernel(*outs, *inputs, *scalars)`.

    Raises `Unsupported` for a graph without a kernel and `Unavailable` where there are none at all.
    """
    return get("elementwise", Graph(outputs), name)


def rowwise(outputs: Node | Sequence[Node], name: str = "kernel") -> Callable:
    """As `elementwise`, for graphs with reductions over the last axis.

    An output that is one number a row has the shape of the whole with a last axis of length 1.  Without an
    output of the whole shape, input 0 must have it.
    """
    return get("rows", Graph(outputs), name)


def planewise(outputs: Node | Sequence[Node], name: str = "kernel") -> Callable:
    """As `rowwise`, over the last two axes together, the second last of which may have any stride."""
    return get("planes", Graph(outputs), name)


def stripwise(outputs: Node | Sequence[Node], name: str = "kernel") -> Callable:
    """As `rowwise`, over the second last axis: in any number of passes, with outputs of the whole shape."""
    return get("strips", Graph(outputs), name)


def columnwise(outputs: Node | Sequence[Node], name: str = "kernel") -> Callable:
    """As `stripwise`, for one pass over many rows, which threads share; outputs have one row."""
    return get("columns", Graph(outputs), name)


def get(kind: str, graph: Graph, name: str) -> Callable:
    """The builtin of a graph: the same one each time."""
    with _lock:
        made = _kernels.get((kind, graph.key))
        if made is None:
            made = _kernels[kind, graph.key] = _build(kind, graph, name)
    return made


def _build(kind: str, graph: Graph, name: str) -> Callable:
    reason = why_not(graph.outputs)
    if reason:
        raise Unsupported(reason) if session.available() else session.Unavailable(reason)
    if graph.reduces != (kind != "elementwise"):
        raise Unsupported(
            "graphs with reductions, and only those, are for rowwise, columnwise and their like"
        )
    from .llvm import build
    from .reducing import ReducingKernel

    kernel = Kernel(name, graph) if kind == "elementwise" else ReducingKernel(name, graph, kind)
    code = build.BUILDERS[kind](graph, name)
    kernel.body, kernel.description = (code.address.get(name, 0) for name in ("body", "description"))
    kernel.builtin = watch.watched(builtin.fastcall(code.address["call"], name, owner=kernel), name)
    return kernel.builtin
