"""Where boxes go: in layers from the leaves down to the results, with few crossings and short lines.

The usual three steps: a layer for each box; an order in each layer, by sweeps to the mean of the neighbours;
places that keep the order and lie as near as they can to the neighbours.
"""

from __future__ import annotations

from bisect import bisect_right, insort

from .collect import Box

SWEEPS = 8  # of the order
ROUNDS = 40  # of the places
LINE, PADDING, BESIDE, BETWEEN = 16.0, 7.0, 18.0, 34.0  # heights of text, margins in, beside and below boxes
LETTER = 7.2  # the width of one


class Place:
    """A box in its place, or a bend of a line that passes through a layer."""

    __slots__ = ("afters", "befores", "box", "height", "layer", "width", "x", "y")

    def __init__(self, box: Box | None, layer: int) -> None:
        self.box, self.layer = box, layer
        self.befores: list[Place] = []
        self.afters: list[Place] = []
        self.x = self.y = 0.0
        lines = [box.title, box.detail] if box and box.detail else [box.title] if box else []
        self.width = max(map(len, lines), default=0) * LETTER + 2 * PADDING if box else 2.0
        self.height = len(lines) * LINE + 2 * PADDING if box else 0.0


class Layout:
    """Boxes in layers; `layers` has the places, `width` and `height` the size of the picture."""

    def __init__(self, boxes: list[Box]) -> None:
        self.places = {box: Place(box, layer) for box, layer in layers_of(boxes).items()}
        self.layers: list[list[Place]] = [[] for _ in range(max(p.layer for p in self.places.values()) + 1)]
        for place in self.places.values():
            self.layers[place.layer].append(place)
        for box in boxes:
            for before in dict.fromkeys(box.befores):
                self.connect(self.places[before], self.places[box])
        self.order()
        self.arrange()

    def connect(self, start: Place, end: Place) -> None:
        """A line between two places, with a bend in each layer that it passes."""
        last = start
        for layer in range(start.layer + 1, end.layer):
            bend = Place(None, layer)
            self.layers[layer].append(bend)
            join(last, bend)
            last = bend
        join(last, end)

    # ---- the order in the layers

    def order(self) -> None:
        """Sweeps down and up, and keeps the order with the fewest crossings."""
        best, fewest = [list(layer) for layer in self.layers], self.crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            down = sweep % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                sort_by_neighbours(layer, self.positions(), "befores" if down else "afters")
            count = self.crossings()
            if count < fewest:
                best, fewest = [list(layer) for layer in self.layers], count
        self.layers = best

    def positions(self) -> dict[Place, int]:
        return {place: k for layer in self.layers for k, place in enumerate(layer)}

    def crossings(self) -> int:
        """How many pairs of lines cross."""
        at, count = self.positions(), 0
        for layer in self.layers:
            seen: list[int] = []
            for place in layer:
                ends = sorted(at[after] for after in place.afters)
                count += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    # ---- coordinates

    def arrange(self) -> None:
        """Gives each place its coordinates, from the upper left corner."""
        for layer in self.layers:
            spread(layer, [0.0] * len(layer))
            centre(layer)
        for sweep in range(ROUNDS):
            for layer in self.layers if sweep % 2 else reversed(self.layers):
                spread(layer, [wish(place) for place in layer])
        left = min(p.x - p.width / 2 for layer in self.layers for p in layer) - BESIDE
        y = BESIDE
        for layer in self.layers:
            tallest = max(place.height for place in layer)
            for place in layer:
                place.x, place.y = place.x - left, y + tallest / 2
                if place.box is None:
                    place.height = tallest  # straight past the boxes beside it
            y += tallest + BETWEEN
        self.width = max(p.x + p.width / 2 for layer in self.layers for p in layer) + BESIDE
        self.height = y - BETWEEN + BESIDE


def layers_of(boxes: list[Box]) -> dict[Box, int]:
    """The layer of each box: behind all that it needs; a leaf right above the first that needs it."""
    found: dict[Box, int] = {}
    first: dict[Box, int] = {}
    for box in boxes:
        found[box] = max((found[b] + 1 for b in box.befores), default=0)
        for before in box.befores:
            first[before] = min(first.get(before, found[box]), found[box])
    for box in boxes:
        if not box.befores and box in first:
            found[box] = first[box] - 1
    return found


def join(start: Place, end: Place) -> None:
    start.afters.append(end)
    end.befores.append(start)


def sort_by_neighbours(layer: list[Place], at: dict[Place, int], side: str) -> None:
    """Puts each place at the mean of its neighbours on one side; without any, it stays."""

    def mean(place: Place) -> float:
        neighbours = getattr(place, side)
        return sum(at[n] for n in neighbours) / len(neighbours) if neighbours else at[place]

    layer.sort(key=mean)


def centre(layer: list[Place]) -> None:
    """Moves a layer so that its operators are around zero: what a graph is about goes straight down."""
    main = [p.x for p in layer if p.box is not None and p.box.kind != "leaf"] or [p.x for p in layer]
    middle = sum(main) / len(main)
    for place in layer:
        place.x -= middle


def wish(place: Place) -> float:
    """Where a place would like to be: in the middle of its neighbours."""
    neighbours = [*place.befores, *place.afters]
    if not neighbours:
        return place.x
    weights = [pull(place, n) for n in neighbours]
    return sum(n.x * w for n, w in zip(neighbours, weights)) / sum(weights)


def pull(a: Place, b: Place) -> float:
    """How straight the line between two places should be: long lines most, those of parameters least."""
    if a.box is None or b.box is None:
        return 8.0 if a.box is b.box else 2.0
    return 0.2 if "leaf" in (a.box.kind, b.box.kind) else 2.0


def spread(layer: list[Place], wishes: list[float]) -> None:
    """The places nearest to the wishes, in the least squares, that keep the order and some distance."""
    starts, total = [], 0.0
    for k, place in enumerate(layer):
        if k:
            total += (layer[k - 1].width + place.width) / 2 + BESIDE
        starts.append(total)
    blocks: list[list[float]] = []  # neighbours that touch: their wishes times weights, weights, number
    for place, want, start in zip(layer, wishes, starts):
        heavy = weight(place)
        blocks.append([(want - start) * heavy, heavy, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last)]
    offsets = [value / weights for value, weights, count in blocks for _ in range(int(count))]
    for place, start, offset in zip(layer, starts, offsets):
        place.x = start + offset


def weight(place: Place) -> float:
    """Parameters make way for what is computed from them."""
    return 0.02 if place.box is not None and place.box.kind == "leaf" else 1.0
