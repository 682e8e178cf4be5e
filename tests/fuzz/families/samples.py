"""Samples of images and volumes at any places, and the gradients of both, against the same in numpy."""

from __future__ import annotations

import numpy as np

from rushlight.kernels import sampling
from rushlight.ops import grid_sampling
from rushlight.runtime import settings

from ..check import near
from ..draw import Draw
from . import family


def _call(draw: Draw) -> tuple:
    """An image or a volume, points in it and around it, a gradient, and how."""
    sizes = [draw.size(40 if k else 20) for k in range(draw.one(2, 2, 3))]
    mode = draw.one("bilinear", "nearest", "bicubic") if len(sizes) == 2 else draw.one("bilinear", "nearest")
    lead, points = (draw.number(1, 3), draw.size(9)), [draw.size(20) for _ in sizes]
    dtype = draw.one("float32", "float64")
    x, g = draw.dense((*lead, *sizes), dtype), draw.dense((*lead, *points), dtype)
    grid = draw.random.random((lead[0], *points, len(sizes))) * draw.one(1.8, 3, 9)
    grid = np.round((grid - grid.max(initial=0) / 2) * 64) / 64 + 0.003  # not at a place where taps change
    for value in (np.nan, 1e30) if draw.chance(0.2) else ():
        grid[draw.random.random(grid.shape) < 0.02] = value
    how = mode, draw.one("zeros", "border", "reflection"), draw.chance(0.5)
    return x, draw.guarded(grid.astype(dtype)), g, how


def _by_formula(function, *arguments) -> np.ndarray:
    before = settings.set_kernel_mode("off")
    with np.errstate(all="ignore"):
        made = function(*arguments)
    settings.set_kernel_mode(before)
    return made


@family("samples")
def samples(draw: Draw) -> bool:
    x, grid, g, how = _call(draw)
    which = draw.one("sample", "input", "grid")
    if which == "sample":
        made = draw.run(sampling.sample, x, grid, *how)
    else:
        made = draw.run(getattr(sampling, f"{which}_gradient"), g, x, grid, *how)
    if made is None:
        return False
    wide = [a.astype("f8") for a in (x, grid, g)]
    if which == "sample":
        exact = _by_formula(grid_sampling.sample.operator.body, *wide[:2], *how)
    else:
        formula = getattr(grid_sampling, f"_{which}_gradient")
        exact = _by_formula(formula, wide[2], *wide[:2], *how)
    scale = max(1.0, float(np.abs(exact[np.isfinite(exact)]).max(initial=0)))
    size = max(x.shape[2:]) * g.size**0.5
    near(made, exact, 200 * float(np.finfo(x.dtype).eps) * scale * size)
    return True
