"""Elementary functions of float64 arrays exactly as the C library gives them.

numpy's vector versions differ from the C library in the last bit now and then. PyTorch's samplers call the C library
one number at a time, so the draws that end in float64 do too; others round the difference away.
"""

import math

import numpy as np


def _each(function):
    def apply(values):
        return np.fromiter(map(function, values.tolist()), np.float64, values.size)

    apply.__name__ = function.__name__
    return apply


log = _each(math.log)
log1p = _each(math.log1p)
exp = _each(math.exp)
tan = _each(math.tan)
