"""`Variable`, the tensor of PyTorch's early days."""

from ..tensor.legacy import Variable

__all__ = ["Variable"]
