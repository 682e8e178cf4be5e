"""A layout as an SVG picture. Colours are those of the page where there is a dark one."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .layout import LINE, PADDING, Layout, Place

STYLE = """
  .graph { font: 12px ui-monospace, Menlo, Consolas, monospace; background: #fff; }
  .graph rect { stroke-width: 1.2; rx: 6px; }
  .graph .operator rect { fill: #eef2f7; stroke: #94a3b8; }
  .graph .leaf rect { fill: #e3f1e4; stroke: #6aa46f; }
  .graph .result rect { fill: #fdeacc; stroke: #d89a3c; }
  .graph text { fill: #1f2933; text-anchor: middle; }
  .graph .detail { fill: #64707d; }
  .graph path { fill: none; stroke: #8a97a6; stroke-width: 1.2; }
  .graph .head { fill: #8a97a6; stroke: none; }
"""


def picture(layout: Layout) -> str:
    """The whole picture."""
    width, height = round(layout.width), round(layout.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="computation graph">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path class="head" d="M0,0 L8,4 L0,8 z"/></marker></defs>',
        *(line for place in layout.places.values() for line in lines(place)),
        *(drawn(place) for place in layout.places.values()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def drawn(place: Place) -> str:
    """A box with its title and detail."""
    box, x, y = place.box, place.x, place.y
    assert box is not None
    left, top = x - place.width / 2, y - place.height / 2
    texts = [f'<text x="{x:.1f}" y="{top + PADDING + 12:.1f}">{escape(box.title)}</text>']
    if box.detail:
        at = f'x="{x:.1f}" y="{top + PADDING + LINE + 12:.1f}"'
        texts.append(f'<text class="detail" {at}>{escape(box.detail)}</text>')
    rect = f'<rect x="{left:.1f}" y="{top:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"/>'
    return f'<g class="{box.kind}">{rect}{"".join(texts)}</g>'


def lines(start: Place) -> Iterator[str]:
    """The lines that leave a box, each to the box where it ends."""
    for following in start.afters:
        points, place = [(start.x, start.y + start.height / 2)], following
        while place.box is None:
            points += [(place.x, place.y - place.height / 2), (place.x, place.y + place.height / 2)]
            place = place.afters[0]
        points.append((place.x, place.y - place.height / 2))
        yield f'<path d="{curve(points)}" marker-end="url(#head)"/>'


def curve(points: list[tuple[float, float]]) -> str:
    """A smooth line through points, vertical at each of them."""
    (x, y), steps = points[0], []
    for next_x, next_y in points[1:]:
        middle = (y + next_y) / 2
        steps.append(f"C{x:.1f},{middle:.1f} {next_x:.1f},{middle:.1f} {next_x:.1f},{next_y:.1f}")
        x, y = next_x, next_y
    return f"M{points[0][0]:.1f},{points[0][1]:.1f} " + " ".join(steps)
