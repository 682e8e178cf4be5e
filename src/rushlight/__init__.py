"""Rushlight: a deep-learning framework with PyTorch's interface, written wholly in Python."""

from . import autograd, ops
from .autograd.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .autograd import api as _api  # attaches Tensor.backward
from .ops import *
from .ops.operator import OPERATORS as _OPERATORS
from .tensor.core import Tensor
from .tensor.device import device
from .tensor.dtype import *
from .tensor.dtype import ALIASES as _ALIASES, DTYPES as _DTYPES
from .tensor.interop import from_numpy
from .tensor.size import Size
from .version import __version__

globals().update(_DTYPES, **_ALIASES)
globals().update({path: op.call for path, op in _OPERATORS.items() if "." not in path and not path.startswith("_")})
