"""Rushlight: a deep-learning framework with PyTorch's interface, written wholly in Python."""

from . import autograd, ops
from .autograd.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .autograd import api as _api  # attaches Tensor.backward
from .ops import OPERATORS as _OPERATORS
from .tensor import legacy as _legacy, numbers as _numbers
from .tensor.core import Tensor
from .tensor.create import as_tensor, asarray, scalar_tensor, tensor
from .tensor.device import device, get_default_device, set_default_device
from .tensor.dtype import *
from .tensor.dtype import ALIASES as _ALIASES, DTYPES as _DTYPES
from .tensor.factories import empty, empty_like, empty_permuted, empty_strided, eye, full, full_like, ones, ones_like, zeros, zeros_like
from .tensor.generator import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .tensor.interop import from_numpy
from .tensor.layout import FORMATS as _FORMATS, LAYOUTS as _LAYOUTS, layout, memory_format
from .tensor.legacy import set_default_tensor_type
from .tensor.numbers import is_nonzero
from .tensor.printing import set_printoptions
from .tensor.sampling import multinomial, normal, rand, rand_like, randint, randint_like, randn, randn_like, randperm
from .tensor.sequences import arange, linspace, logspace, range_
from .tensor.size import Size
from .version import __version__

globals().update(_DTYPES, **_ALIASES, **_LAYOUTS, **_FORMATS, **_legacy.TYPES)
globals()["range"] = range_
globals().update({path: op.call for path, op in _OPERATORS.items() if "." not in path and not path.startswith("_")})
