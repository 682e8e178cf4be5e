"""Modules called with other tensors in the place of their own."""

from __future__ import annotations

from typing import Any

from ...func.modules import functional_call as _functional_call
from ...warned import warn


def functional_call(module: Any, parameters_and_buffers: Any, *args: Any, **kwargs: Any) -> Any:
    """The old name of `rushlight.func.functional_call`."""
    warn(
        "This API is deprecated as of PyTorch 2.0 and will be removed in a future version of PyTorch. Please "
        "use "
        "torch.func.functional_call instead which is a drop-in replacement.",
        FutureWarning,
    )
    return _functional_call(module, parameters_and_buffers, *args, **kwargs)


__all__ = ["functional_call"]
