"""Rushlight: a deep-learning framework with PyTorch's interface, written wholly in Python.

`import rushlight as torch` is enough to run a program written for PyTorch. What the core does not need at
once (`nn`, `optim`, `linalg`, ...) is loaded the first time that it is used.
"""

from . import runtime as _runtime  # first: numpy reads an environment variable that it sets

# isort: split
from importlib import import_module as _import_module
from math import e, inf, nan, pi
from typing import Any as _Any

from . import autograd, return_types, version
from .autograd import api as _api  # these attach backward() and the hooks to Tensor
from .autograd import hooks as _hooks
from .autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .ops import OPERATORS as _OPERATORS
from .ops import load_all as _load_all_operators
from .ops.conversion import fill, fill_, zero_
from .ops.declare import INPLACE as _INPLACE
from .ops.sampling import normal
from .tensor import metadata as _metadata  # these attach methods
from .tensor import numbers as _numbers
from .tensor import pickling as _pickling
from .tensor import subclass as _subclass
from .tensor.core import Tensor
from .tensor.create import as_tensor, asarray, scalar_tensor, tensor
from .tensor.device import device, get_default_device, set_default_device
from .tensor.dtype import ALIASES as _ALIASES
from .tensor.dtype import DTYPES as _DTYPES
from .tensor.dtype import dtype, get_default_dtype, set_default_dtype
from .tensor.factories import (
    empty,
    empty_like,
    empty_permuted,
    empty_strided,
    eye,
    full,
    full_like,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from .tensor.generator import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .tensor.interop import from_dlpack, from_numpy, frombuffer, to_dlpack
from .tensor.layout import FORMATS as _FORMATS
from .tensor.layout import LAYOUTS as _LAYOUTS
from .tensor.layout import layout, memory_format
from .tensor.legacy import TYPES as _TYPES
from .tensor.legacy import set_default_tensor_type
from .tensor.metadata import get_device, numel, typename
from .tensor.sampling import multinomial, rand, rand_like, randint, randint_like, randn, randn_like, randperm
from .tensor.sequences import arange, linspace, logspace
from .tensor.sequences import range_ as _range
from .tensor.size import Size
from .tensor.subclass import DisableTorchFunctionSubclass as _DisableTorchFunctionSubclass
from .version import __version__

newaxis = None
legacy_contiguous_format = _FORMATS["contiguous_format"]

globals().update(**_DTYPES, **_ALIASES, **_LAYOUTS, **_FORMATS, **_TYPES, range=_range)

# methods that are functions as well
_EDITS = """
    abs_ acos_ acosh_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ asinh_ atan_ atanh_
    ceil_ celu_ clamp_ clamp_max_ clamp_min_ clip_ conj_physical_ cos_ cosh_ deg2rad_ erf_ erfc_
    exp2_ exp_ expm1_ fix_ floor_ frac_ gcd_ i0_ index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_
    logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_ round_ rsqrt_ selu_ sigmoid_ sin_
    sinc_ sinh_ sqrt_ square_ tan_ tanh_ threshold_ trunc_ xlogy_ as_strided_ detach_ detach
    is_inference resize_as_ rrelu_ dropout_ alpha_dropout_ feature_dropout_
"""


def _publish_operators() -> None:
    """Makes names of this module of the operators of the root namespace that are declared."""
    there = {path: op.call for path, op in _OPERATORS.items() if "." not in path and not path.startswith("_")}
    for name in _EDITS.split():
        if found := vars(Tensor).get(name) or _INPLACE.get(name):
            there[name] = found
    globals().update({name: f for name, f in there.items() if name not in globals()})


def _complete() -> bool:
    """Takes in the operators that wait to be used; was that still to be done?"""
    if not _waiting:
        return False
    _load_all_operators()
    _waiting.clear()
    _publish_operators()
    return True


_waiting = [True]
_publish_operators()

# loaded when they are first used: submodules, and names with the module that has them
_SUBMODULES = """
    accelerator amp backends cli cpu cuda data distributed distributions fft func hub lang linalg masked
    mps multiprocessing nn optim overrides random runtime serialization signal sparse special storage
    switches tensorboard testing train types utils vision xpu
"""
_NAMES = {
    "tensor.limits": "finfo iinfo",
    "ops.product": "_int_mm",
    "tensor.printing": "get_printoptions set_printoptions",
    "storage": """
        Storage TypedStorage UntypedStorage is_storage FloatStorage DoubleStorage HalfStorage
        BFloat16Storage ByteStorage CharStorage ShortStorage IntStorage LongStorage BoolStorage
        ComplexFloatStorage ComplexDoubleStorage
    """,
    "sparse": """
        sparse_coo_tensor sparse_compressed_tensor sparse_csr_tensor sparse_csc_tensor
        sparse_bsr_tensor sparse_bsc_tensor
    """,
    "switches": """
        set_num_threads get_num_threads set_num_interop_threads get_num_interop_threads
        use_deterministic_algorithms are_deterministic_algorithms_enabled
        is_deterministic_algorithms_warn_only_enabled set_deterministic_debug_mode
        get_deterministic_debug_mode set_float32_matmul_precision get_float32_matmul_precision
        set_flush_denormal set_warn_always is_warn_always_enabled compiled_with_cxx11_abi
    """,
    "func": "vmap",
    "autograd.anomaly": "is_anomaly_enabled is_anomaly_check_nan_enabled set_anomaly_enabled",
    "cuda": "AcceleratorError OutOfMemoryError",
    "serialization": "save load",
    "amp": "autocast GradScaler",
    "amp.autocast_mode": """
        is_autocast_enabled set_autocast_enabled get_autocast_dtype set_autocast_dtype
        is_autocast_cpu_enabled get_autocast_cpu_dtype get_autocast_gpu_dtype is_autocast_cache_enabled
        set_autocast_cache_enabled clear_autocast_cache
    """,
    "as_torch": "install_as_torch",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}
_HOMES.update({name: name for name in _SUBMODULES.split()})


def __getattr__(name: str) -> _Any:
    home = _HOMES.get(name)
    if home is None and not name.startswith("__") and _complete() and name in globals():
        return globals()[name]
    if home is None:
        raise AttributeError(f"module 'rushlight' has no attribute '{name}'")
    found = _import_module(f"{__name__}.{home}")
    found = globals()[name] = found if home == name else getattr(found, name)
    return found


def __dir__() -> list[str]:
    _complete()
    return sorted({*globals(), *_HOMES})
