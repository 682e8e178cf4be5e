"""A drawing of the graph that backward would walk: operators, and the tensors whose gradients it computes.

from rushlight.utils.graph import draw

loss = criterion(model(x), y)
draw(loss, model)                       # in a notebook, the picture
draw(loss, model).save("graph.svg")     # a file for any browser
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .collect import collect
from .layout import Layout
from .svg import picture


def draw(results: Any, names: Any = None) -> Drawing:
    """The graph behind `results`, a tensor or several.

    `names` says what leaves are called: a module, whose parameters have names, or a dict of tensors by name.
    """
    return Drawing(results, names)


class Drawing:
    """A graph as a picture: shown in notebooks, and written to a file by `save`."""

    def __init__(self, results: Any, names: Any = None) -> None:
        by_name = names if isinstance(names, Mapping) else dict(names.named_parameters()) if names else {}
        self.boxes = collect(results, {id(tensor): name for name, tensor in by_name.items()})
        self.svg = picture(Layout(self.boxes))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture as an SVG file."""
        Path(path).write_text(self.svg, encoding="utf8")

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="overflow: auto; max-height: 80vh">{self.svg}</div>'

    def __repr__(self) -> str:
        operators = sum(box.kind == "operator" for box in self.boxes)
        return f"<drawing of a graph: {operators} operators, {len(self.boxes)} boxes; .save('graph.svg')>"


__all__ = ["Drawing", "draw"]
