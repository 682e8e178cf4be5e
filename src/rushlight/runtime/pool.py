"""The threads that kernels run on: how many, and a function kernels call to share their chunks among them.

Threads start with the first kernel that is long enough to want them, so a process that computes little, or
a child after a fork, has none.  Systems the pool is not written for (anything but Linux on x86-64 and
aarch64) get the same interface on one thread.
"""

from __future__ import annotations

import atexit
import ctypes
import math
import os
import sys
import time
from functools import lru_cache

from . import native, pool_ir, session, settings
from .locks import fork_safe_lock

PARALLEL_FOR = "rl_parallel_for"
STEERED_THREADS = 16  # beyond that the wake-up's system calls cost more than they save
_lock = fork_safe_lock()
_wanted: int | None = None


def cpus_allowed() -> set[int]:
    """The CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def container_limit(groups: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> float:
    """CPUs' worth of time that the control group and those around it may use, infinite without a limit."""
    limits = [_limit_of(os.path.join(groups, "cpu"))]
    path = _group(own)
    while path:
        limits.append(_limit_of(os.path.join(groups, path)))
        path = os.path.dirname(path)
    return min(_limit_of(groups), *limits)


def _group(own: str) -> str:
    """The path of this process's control group below the root that it sees."""
    try:
        with open(own) as file:
            found = [line.strip()[3:] for line in file if line.startswith("0::/")]
    except OSError:
        return ""
    return found[0].strip("/") if found and ".." not in found[0] else ""


def _limit_of(folder: str) -> float:
    """The limit of one control group, of either version."""
    try:
        with open(os.path.join(folder, "cpu.max")) as file:
            quota, period = file.read().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:
        with open(os.path.join(folder, "cpu.cfs_quota_us")) as file:
            quota = int(file.read())
        with open(os.path.join(folder, "cpu.cfs_period_us")) as file:
            period = int(file.read())
        return quota / period if quota > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def default_num_threads() -> int:
    """As many as RUSHLIGHT_NUM_THREADS or OMP_NUM_THREADS say, else one for each CPU the process may use."""
    for name in ("RUSHLIGHT_NUM_THREADS", "OMP_NUM_THREADS"):
        asked = os.environ.get(name, "").split(",")[0].strip()
        if asked.isdigit() and int(asked) > 0:
            return min(int(asked), pool_ir.MAX_THREADS)
    usable = min(len(cpus_allowed()), container_limit(), pool_ir.MAX_THREADS)
    return max(1, math.ceil(usable))


def is_threaded() -> bool:
    """Whether the pool has threads on this system at all."""
    return sys.platform.startswith("linux") and session.host().machine in pool_ir.SYSTEMS


def get_num_threads() -> int:
    """Threads that kernels use, the caller's included."""
    global _wanted
    if _wanted is None:
        _wanted = default_num_threads() if is_threaded() else 1
    return _wanted


def set_num_threads(count: int) -> None:
    """Use `count` threads from now on; running kernels finish with what they have."""
    global _wanted
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"set_num_threads({count!r}): expected a positive whole number")
    with _lock:
        _wanted = min(count, pool_ir.MAX_THREADS) if is_threaded() else 1
        if _pool.cache_info().currsize:
            _pool().resize(_wanted)


class _Pool:
    def __init__(self):
        machine = session.host().machine
        self.threaded = is_threaded()
        generate = (lambda: pool_ir.pool_ir(machine)) if self.threaded else pool_ir.serial_ir
        self.code = native.module("pool", (machine, self.threaded), generate)
        self.address = self.code.address[PARALLEL_FOR]
        if not self.threaded:
            return
        functions = self.code.function
        self.take, self.give = functions("rl_pool_take", ctypes.c_int32), functions("rl_pool_give", None)
        self.stop, self.forget = functions("rl_pool_stop", None), functions("rl_pool_forget", None)
        self.started = functions("rl_pool_started", ctypes.c_int64)
        self.set = functions("rl_pool_set", None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int32)
        self.configure(get_num_threads())
        os.register_at_fork(after_in_child=self.after_fork)
        atexit.register(self.close)

    def configure(self, threads: int) -> None:
        cpus = cpus_allowed()
        limit = 8 * pool_ir.AFFINITY_BYTES
        mask = sum(1 << cpu for cpu in cpus if cpu < limit).to_bytes(pool_ir.AFFINITY_BYTES, "little")
        steering = len(cpus) > 1 and max(cpus) < limit and threads <= min(STEERED_THREADS, len(cpus))
        self.set(threads, ctypes.cast(ctypes.c_char_p(mask), ctypes.c_void_p), steering)

    def resize(self, threads: int) -> None:
        if not self.threaded:
            return
        while not self.take():  # a kernel is running on the pool
            time.sleep(1e-5)
        self.stop()  # also gives the pool back
        self.configure(threads)

    def after_fork(self) -> None:
        """The child has no workers and no job; it starts its own when it needs them."""
        self.forget()
        self.configure(get_num_threads())

    def close(self) -> None:
        with _lock:
            self.resize(1)


@lru_cache(maxsize=1)
def _pool() -> _Pool:
    made = _Pool()
    settings.log(2, f"thread pool of {get_num_threads()}")
    return made


def parallel_for_address() -> int:
    """The address of `rl_parallel_for(body, argument, chunks)` for generated code to call."""
    with _lock:
        return _pool().address


def threads_started() -> int:
    """Workers that exist now (0 until a kernel was long enough to want them)."""
    with _lock:
        return _pool().started() if _pool().threaded else 0
