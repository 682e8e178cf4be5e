"""A network as a table: its layers, what comes out of each, and how many numbers each learns."""

from __future__ import annotations

from typing import Any

import rushlight
from rushlight.utils.pytree import tree_map


def summary(model: Any, *inputs: Any) -> str:
    """The table of a network; with inputs (tensors, or shapes as tuples) it runs once and has shapes too."""
    shapes = output_shapes(model, inputs) if inputs else {}
    rows = [("layer", "output shape" if inputs else "", "parameters")]
    for name, module in model.named_modules():
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        rows.append((titled(name, module), shapes.get(name, ""), f"{own:,}" if own else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{a:<{widths[0]}}   {b:<{widths[1]}}   {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    return "\n".join([*lines, "", totals(model)])


def titled(name: str, module: Any) -> str:
    """A layer's name and kind, moved in as deep as it lies."""
    kind, depth = type(module).__name__, name.count(".") + 1
    return f"{'  ' * depth}{name.rpartition('.')[2]} ({kind})" if name else kind


def totals(model: Any) -> str:
    """How many parameters there are, how many of them learn, and the memory that they take."""
    parameters = list(model.parameters())
    count = sum(parameter.numel() for parameter in parameters)
    learning = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    size = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    return f"{count:,} parameters ({learning:,} learn), {size / 2**20:.1f} MiB"


def output_shapes(model: Any, inputs: tuple[Any, ...]) -> dict[str, str]:
    """The shapes that come out of each module when the network runs, in eval mode and without gradients."""
    shapes: dict[str, str] = {}

    def keep(name: str) -> Any:
        return lambda module, given, result: shapes.__setitem__(name, described(result))

    tensors = [rushlight.zeros(each) if is_shape(each) else each for each in inputs]
    training = {module: module.training for module in model.modules()}
    hooks = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]
    model.eval()
    try:
        with rushlight.no_grad():
            model(*tensors)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in training.items():
            module.training = mode
    return shapes


def is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(size, int) for size in value)


def described(result: Any) -> str:
    """The shapes in what a module gave."""
    shapes: list[str] = []

    def note(leaf: Any) -> None:
        if isinstance(leaf, rushlight.Tensor):
            shapes.append(str(tuple(leaf.shape)))

    tree_map(note, result)
    return ", ".join(shapes)
