"""What a recorded operation leaves behind: a node of the graph."""

from __future__ import annotations

from itertools import count
from typing import Any, NamedTuple

next_sequence = count().__next__


class Node:
    """A recorded operation.

    `edges` lead back to where its inputs came from: pairs of a Node (or a leaf Tensor) and an output
    number, or None where no gradient is wanted. A node is always younger than those it leads to, so that
    descending `sequence` is a topological order.
    """

    __slots__ = ("__dict__", "__weakref__", "edges", "leases", "outputs", "saved", "sequence")

    label = "Node"
    takes_parts = False  # may a gradient be missing, or `Placed`?
    hooks: Any = None  # run after apply: {handle id: f(grad_inputs, grad_outputs)}
    prehooks: Any = None  # run before it: {output number: {handle id: f(grad)}}
    all_prehooks: Any = None  # run before it, on all outputs: {handle id: f(grad_outputs)}
    where: str | None = None  # the forward call, recorded in anomaly mode

    def __init__(self, edges: Any, outputs: int = 1) -> None:
        self.edges = edges
        self.outputs = outputs
        self.sequence = next_sequence()
        self.saved: Any = None
        self.leases: Any = None

    def apply(self, grads: list[Any], lifted: bool) -> Any:
        """The gradients for `edges`, given those of the outputs (None: no gradient came).

        They are numpy arrays, or Tensors when `lifted` (the gradient itself is to be differentiated).
        """
        raise NotImplementedError

    def apply_some(self, grads: list[Any], lifted: bool, wanted: Any) -> Any:
        """`apply` where gradients are wanted along some of the edges alone; the others are lost."""
        return self.apply(grads, lifted)

    def release(self) -> None:
        """Forgets what was saved for backward."""
        if self.saved:
            self.saved, self.leases = RELEASED, None

    def check(self) -> None:
        """Raises when what was saved is gone or has been overwritten."""
        if self.saved is RELEASED:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors "
                "after they have already been "
                f"freed): the values that {self.label} saved were freed by the first backward(). Use "
                "backward(retain_graph=True) "
                "the first time if you need to go through the graph again, or compute the forward pass again."
            )
        if self.leases:
            for lease in self.leases:
                if lease.spoiled_by is not None:
                    raise RuntimeError(
                        "one of the variables needed for gradient computation has been modified by an "
                        "inplace operation: "
                        f"{self.label} saved a tensor whose memory is shared with something outside "
                        "(numpy(), from_numpy, DLPack), and "
                        f"{lease.spoiled_by} has overwritten it since. Clone the tensor before sharing or "
                        "editing it."
                    )

    def name(self) -> str:
        """What kind of operation it is, such as AddBackward0."""
        return self.label

    @property
    def next_functions(self) -> tuple:
        """Where the gradients go: pairs of a node and the number of its output."""
        return tuple((None, 0) if e is None else (as_node(e[0]), e[1]) for e in self.edges)

    @property
    def metadata(self) -> dict:
        """A dictionary for the user's own notes."""
        return self.__dict__.setdefault("_metadata", {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_saved_", "_raw_saved_")):
            from .saved import saved_attribute

            return saved_attribute(self, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __repr__(self) -> str:
        return f"<{self.label} object at {id(self):#x}>"


RELEASED: Any = object()


class LeafLink(Node):
    """Stands between a saved value of a leaf and the leaf itself, which may have been edited since."""

    __slots__ = ()
    label = "AccumulateGrad"

    def __init__(self, edge: Any) -> None:
        super().__init__((edge,))

    def apply(self, grads: list[Any], lifted: bool) -> Any:
        return grads


class AccumulateGrad:
    """The end of a graph at a leaf: adds the gradient to `variable.grad`."""

    __slots__ = ("variable",)
    label = "AccumulateGrad"
    next_functions: tuple = ()

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def name(self) -> str:
        return self.label

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


class GradientEdge(NamedTuple):
    """Where a gradient goes: a node, and which of its outputs."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def as_node(target: Any) -> Any:
    """What the user sees at the end of an edge."""
    return target if isinstance(target, Node) else AccumulateGrad(target)
