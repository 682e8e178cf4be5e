"""`rushlight.storage`: the classes of the memory behind tensors."""

from .tensor.memory import STORAGE_TYPES, TypedStorage, UntypedStorage

globals().update(STORAGE_TYPES)

__all__ = ["TypedStorage", "UntypedStorage", *STORAGE_TYPES]
