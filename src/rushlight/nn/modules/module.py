"""`Module`, under the path that PyTorch keeps it at."""

from ..backward_hooks import BackwardHookFunction
from ..hooks import (
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from ..module import Module
from ..state import _IncompatibleKeys

__all__ = [
    "BackwardHookFunction",
    "Module",
    "_IncompatibleKeys",
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]
