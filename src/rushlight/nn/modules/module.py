"""`Module`, under the path that PyTorch keeps it at."""

from ..backward_hooks import BackwardHookFunction
from ..hooks import (
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from ..module import Module
from ..state import _IncompatibleKeys


def _addindent(s_: str, numSpaces: int) -> str:
    """A text with all lines but the first moved in."""
    return s_.replace("\n", "\n" + " " * numSpaces)


__all__ = [
    "BackwardHookFunction",
    "Module",
    "_IncompatibleKeys",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]
