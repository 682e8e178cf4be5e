"""Random numbers with a place in the graph: samplers of tensors of parameters, and those in place."""

from __future__ import annotations

from .. import lang
from .. import random as draws
from ..autograd.modes import state
from ..tensor.core import Tensor, wrap
from ..tensor.create import tensor
from ..tensor.dtype import of_numpy
from ..tensor.inplace import assign, check_leaf, put, writable, write_out
from ..tensor.options import make, sizes
from ..tensor.sampling import drawn_into, generator_of
from .conversion import filling
from .declare import operator
from .shapes import broadcast

LARGE = 1 << 20  # elements from which on a second array of the size is worth avoiding


@operator(exact=True)
def bernoulli(input: Array, p=None, *, generator=None):
    """One with the probability that `input` says (or `p` everywhere), else zero."""
    gen = generator_of(generator)
    name = of_numpy(input.dtype).name
    return draws.bernoulli(gen, input if p is None else p, input.shape, name)


@operator(method=False, out=False, exact=True)
def poisson(input: Array, generator=None):
    """The number of events in a unit of time, for each rate in `input`."""
    return draws.poisson(generator_of(generator), input)


@operator(method=False, out=False, exact=True)
def binomial(count: Array, prob: Array, generator=None):
    """The number of successes in `count` trials of probability `prob`."""
    return draws.binomial(generator_of(generator), count, prob)


bernoulli.gradient(input=lambda g: lang.zeros_like(g))
poisson.gradient(input=lambda g: lang.zeros_like(g))
binomial.gradient(count=lambda g, count: lang.zeros_like(count), prob=lambda g, prob: lang.zeros_like(prob))


@operator(method=False, out=False, name="_standard_gamma")
def standard_gamma(concentration: Array, generator=None):
    """Gamma numbers of rate one; the gradient tells how a number moves with its concentration."""
    return draws.standard_gamma(generator_of(generator), concentration)


standard_gamma.gradient(
    concentration=lambda g, concentration, result: g * lang.gamma_slope(concentration, result)
)


@operator(method=False, out=False, exact=True, name="_normal_of", node="NormalBackward3")
def normal_of(mean: Array, std: Array, generator=None):
    """Normal numbers with means and deviations that broadcast."""
    shape = broadcast((mean.shape, std.shape), "normal")
    return draws.normal_tensor(generator_of(generator), mean, std, shape, of_numpy(mean.dtype).name)


normal_of.gradient(mean=lambda g, mean: lang.zeros_like(mean), std=lambda g, std: lang.zeros_like(std))


def normal(mean, std=1.0, size=None, *, generator=None, out=None, **options):
    """Normal numbers with the given means and deviations: numbers together with a size, or tensors."""
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        if size is not None or options:
            raise TypeError(
                "normal(): size, dtype and their like are for numbers; tensors of means and deviations "
                "have them already"
            )
        like = mean if isinstance(mean, Tensor) else std
        mean, std = (
            x if isinstance(x, Tensor) else tensor(x, dtype=like.dtype, device=like.device)
            for x in (mean, std)
        )
        result = normal_of(mean, std if std.dtype is mean.dtype else std.to(mean.dtype), generator)
        return result if out is None else write_out(out, result, "normal")
    if size is None:
        raise TypeError(
            "normal() received an invalid combination of arguments - got (float, float); give a size: "
            "normal(mean, std, size)"
        )
    gen, shape = generator_of(generator), sizes("normal", (size,))
    return make("normal", lambda dt: draws.normal(gen, shape, dt.name, mean, std), out=out, **options)


# ---- in place


def refill(t, draw, name):
    """Puts fresh random numbers into `t`; its gradient is zero from here on."""
    check_leaf(t, name)
    if t.is_meta:
        return t
    values = wrap(drawn_into(t._a, t.dtype, draw), t.dtype)
    if state.grad and (t._rg or (t._base is not None and t._base._rg)):
        assign(t, filling(f"_{name}", node_of(name))(t, 0), name)
    put(t, values, name)
    return t


def node_of(name):
    """The name in the graph: "UniformBackward0" for "uniform_"."""
    return "".join(part.capitalize() for part in name.split("_")) + "Backward0"


