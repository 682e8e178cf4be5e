"""A step over all parameters of a group by generated code, which calls an optimiser's kernel for each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from ..runtime import settings
from ..tensor.core import Tensor


class Functions(NamedTuple):
    """The builtins, which `kernels.llvm.updating` explains."""

    ready: Callable[..., Any]
    update: Callable[..., Any]


@cache
def functions() -> Functions | None:
    """The builtins, or None where there are none."""
    from ..kernels import objects
    from ..nn.parameter import Parameter
    from ..runtime.session import Unavailable

    constants = {
        "tensor_type": Tensor, "parameter_type": Parameter, "dict_type": dict, "order": sys.intern("K"),
        "name_copy": sys.intern("copy"), "name_edits": sys.intern("_edits"),
    }  # fmt: skip
    slots = {Tensor: ("_a", "_grad", "_s", "dtype")}
    try:
        return Functions(*objects.load("steps", Functions._fields, _write, slots=slots, constants=constants))
    except Unavailable as reason:
        settings.log(1, f"steps of optimisers stay with Python: {reason}")
        return None


def _write(module: Any, places: Any) -> None:
    from ..kernels.llvm.updating import add_updating

    add_updating(module, places)
