"""Draws that our generator and PyTorch's make in the same way, for the tests of both kinds.

`python tests/support/random_draws.py` records PyTorch's numbers again for the tests that run without it.
"""

import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import rushlight.random as ours

RECORDED = Path(__file__).parents[1] / "random" / "drawn_by_torch.json"
RECORDED_SIZES = (3, 21)
SEED = 2147483659
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")


class Draw(NamedTuple):
    """`ours(generator, n)` and `torchs(torch, generator, n)` draw the same n numbers."""

    ours: Callable
    torchs: Callable
    smallest: int = 1  # the fewest numbers it makes sense for
    largest: int = 10**9  # beyond this it takes long, or PyTorch leaves the order open


DRAWS = {}


def parameters(n, scale=1.0, dtype="float32"):
    """n numbers in [0, scale), the same on both sides and exact in every float format."""
    values = (np.arange(n) * 37 % 64) / 64 * scale
    return values.astype(np.float32 if dtype == "bfloat16" else dtype)


def as_tensor(torch, array, dtype):
    return torch.from_numpy(array).to(getattr(torch, dtype))


def _in_place(method, dtype, *arguments):
    def draw(torch, g, n):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*is out of bounds.*")  # wide ranges of narrow floats
            return getattr(torch.empty(n, dtype=getattr(torch, dtype)), method)(*arguments, generator=g)

    return draw


def _serial_normal(dtype):
    return lambda torch, g, n: torch.empty(n, 2, dtype=getattr(torch, dtype))[:, 0].normal_(
        0.5, 0.7, generator=g
    )


def _function(name, dtype, **arguments):
    return lambda torch, g, n: getattr(torch, name)(n, dtype=getattr(torch, dtype), generator=g, **arguments)


def _floats(dtype):
    yield "uniform", lambda g, n: ours.uniform(g, n, dtype), _function("rand", dtype)
    for low, high in ((-1.0, 1.0), (-0.3, 1.7), (3.0, 1000.0)):
        yield (
            f"uniform {low} {high}",
            lambda g, n, low=low, high=high: ours.uniform(g, n, dtype, low, high),
            _in_place("uniform_", dtype, low, high),
        )
    yield "normal", lambda g, n: ours.normal(g, n, dtype), _function("randn", dtype)
    yield "normal 2 3", lambda g, n: ours.normal(g, n, dtype, 0.2, 0.3), _in_place("normal_", dtype, 0.2, 0.3)
    yield (
        "normal serial",
        lambda g, n: ours.normal(g, n, dtype, 0.5, 0.7, contiguous=False),
        _serial_normal(dtype),
    )
    yield (
        "exponential",
        lambda g, n: ours.exponential(g, n, dtype, 1.3),
        _in_place("exponential_", dtype, 1.3),
    )
    yield "cauchy", lambda g, n: ours.cauchy(g, n, dtype, 0.3, 1.3), _in_place("cauchy_", dtype, 0.3, 1.3)
    yield (
        "log_normal",
        lambda g, n: ours.log_normal(g, n, dtype, 0.3, 0.5),
        _in_place("log_normal_", dtype, 0.3, 0.5),
    )


def _with_arrays(dtype):
    p = lambda n, scale=1.0: parameters(n, scale, dtype)  # noqa: E731
    t = lambda torch, n, scale=1.0: as_tensor(torch, p(n, scale), dtype)  # noqa: E731
    yield (
        "normal_tensor",
        lambda g, n: ours.normal_tensor(g, p(n, 4.0), p(n), (n,), dtype),
        lambda torch, g, n: torch.normal(t(torch, n, 4.0), t(torch, n), generator=g),
    )
    yield (
        "bernoulli array",
        lambda g, n: ours.bernoulli(g, p(n), (n,), dtype),
        lambda torch, g, n: torch.bernoulli(t(torch, n), generator=g),
    )
    yield (
        "multinomial",
        lambda g, n: ours.multinomial(g, p(n + 1), n + 3, True, dtype=dtype),
        lambda torch, g, n: torch.multinomial(t(torch, n + 1), n + 3, True, generator=g),
    )
    yield (
        "multinomial one",
        lambda g, n: ours.multinomial(g, p(n + 1), 1, dtype=dtype),
        lambda torch, g, n: torch.multinomial(t(torch, n + 1), 1, generator=g),
    )


def _by_trial(dtype):
    p = lambda n, scale: parameters(n, scale, dtype)  # noqa: E731
    t = lambda torch, n, scale: as_tensor(torch, p(n, scale), dtype)  # noqa: E731
    yield (
        "poisson",
        lambda g, n: ours.poisson(g, p(n, 64.0), dtype=dtype),
        lambda torch, g, n: torch.poisson(t(torch, n, 64.0), generator=g),
    )
    if dtype in ("float16", "bfloat16"):
        return
    yield (
        "binomial",
        lambda g, n: ours.binomial(g, p(n, 128.0), p(n, 1.0), dtype=dtype),
        lambda torch, g, n: torch.binomial(t(torch, n, 128.0), t(torch, n, 1.0), generator=g),
    )
    yield (
        "standard_gamma",
        lambda g, n: ours.standard_gamma(g, p(n, 4.0)),
        lambda torch, g, n: torch._standard_gamma(t(torch, n, 4.0), generator=g),
    )
    yield (
        "dirichlet",
        lambda g, n: ours.dirichlet(g, np.stack([p(n, 4.0) + 0.25, p(n, 1.0) + 0.5], 1)),
        lambda torch, g, n: torch._sample_dirichlet(
            torch.stack([t(torch, n, 4.0) + 0.25, t(torch, n, 1.0) + 0.5], 1), generator=g
        ),
    )


