"""Pictures for tests: noise, smoothed a little so that filters have something to do."""

import numpy as np


def pixels(seed, *shape):
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, shape).astype(np.float64)
    return ((noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3).astype(np.uint8)


def as_array(result):
    """A picture, a tensor of either library, or a list of them, as numpy arrays."""
    if isinstance(result, (list, tuple)):
        return [as_array(r) for r in result]
    return result.numpy() if hasattr(result, "numpy") else np.asarray(result)
