"""The body of an element-wise kernel: one loop over vectors, unrolled, with a masked tail."""

from __future__ import annotations

from functools import partial

from ...runtime.ir import Function, Module, Value, i64, ptr
from .. import policy
from ..graph import Graph, Node
from . import frame
from .lowering import MEMORY, REGISTERS, Lowering, first_lanes, lanes_for, load, load_scalar, store
from .streaming import finish_stream, wants_stream

BODY = {"places": ptr, "masks": ptr, "scalars": ptr, "count": i64}


def unrolling(graph: Graph) -> int:
    """Vectors an iteration works on: enough to hide latency, not so many that values spill."""
    if len(graph.nodes) > 40:
        return 1
    return 4 if len(graph.nodes) <= 6 and not any(n.op in policy.COSTS for n in graph.nodes) else 2


def elementwise_ir(graph: Graph, level: str, vector_bytes: int) -> str:
    module = Module(level)
    lanes = lanes_for((node.dtype for node in graph.nodes), vector_bytes)
    step = lanes * unrolling(graph)
    cost = policy.element_cost(graph.nodes, bytes_moved(graph), vector_bytes)
    words = describe(graph, lanes, step, cost)
    bodies = {frame.DESC_BODY: "body"}
    if wants_stream(graph, lanes, [MEMORY[dtype].size for dtype in graph.signature.outputs]):
        bodies[frame.DESC_STREAM] = "stream"
    frame.put_description(module, words, bodies)
    for name in bodies.values():
        with module.function(name, exported=name == "body", **BODY) as f:
            _BodyLoop(f, graph, lanes, name == "stream").run(step)
    with module.function("call", ptr, owner=ptr, arguments=ptr, count=i64) as f:
        description = Value(f, ptr, "@description")
        f.ret(f.call("rl_call", ptr, f.owner, f.arguments, f.count, description))
    return module.text()


def bytes_moved(graph: Graph) -> int:
    return sum(MEMORY[dtype].size for dtype in (*graph.signature.outputs, *graph.signature.inputs))


def describe(graph: Graph, lanes: int, step: int, cost: int) -> dict[int, int]:
    """The words that tell the dispatcher what a kernel takes."""
    signature = graph.signature
    operands = (*signature.outputs, *signature.inputs)
    words = {
        frame.DESC_OUTPUTS: len(signature.outputs),
        frame.DESC_OPERANDS: len(operands),
        frame.DESC_SCALARS: len(signature.scalars),
        frame.DESC_CHUNK: policy.chunk_elements(cost),
        frame.DESC_PARALLEL_FROM: policy.parallel_from(cost),
        frame.DESC_RELEASE_FROM: policy.release_from(cost),
        frame.DESC_LANES: lanes,
        frame.DESC_STEP: step,
    }
    for k, dtype in enumerate(operands):
        words[frame.DESC_TYPES + 8 * k] = frame.type_number(dtype)
        words[frame.DESC_SIZES + 8 * k] = MEMORY[dtype].size
    for k, dtype in enumerate(signature.scalars):
        words[frame.DESC_SCALAR_KINDS + 8 * k] = int(REGISTERS[dtype].kind == "int")
    return words


class _BodyLoop:
    """What stays the same over the iterations: operand places and masks, scalars in every lane."""

    def __init__(self, f: Function, graph: Graph, lanes: int, stream: bool):
        self.f, self.graph, self.lanes, self.stream = f, graph, lanes, stream
        outputs, inputs, scalars = graph.signature
        self.dtypes = (*outputs, *inputs)
        self.outputs = len(outputs)
        self.places = [f.load(ptr, f.places, 8 * k) for k in range(len(self.dtypes))]
        self.masks = [f.load(i64, f.masks, 8 * k) for k in range(len(self.dtypes))]
        self.scalars = [
            load_scalar(f, f.scalars.offset(8 * k), dtype, lanes) for k, dtype in enumerate(scalars)
        ]

        self.fixed = self._without_inputs()

    def _without_inputs(self) -> dict[int, Value]:
        """The nodes that only numbers go into, computed before the loop."""
        known: set[int] = set()
        nodes = []
        for node in self.graph.nodes:
            arguments = [arg for arg in node.args if isinstance(arg, Node)]
            if node.op != "input" and all(id(arg) in known for arg in arguments):
                known.add(id(node))
                nodes.append(node)
        lowering = Lowering(self.f, self.lanes, lambda node: self.scalars[node.args[0]])
        lowering.compute(nodes)
        return lowering.values

    def run(self, step: int) -> None:
        f = self.f
        whole = f.count & -step
        with f.loop(0, whole, step) as start:
            self.vectors(start, step // self.lanes)
        with f.loop(whole, f.count, self.lanes) as start:
            self.vectors(start, 1, first_lanes(f, f.count - start, self.lanes))
        if self.stream:
            finish_stream(f)

    def vectors(self, start: Value, count: int, mask: Value | None = None) -> None:
        """Compute `count` vectors from element `start` on, all loads before the stores."""
        bases = [self._base(k, start) for k in range(len(self.dtypes))]
        results = self.f.side_by_side([partial(self._one, bases, number, mask) for number in range(count)])
        for number, values in enumerate(results):
            for k, value in enumerate(values):
                store(self.f, value, self._place(bases, k, number), self.dtypes[k], mask, self.stream)

    def _base(self, k: int, start: Value) -> Value:
        position = start * MEMORY[self.dtypes[k]].size
        if k >= self.outputs:  # outputs are never broadcast
            position = position & self.masks[k]
        return self.places[k].offset(position)

    def _place(self, bases: list[Value], k: int, number: int) -> Value:
        return bases[k].offset(number * self.lanes * MEMORY[self.dtypes[k]].size)

    def _one(self, bases: list[Value], number: int, mask: Value | None) -> list[Value]:
        def leaf(node: Node) -> Value:
            k = self.outputs + node.args[0]
            return load(self.f, self._place(bases, k, number), self.dtypes[k], self.lanes, mask)

        lowering = Lowering(self.f, self.lanes, leaf)
        lowering.values.update(self.fixed)
        lowering.compute(self.graph.nodes)
        return [lowering.values[id(node)] for node in self.graph.outputs]
