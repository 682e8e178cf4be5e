"""DataParallel, under the path that PyTorch keeps it at."""

from . import DataParallel, data_parallel

__all__ = ["DataParallel", "data_parallel"]