def uniform_(self, *bounds, generator=None, **named):
    """Fills this tensor with numbers from [from, to), evenly spread."""
    low, high = _two("uniform_", bounds, named, ("from", "to"), (0.0, 1.0))
    gen = generator_of(generator)
    if _is_large_and_plain(self):
        draws.uniform(gen, self._a.shape, self.dtype.name, low, high, writable(self, "uniform_"))
        return self
    return refill(self, lambda shape, dt, _: draws.uniform(gen, shape, dt, low, high), "uniform_")


def _is_large_and_plain(t):
    """May numbers be drawn right into the memory of `t`? There is none to spare for a second large array."""
    tracked = state.grad and (t._rg or (t._base is not None and t._base._rg))
    if tracked or t.is_meta or t.dtype.name not in ("float32", "float64"):
        return False
    return t._a.size >= LARGE and t._a.flags.c_contiguous


def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Fills this tensor with normal numbers."""
    gen = generator_of(generator)
    return refill(
        self, lambda shape, dt, flat: draws.normal(gen, shape, dt, mean, std, contiguous=flat), "normal_"
    )


def exponential_(self, lambd=1.0, *, generator=None):
    """Fills this tensor with waiting times of rate `lambd`."""
    gen = generator_of(generator)
    return refill(self, lambda shape, dt, _: draws.exponential(gen, shape, dt, lambd), "exponential_")


def geometric_(self, p, *, generator=None):
    """Fills this tensor with the numbers of trials until the first success."""
    gen = generator_of(generator)
    return refill(self, lambda shape, dt, _: draws.geometric(gen, shape, dt, p), "geometric_")


def cauchy_(self, median=0.0, sigma=1.0, *, generator=None):
    """Fills this tensor with Cauchy numbers."""
    gen = generator_of(generator)
    return refill(self, lambda shape, dt, _: draws.cauchy(gen, shape, dt, median, sigma), "cauchy_")


def log_normal_(self, mean=1.0, std=2.0, *, generator=None):
    """Fills this tensor with numbers whose logarithms are normal."""
    gen = generator_of(generator)
    return refill(self, lambda shape, dt, _: draws.log_normal(gen, shape, dt, mean, std), "log_normal_")


def bernoulli_(self, p=0.5, *, generator=None):
    """Fills this tensor with ones, of probability `p` (a number or a tensor), and zeros."""
    gen = generator_of(generator)
    if isinstance(p, Tensor):
        values = wrap(draws.bernoulli(gen, p._a, self._a.shape, self.dtype.name), self.dtype)
        return (
            refill(self, lambda shape, dt, _: values._a.reshape(shape), "bernoulli_")
            if self._a.flags.c_contiguous
            else self.copy_(values)
        )
    return refill(self, lambda shape, dt, _: draws.bernoulli(gen, p, shape, dt), "bernoulli_")


def random_(self, *bounds, generator=None, **named):
    """Fills this tensor with whole numbers: random_(), random_(to) or random_(from, to)."""
    gen = generator_of(generator)
    if not bounds and not named:
        return refill(self, lambda shape, dt, _: draws.random_full(gen, shape, dt), "random_")
    if len(bounds) == 1 and not named:
        bounds = (0, bounds[0])
    low, high = _two("random_", bounds, named, ("from", "to"), (0, None))
    return refill(self, lambda shape, dt, _: draws.randint(gen, shape, dt, low, high), "random_")


def _two(name, given, named, names, defaults):
    """Two bounds by position or by name; `from` is no name that Python lets a parameter have."""
    values = dict(zip(names, defaults))
    if len(given) > 2:
        raise TypeError(f"{name}() takes at most 2 bounds, {names[0]} and {names[1]}; got {len(given)}")
    values.update(zip(names, given))
    for key, value in named.items():
        if key not in values:
            raise TypeError(
                f"{name}() got an unexpected keyword argument '{key}'; it takes {names[0]}, {names[1]} and "
                "generator"
            )
        values[key] = value
    return tuple(values[n] for n in names)


for _sampler in (uniform_, normal_, exponential_, geometric_, cauchy_, log_normal_, bernoulli_, random_):
    setattr(Tensor, _sampler.__name__, _sampler)
