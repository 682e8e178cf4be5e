"""The graph behind some tensors as boxes: what each is called, what it was computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...autograd.node import Node
from ..pytree import tree_leaves


class Box:
    """An operator, a leaf (a parameter or an input), or a result."""

    __slots__ = ("befores", "detail", "kind", "title")

    def __init__(self, kind: str, title: str, detail: str, befores: list[Box]) -> None:
        self.kind, self.title, self.detail, self.befores = kind, title, detail, befores


def collect(results: Any, names: Mapping[int, str]) -> list[Box]:
    """The boxes of a graph, each after those that it was computed from; `names` of leaves by their ids."""
    tensors = [t for t in tree_leaves(results) if hasattr(t, "grad_fn")]
    roots = [t for t in tensors if t.grad_fn is not None]
    if not roots:
        raise ValueError(
            "there is no graph to draw: none of the tensors has a grad_fn; compute it from something that "
            "requires a gradient, outside of no_grad"
        )
    boxes: dict[Any, Box] = {}
    for root in roots:
        for node in in_order(root.grad_fn, boxes):
            boxes[identity(node)] = box_of(node, [boxes[identity(b)] for b in befores(node)], names)
    drawn = list(boxes.values())
    for number, root in enumerate(roots):
        title = names.get(id(root)) or ("result" if len(roots) == 1 else f"result {number}")
        drawn.append(Box("result", title, sizes(root), [boxes[identity(root.grad_fn)]]))
    return drawn


def in_order(start: Any, done: Mapping[Any, Box]) -> Iterator[Any]:
    """The nodes behind a node, each after those before it; no recursion, as graphs are deep."""
    waiting, begun = [start], set()
    while waiting:
        node = waiting[-1]
        key = identity(node)
        if key in done:
            waiting.pop()
        elif key in begun:
            waiting.pop()
            yield node
        else:
            begun.add(key)
            waiting += [b for b in befores(node) if identity(b) not in done]


def box_of(node: Any, before: list[Box], names: Mapping[int, str]) -> Box:
    variable = getattr(node, "variable", None)
    if variable is None:
        return Box("operator", readable(node.name()), "", before)
    return Box("leaf", names.get(id(variable), "tensor"), sizes(variable), [])


def readable(name: str) -> str:
    """AddmmBackward0 as Addmm."""
    return name.rstrip("0123456789").removesuffix("Backward")


def sizes(tensor: Any) -> str:
    """A shape in words."""
    return " × ".join(map(str, tensor.shape)) or "a number"


def identity(node: Any) -> Any:
    """What a node is known by: the end of the graph at a leaf is a new object each time, the leaf is not."""
    variable = getattr(node, "variable", None)
    return node if variable is None else id(variable)


def befores(node: Any) -> list[Any]:
    """The nodes whose results a node used: those that a gradient passes, none that are only shown."""
    if not isinstance(node, Node):
        return []
    return [before for before, _ in Node.next_functions.fget(node) if before is not None]  # type: ignore[attr-defined]
