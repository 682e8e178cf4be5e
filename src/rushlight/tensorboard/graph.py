"""A network as a graph for TensorBoard: its modules as boxes, with the operators and parameters inside them.

The network runs once, in eval mode and with gradients on. What backward would walk is the graph: each
operator belongs to the innermost module that was running when it ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rushlight.autograd.modes import enable_grad
from rushlight.utils.graph.collect import befores, identity

from . import messages as m
from .protobuf import entries

PRODUCER = 22  # the version of TensorFlow's graphs that this form is of


def network_graph(model: Any, inputs: Any) -> bytes:
    """The graph of what the network does with these inputs."""
    scopes: dict[Any, str] = {}  # an operator's node: where it ran
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    leaves = [traced(each) for each in inputs]
    with recorded(model, scopes), enable_grad():
        result = model(*leaves)
    outputs = [t for t in tensors(result) if t.grad_fn is not None]
    if not outputs:
        raise ValueError(
            f"nothing of the graph of {type(model).__name__} is visible: none of its results has a gradient "
            "with respect to a parameter or to a floating-point input"
        )
    return Drawing(model, leaves, scopes).drawn(outputs)


class Drawing:
    """Gives each node a name and writes it down, the inputs of a node before it."""

    def __init__(self, model: Any, leaves: list[Any], scopes: dict[Any, str]) -> None:
        self.root = type(model).__name__
        self.scopes = scopes
        self.parameters = {id(p): name for name, p in model.named_parameters()}
        self.inputs = {id(leaf): f"input/{number}" for number, leaf in enumerate(leaves)}
        self.names: dict[Any, str] = {}
        self.taken: dict[str, int] = {}
        self.nodes: list[bytes] = []

    def drawn(self, outputs: list[Any]) -> bytes:
        """The graph behind some results."""
        for number, output in enumerate(outputs):
            self.visit(output.grad_fn)
            self.write(f"output/{number}", "Output", [self.names[identity(output.grad_fn)]], output.shape)
        return m.Graph(node=self.nodes, versions=m.Versions(producer=PRODUCER))

    def visit(self, start: Any) -> None:
        """Names everything that a node was computed from, and then the node; without recursion."""
        waiting = [start]
        while waiting:
            node = waiting[-1]
            unnamed = [before for before in befores(node) if identity(before) not in self.names]
            if identity(node) in self.names or not unnamed:
                waiting.pop()
                if identity(node) not in self.names:
                    self.add(node)
            else:
                waiting += unnamed

    def add(self, node: Any) -> None:
        """Writes an operator, a parameter or an input down."""
        variable = getattr(node, "variable", None)
        if variable is None:
            kind = node.name().removesuffix("0").removesuffix("Backward")
            name, shape = self.unique(f"{self.scopes.get(node, self.root)}/{kind}"), None
        else:
            kind = "Input" if id(variable) in self.inputs else "Parameter"
            name, shape = self.unique(self.place(variable)), variable.shape
        self.names[identity(node)] = name
        self.write(name, kind, [self.names[identity(before)] for before in befores(node)], shape)

    def place(self, variable: Any) -> str:
        """Where a leaf stands: a parameter inside its module."""
        if id(variable) in self.inputs:
            return self.inputs[id(variable)]
        path = self.parameters.get(id(variable), "constant")
        return f"{self.root}/{path.replace('.', '/')}"

    def unique(self, name: str) -> str:
        """The name, with a number behind it if it is taken."""
        count = self.taken[name] = self.taken.get(name, -1) + 1
        return f"{name}_{count}" if count else name

    def write(self, name: str, kind: str, inputs: list[str], shape: Any) -> None:
        shapes = None
        if shape is not None:
            listed = m.AttributeList(shape=m.shape(tuple(shape)))
            shapes = entries({"_output_shapes": m.Attribute(list=listed)})
        self.nodes.append(m.Node(name=name, op=kind, input=inputs, attr=shapes))


def traced(value: Any) -> Any:
    """An input as a leaf of the graph, if it can be one."""
    if hasattr(value, "is_floating_point") and value.is_floating_point():
        return value.detach().requires_grad_()
    return value


def tensors(value: Any) -> Iterator[Any]:
    """The tensors in nested results."""
    if hasattr(value, "grad_fn"):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from tensors(each)


@contextmanager
def recorded(model: Any, scopes: dict[Any, str]) -> Iterator[None]:
    """While this lasts, the network is in eval mode and each module claims the operators that ran in it."""

    def claim(path: str) -> Any:
        def hook(module: Any, inputs: Any, result: Any) -> None:
            waiting = [tensor.grad_fn for tensor in tensors(result)]
            known = {tensor.grad_fn for tensor in tensors(inputs)}
            while waiting:
                node = waiting.pop()
                if node is not None and node not in known and node not in scopes:
                    scopes[node] = path
                    waiting += befores(node)

        return hook

    root = type(model).__name__
    modules = dict(model.named_modules())
    training = {name: module.training for name, module in modules.items()}
    hooks = [
        module.register_forward_hook(claim("/".join([root, *filter(None, name.split("."))])))
        for name, module in modules.items()
    ]
    model.eval()
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for name, module in modules.items():
            module.training = training[name]
