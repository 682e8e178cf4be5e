"""PyTorch's CPU random numbers, bit for bit, as numpy arrays.

A `Generator` holds the stream; each sampler takes one, a shape (or the arrays of its parameters) and the name
of a dtype, and returns a new array: `uniform(default_generator, (2, 3), "float32")` is `torch.rand(2, 3)`.
"""

from importlib import import_module
from typing import Any

from .continuous import cauchy, exponential, log_normal, normal, normal_tensor, standard_normals, uniform
from .discrete import bernoulli, geometric, multinomial
from .engine import Generator, default_generator
from .integers import randint, random_full, randperm
from .memory import in_memory_order
from .rejection import binomial, dirichlet, poisson, standard_gamma

__all__ = [
    "Generator",
    "bernoulli",
    "binomial",
    "cauchy",
    "default_generator",
    "dirichlet",
    "exponential",
    "geometric",
    "in_memory_order",
    "log_normal",
    "multinomial",
    "normal",
    "normal_tensor",
    "poisson",
    "randint",
    "random_full",
    "randperm",
    "standard_gamma",
    "standard_normals",
    "uniform",
]

# what programs call on torch.random: the same stream, with states as tensors
_ON_TENSORS = ("fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state")


def __getattr__(name: str) -> Any:
    if name in _ON_TENSORS:
        found = globals()[name] = getattr(import_module("rushlight.tensor.generator"), name)
        return found
    raise AttributeError(f"module 'rushlight.random' has no attribute '{name}'")
