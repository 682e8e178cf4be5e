"""Lines over logarithmic axes, as SVG."""

from __future__ import annotations

import math
from html import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 380, 70, 40, 20, 50
STYLES = {  # by framework and threads
    ("rushlight", 2): 'stroke="#c2410c" stroke-width="2.5"',
    ("rushlight", 1): 'stroke="#c2410c" stroke-width="1.5" stroke-dasharray="6 4"',
    ("torch", 2): 'stroke="#475569" stroke-width="2.5"',
    ("torch", 1): 'stroke="#475569" stroke-width="1.5" stroke-dasharray="6 4"',
}
NAMES = {"rushlight": "Rushlight", "torch": "PyTorch"}
OTHER = 'stroke="#0f766e" stroke-width="1.5"'


def chart(title: str, across: str, lines: dict[tuple[str, int], dict[int, float]]) -> str:
    """A picture of seconds over sizes; `lines` are by framework and threads."""
    points = [(x, y) for line in lines.values() for x, y in line.items()]
    low, high = (min(x for x, _ in points), min(y for _, y in points)), tuple(map(max, zip(*points)))
    axes = [(math.log10(a), math.log10(b)) for a, b in zip(low, high)]
    axes[1] = math.floor(axes[1][0]), math.ceil(axes[1][1])

    def place(x: float, y: float) -> tuple[float, float]:
        at = [(math.log10(v) - a) / ((b - a) or 1) for v, (a, b) in zip((x, y), axes)]
        return LEFT + at[0] * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - at[1] * (HEIGHT - TOP - BOTTOM)

    parts = [_text(WIDTH / 2, 22, title, "middle", 15), _text(WIDTH / 2, HEIGHT - 10, across, "middle")]
    for power in range(axes[1][0], axes[1][1] + 1):
        _, y = place(low[0], 10.0**power)
        parts += [_rule(LEFT, y, WIDTH - RIGHT, y), _text(LEFT - 8, y + 4, _seconds(10.0**power), "end")]
    for size in sorted({x for x, _ in points}):
        x, _ = place(size, high[1])
        parts += [
            _rule(x, TOP, x, HEIGHT - BOTTOM),
            _text(x, HEIGHT - BOTTOM + 16, _size(size), "middle", 10),
        ]
    for number, (key, line) in enumerate(lines.items()):
        style = STYLES.get(key, OTHER)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in sorted(line.items())))
        parts.append(f'<polyline fill="none" {style} points="{path}"/>')
        y = TOP + 14 + 16 * number
        parts.append(f'<line x1="{LEFT + 10}" y1="{y - 4}" x2="{LEFT + 40}" y2="{y - 4}" {style}/>')
        threads = f"{key[1]} thread{'s' if key[1] > 1 else ''}"
        parts.append(_text(LEFT + 46, y, f"{NAMES.get(key[0], key[0])}, {threads}", "start"))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts, "</svg>\n"])


def _text(x: float, y: float, words: str, anchor: str, size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(words)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#e2e8f0"/>'


def _seconds(value: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if value >= scale * 0.999:
            return f"{value / scale:.0f} {unit}"
    return f"{value:.0e} s"


def _size(size: int) -> str:
    power = round(math.log10(size))
    return f"1e{power}" if size >= 1000 and 10**power == size else str(size)
