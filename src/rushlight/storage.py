"""`rushlight.storage`: the classes of the memory behind tensors."""

from .tensor.memory import STORAGE_TYPES, TypedStorage, UntypedStorage, is_storage

Storage = TypedStorage
globals().update(STORAGE_TYPES)

__all__ = ["Storage", "TypedStorage", "UntypedStorage", "is_storage", *STORAGE_TYPES]
