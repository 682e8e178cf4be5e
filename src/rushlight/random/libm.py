"""Elementary functions of float64 arrays exactly as the C library gives them.

numpy's vector versions differ from the C library in the last bit now and then. PyTorch's samplers call the C
library number by number, so the draws that end in float64 do too; others round the difference away.
"""

import math

import numpy as np

from . import kernels


def _each(name):
    function = getattr(math, name)

    def apply(values):
        compiled = kernels.get(values.size)
        if compiled is not None:
            return compiled.apply(name, values)
        flat = values.ravel()
        return np.fromiter(map(function, flat.tolist()), np.float64, flat.size).reshape(values.shape)

    apply.__name__ = name
    return apply


log = _each("log")
log1p = _each("log1p")
exp = _each("exp")
tan = _each("tan")
