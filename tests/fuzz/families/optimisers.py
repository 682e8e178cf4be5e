"""The updates of optimisers: one kernel reads and writes parameter, gradient and states; and whole steps."""

from __future__ import annotations

import numpy as np

import rushlight
from rushlight import optim
from rushlight.optim import elementwise
from rushlight.tensor.dtype import DTYPES

from ..check import same
from ..draw import Draw
from . import family

ELEMENTS = 20_000
OPTIONS = {
    "SGD": {"momentum": (0, 0.9), "nesterov": (False, True)},
    "Adam": {"amsgrad": (False, True)},
    "AdamW": {"amsgrad": (False, True)},
    "Adagrad": {"lr_decay": (0, 0.1)},
    "Adadelta": {},
    "Adamax": {},
    "ASGD": {},
    "NAdam": {"decoupled_weight_decay": (False, True)},
    "RAdam": {"decoupled_weight_decay": (False, True)},
    "RMSprop": {"momentum": (0, 0.9), "centered": (False, True)},
    "Rprop": {},
}


def _optimiser(draw: Draw, parameters: list | None = None):
    name = draw.one(*OPTIONS)
    options = {key: draw.one(*values) for key, values in OPTIONS[name].items()}
    if options.get("nesterov") and not options["momentum"]:
        options["nesterov"] = False
    if name != "Rprop":
        options["weight_decay"] = draw.one(0, 0.01)
    given = parameters or [rushlight.zeros(1)]
    return getattr(optim, name)(given, maximize=draw.chance(0.3), **options)


@family("optimisers")
def update(draw: Draw) -> bool:
    chosen, dtype = _optimiser(draw), draw.one("float32", "float64")
    group = chosen.param_groups[0]
    variant = chosen._variant(group)
    shape = draw.shape(draw.number(0, 3), ELEMENTS)
    special = (np.nan, np.inf, -0.0, 1e-40) if draw.chance(0.2) else ()
    arrays = [draw.values(shape, dtype, special) for _ in range(2)]
    arrays += [np.asarray(np.abs(draw.values(shape, dtype))) for _ in variant.states]
    state = {name: rushlight.tensor(value) for name, value in chosen.counters(group).items()}
    numbers = chosen.numbers(group, float(draw.number(1, 50)), float, state)
    exact = [a.copy() for a in arrays]
    with np.errstate(all="ignore"):
        variant._by_numpy(exact, numbers)
    guarded = [draw.strided(a) if draw.chance(0.3) else draw.guarded(a) for a in arrays]
    draw.run(variant.update, guarded, numbers, DTYPES[dtype])
    for made, wanted in zip(guarded, exact):
        same(made, wanted)
    return variant.kernels.get(DTYPES[dtype]) is not None


def _parameter(draw: Draw, values: np.ndarray, slope: np.ndarray) -> rushlight.Tensor:
    """A tensor whose memory nobody else knows, and its gradient."""
    made, grad = (rushlight.empty(0, dtype=getattr(rushlight, values.dtype.name)) for _ in range(2))
    made._a, grad._a = draw.guarded(values), draw.strided(slope) if draw.chance(0.2) else draw.guarded(slope)
    made.requires_grad_().grad = grad
    return made


@family("steps of optimisers")
def steps(draw: Draw) -> bool:
    """All parameters of a group by one builtin, as one after the other."""
    dtype = draw.one("float32", "float64")
    shapes = [draw.shape(draw.number(0, 3), 2000) for _ in range(draw.number(1, 5))]
    given = [tuple(np.asarray(draw.values(shape, dtype)) for _ in range(2)) for shape in shapes]
    native, results = elementwise.functions, []
    again = draw.random.bit_generator.state
    for one_by_one in (True, False):
        draw.random.bit_generator.state = again
        params = [_parameter(draw, *pair) for pair in given]
        chosen = _optimiser(draw, params)
        elementwise.functions = (lambda: None) if one_by_one else native
        try:
            for _ in range(3):
                draw.run(chosen.step)
        finally:
            elementwise.functions = native
        states = [chosen.state.get(p, {}) for p in params]
        results.append([*params, *(t for state in states for _, t in sorted(state.items()))])
    for wanted, made in zip(*results, strict=True):
        same(made.detach().numpy(), wanted.detach().numpy())
    return native() is not None
