"""Names for annotations: what counts as a number, a device, a shape."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from .tensor.core import Tensor
from .tensor.device import device as _device
from .tensor.dtype import dtype as _dtype
from .tensor.layout import layout as _layout
from .tensor.memory import TypedStorage as Storage
from .tensor.size import Size

_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
_size = Size | list[builtins.int] | tuple[builtins.int, ...]
_TensorOrTensors = Tensor | Sequence[Tensor]
Number = (builtins.int, builtins.float, builtins.bool)
Device = _device | str | builtins.int | None

__all__ = ["Device", "Number", "Storage", "_device", "_dtype", "_layout", "_size"]
