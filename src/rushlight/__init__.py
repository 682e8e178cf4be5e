"""Rushlight: a deep-learning framework with PyTorch's interface, written wholly in Python.

`import rushlight as torch` is enough to run a program written for PyTorch. What the core does not need at once (`nn`,
`optim`, `linalg`, ...) is loaded the first time that it is used.
"""

from importlib import import_module as _import_module
from math import e, inf, nan, pi
from typing import Any as _Any

from . import autograd, return_types, version
from .autograd import api as _api, hooks as _hooks  # these attach backward() and the hooks to Tensor
from .autograd.modes import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled
from .ops import OPERATORS as _OPERATORS
from .ops.conversion import fill
from .tensor import metadata as _metadata, pickling as _pickling, subclass as _subclass  # these attach methods to Tensor
from .tensor.core import Tensor
from .tensor.create import as_tensor, asarray, scalar_tensor, tensor
from .tensor.device import device, get_default_device, set_default_device
from .tensor.dtype import ALIASES as _ALIASES, DTYPES as _DTYPES, dtype, get_default_dtype, set_default_dtype
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
from .tensor.interop import from_dlpack, from_numpy, frombuffer
from .tensor.layout import FORMATS as _FORMATS, LAYOUTS as _LAYOUTS, layout, memory_format
from .tensor.legacy import TYPES as _TYPES, set_default_tensor_type
from .tensor.limits import finfo, iinfo
from .tensor.memory import STORAGE_TYPES as _STORAGES, TypedStorage, UntypedStorage, is_storage
from .tensor.metadata import get_device, numel, typename
from .tensor.numbers import item as _item
from .tensor.printing import set_printoptions
from .tensor.sampling import multinomial, normal, rand, rand_like, randint, randint_like, randn, randn_like, randperm
from .tensor.sequences import arange, linspace, logspace, range_ as _range
from .tensor.size import Size
from .tensor.subclass import DisableTorchFunctionSubclass as _DisableTorchFunctionSubclass
from .version import __version__

newaxis = None

# every operator of the root namespace, and the names that come in families
globals().update({path: op.call for path, op in _OPERATORS.items() if "." not in path and not path.startswith("_")})
globals().update(**_DTYPES, **_ALIASES, **_LAYOUTS, **_FORMATS, **_TYPES, **_STORAGES, range=_range)

# loaded when they are first used: submodules, and functions with the module that has them
_MODULES = frozenset(
    {
        *("amp", "backends", "compile", "cpu", "cuda", "data", "distributed", "distributions", "fft", "func", "functional", "hub"),
        *("jit", "lang", "linalg", "masked", "mps", "multiprocessing", "nn", "onnx", "optim", "overrides", "profiler", "quantization"),
        *("random", "runtime", "serialization", "signal", "sparse", "special", "storage", "testing", "types", "utils", "vision"),
        *("xpu", "cli", "switches"),
    }
)
_FUNCTIONS = {
    "get_printoptions": "tensor.printing",
    "sparse_coo_tensor": "sparse",
    "sparse_compressed_tensor": "sparse",
    "sparse_csr_tensor": "sparse",
    "sparse_csc_tensor": "sparse",
    "sparse_bsr_tensor": "sparse",
    "sparse_bsc_tensor": "sparse",
    "set_num_threads": "switches",
    "get_num_threads": "switches",
    "set_num_interop_threads": "switches",
    "get_num_interop_threads": "switches",
    "use_deterministic_algorithms": "switches",
    "are_deterministic_algorithms_enabled": "switches",
    "is_deterministic_algorithms_warn_only_enabled": "switches",
    "set_deterministic_debug_mode": "switches",
    "get_deterministic_debug_mode": "switches",
    "set_float32_matmul_precision": "switches",
    "get_float32_matmul_precision": "switches",
    "set_flush_denormal": "switches",
    "set_warn_always": "switches",
    "is_warn_always_enabled": "switches",
    "set_anomaly_enabled": "autograd.anomaly",
    "vmap": "func",
    "save": "serialization",
    "load": "serialization",
    "autocast": "amp",
}


def __getattr__(name: str) -> _Any:
    if name in _FUNCTIONS:
        found = getattr(_import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    elif name in _MODULES:
        try:
            found = _import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"module 'rushlight' has no attribute '{name}': this part of PyTorch is not there") from None
    else:
        raise AttributeError(f"module 'rushlight' has no attribute '{name}'")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_FUNCTIONS})
