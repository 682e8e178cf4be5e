"""The ground under the kernels: compiler session, object cache, thread pool, memory.

Importing this package imports neither llvmlite nor multiprocessing; `available()` tells whether kernels can
be had.
"""

from .pool import get_num_threads, set_num_threads
from .session import Availability, Unavailable, available
from .settings import set_kernel_mode

__all__ = [
    "Availability",
    "Unavailable",
    "available",
    "get_num_threads",
    "set_kernel_mode",
    "set_num_threads",
]