def _any_type(dtype):
    yield "random_full", lambda g, n: ours.random_full(g, n, dtype), _in_place("random_", dtype)
    yield "bernoulli", lambda g, n: ours.bernoulli(g, 0.3, n, dtype), _in_place("bernoulli_", dtype, 0.3)
    if dtype != "bool":
        yield (
            "geometric",
            lambda g, n: ours.geometric(g, n, dtype, 0.05),
            _in_place("geometric_", dtype, 0.05),
        )


def _ranges():
    for dtype, low, high in [
        *((dtype, 0, 100) for dtype in (*FLOATS, *INTEGERS, "uint16", "uint32", "uint64")),
        ("bool", 0, 2),
        *((dtype, 1, None) for dtype in (*FLOATS, *INTEGERS, "bool")),
        *((dtype, -(2**63), None) for dtype in ("int64", "float64", "float32", "bfloat16")),
        *(("int64", 0, high) for high in (2**28 - 1, 2**28, 2**32, 2**63 - 1)),
        *((dtype, -(2**31), 2**31 - 1) for dtype in ("int64", "int32", "float32", "float64")),
        *(
            ("float32", 3, 2**28 - 1),
            ("float16", 0, 60000),
            ("bfloat16", 1000, 65000),
            ("float64", -(2**62), 2**62),
        ),
    ]:
        yield (
            f"randint {low} {high} {dtype}",
            lambda g, n, dtype=dtype, low=low, high=high: ours.randint(g, n, dtype, low, high),
            _in_place("random_", dtype, low, high),
        )


def _collect():
    for dtype in FLOATS:
        for name, mine, torchs in (*_floats(dtype), *_with_arrays(dtype)):
            DRAWS[f"{name} {dtype}"] = Draw(
                mine, torchs, 2 if "serial" in name or "multinomial" in name else 1
            )
        for name, mine, torchs in _by_trial(dtype):
            DRAWS[f"{name} {dtype}"] = Draw(mine, torchs, largest=1000)
    for dtype in (*FLOATS, *INTEGERS, "bool"):
        for name, mine, torchs in _any_type(dtype):
            DRAWS[f"{name} {dtype}"] = Draw(mine, torchs)
    for name, mine, torchs in _ranges():
        DRAWS[name] = Draw(mine, torchs)
    for dtype, largest in (
        ("int64", 10**6),
        ("int32", 10**5),
        ("float32", 5000),
        ("float16", 2049),
        ("uint8", 256),
    ):
        DRAWS[f"randperm {dtype}"] = Draw(
            lambda g, n, dtype=dtype: ours.randperm(g, n, dtype),
            _function("randperm", dtype),
            largest=largest,
        )
    for dtype in ("complex64", "complex128"):
        DRAWS[f"uniform {dtype}"] = Draw(
            lambda g, n, d=dtype: ours.uniform(g, (n,), d), _function("rand", dtype)
        )
        DRAWS[f"normal {dtype}"] = Draw(
            lambda g, n, d=dtype: ours.normal(g, (n,), d), _function("randn", dtype)
        )
    for dtype in (
        "float32",
        "float64",
    ):  # the half types often tie, and PyTorch's order of ties is its sort's
        DRAWS[f"multinomial without replacement {dtype}"] = Draw(
            lambda g, n, d=dtype: ours.multinomial(g, parameters(n, 1, d) + 1, max(n // 2, 1)),
            lambda torch, g, n, d=dtype: torch.multinomial(
                as_tensor(torch, parameters(n, 1, d) + 1, d), max(n // 2, 1), generator=g
            ),
            largest=1000,
        )


_collect()


def as_numpy(tensor):
    """A tensor's numbers in the form our samplers return them in, bfloat16 widened to float32."""
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def widened(array):
    """The same for our own arrays."""
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def digest(state):
    return hashlib.blake2b(state.tobytes(), digest_size=8).hexdigest()


def plain(array):
    """Numbers that JSON keeps exactly; complex ones as pairs."""
    array = np.asarray(array)
    return array.view(array.real.dtype).reshape(-1).tolist() if array.dtype.kind == "c" else array.tolist()


def record():
    import torch

    recorded = {}
    for name, draw in DRAWS.items():
        generator = torch.Generator().manual_seed(SEED)
        recorded[name] = [
            {
                "values": plain(as_numpy(draw.torchs(torch, generator, n))),
                "state": digest(generator.get_state().numpy()),
            }
            for n in RECORDED_SIZES
        ]
    lines = [f"{json.dumps(name)}: {json.dumps(draws)}" for name, draws in recorded.items()]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    record()
