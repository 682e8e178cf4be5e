"""Small trainings that run on either library: the same numbers go in, lists of numbers come out."""

import numpy as np

SHAPES = ((3, 4), (5,), (), (2, 3, 2))
STEPS = 20


def parameters(lib, dtype="float64", shapes=SHAPES, seed=0):
    draws = np.random.default_rng(seed)
    values = [draws.standard_normal(s) for s in shapes]
    if dtype.startswith("complex"):
        values = [v + 1j * draws.standard_normal(v.shape) for v in values]
    return [lib.nn.Parameter(lib.tensor(v.tolist(), dtype=getattr(lib, dtype))) for v in values]


def give_gradients(lib, params, draws):
    for p in params:
        g = draws.standard_normal(tuple(p.shape))
        if p.dtype.is_complex:
            g = g + 1j * draws.standard_normal(g.shape)
        p.grad = lib.tensor(g.tolist(), dtype=p.dtype)


def train(lib, optimizer, params, steps=STEPS, seed=1):
    """Steps with gradients that do not depend on the parameters."""
    draws = np.random.default_rng(seed)
    for _ in range(steps):
        give_gradients(lib, params, draws)
        optimizer.step()
    return params


def descend(lib, optimizer, params, steps=STEPS):
    """Steps down a loss that bends differently in each element; returns the losses."""

    def closure():
        optimizer.zero_grad()
        loss = sum((p * p * (1 + k) + (p - 0.5) ** 4).sum() for k, p in enumerate(params))
        loss.backward()
        return loss

    return [float(optimizer.step(closure).detach()) for _ in range(steps)]


def numbers(x):
    return np.array(x.detach().tolist())


def difference(a, b):
    """The largest difference of two lists of tensors."""
    return max(float(np.abs(numbers(x) - numbers(y)).max()) for x, y in zip(a, b, strict=True))


def converted(value, lib):
    """A state with every tensor in it made one of the other library."""
    if hasattr(value, "detach"):
        dtype = getattr(lib, str(value.dtype).split(".")[-1])
        return lib.tensor(value.detach().tolist(), dtype=dtype).reshape(tuple(value.shape))
    if isinstance(value, dict):
        return {k: converted(v, lib) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(converted(v, lib) for v in value)
    return value
