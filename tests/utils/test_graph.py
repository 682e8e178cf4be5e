"""The drawing of a graph: every operator and leaf has its box, none overlap, and lines lead downwards."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

import rushlight
from rushlight import nn
from rushlight.utils.graph import draw
from rushlight.utils.graph.collect import collect
from rushlight.utils.graph.layout import Layout

SVG = "{http://www.w3.org/2000/svg}"


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 3)

    def forward(self, x):
        return x + self.second(self.first(x).relu()) * x.sum()


def texts(drawing):
    return [each.text for each in ET.fromstring(drawing.svg).iter(f"{SVG}text")]


def test_a_loss_and_the_parameters_behind_it(tmp_path):
    net = Residual()
    drawing = draw(net(rushlight.ones(2, 3)).square().mean(), net)
    told = texts(drawing)
    assert {"first.weight", "4 × 3", "second.bias", "Addmm", "Relu", "Mean", "result", "a number"} <= set(
        told
    )
    drawing.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text(encoding="utf8") == drawing._repr_svg_()
    assert drawing.svg in drawing._repr_html_()
    assert repr(drawing).startswith("<drawing of a graph: 7 operators")


def test_names_of_tensors_and_several_results():
    a, b = (rushlight.ones(2, requires_grad=True) for _ in range(2))
    told = texts(draw([a * b, a.exp()], {"left <a>": a, "right": b}))
    assert told.count("left <a>") == 1
    assert {"result 0", "result 1", "right"} <= set(told)


@pytest.mark.parametrize("seed", range(6))
def test_boxes_do_not_overlap_and_lines_lead_down(seed):
    rushlight.manual_seed(seed)
    made = [rushlight.ones(1, requires_grad=True) for _ in range(4)]
    for first, second in rushlight.randint(0, 1000, (30, 2)).tolist():
        made.append(made[first % len(made)] * made[second % len(made)])
    boxes = collect(made, {})
    layout = Layout(boxes)
    for layer in layout.layers:
        for left, right in pairwise(layer):
            assert left.x + left.width / 2 < right.x - right.width / 2
    for box in boxes:
        for before in box.befores:
            upper, lower = layout.places[before], layout.places[box]
            assert upper.y + upper.height / 2 < lower.y - lower.height / 2
    inside = [p for layer in layout.layers for p in layer]
    assert min(p.x - p.width / 2 for p in inside) > 0
    assert max(p.x + p.width / 2 for p in inside) < layout.width


def test_a_deep_graph_needs_no_recursion():
    y = rushlight.ones(1, requires_grad=True)
    for _ in range(3000):
        y = y + 1
    assert len(draw(y).boxes) == 3002


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="no graph to draw"):
        draw(rushlight.ones(2))
