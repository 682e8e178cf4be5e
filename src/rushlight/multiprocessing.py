"""Python's multiprocessing, for programs that say `import torch.multiprocessing as mp`, and `spawn`.

Tensors travel to other processes as copies. To let processes work on the same memory, call `share_memory_()`
(or `share_memory()` of a module) first and start them by forking.
"""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from multiprocessing.connection import wait
from typing import Any

from .nn.module import Module
from .tensor.core import Tensor

_strategy = "file_descriptor"


class ProcessException(Exception):
    """A process of `spawn` has failed."""

    def __init__(self, message: str, error_index: int, pid: int | None) -> None:
        super().__init__(message)
        self.msg, self.error_index, self.pid = message, error_index, pid


class ProcessRaisedException(ProcessException):
    """It has raised an exception, whose traceback is in the message."""


class ProcessExitedException(ProcessException):
    """It has ended without one: by a signal, or by sys.exit."""

    exit_code: int = 0


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Runs `fn(i, *args)` in `nprocs` processes, i from 0; an exception in one of them ends all.

    Tensors in shared memory reach only processes that are forked, so with such arguments they are.
    """
    if any(_is_shared(a) for a in args):
        start_method = "fork"
    context: Any = multiprocessing.get_context(start_method)
    processes, reports = [], []
    for index in range(nprocs):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(fn, index, args, theirs), daemon=daemon)
        process.start()
        theirs.close()
        processes.append(process)
        reports.append(ours)
    running = ProcessContext(processes, reports)
    if not join:
        return running
    while not running.join():
        pass
    return None


def _is_shared(value: Any) -> bool:
    if isinstance(value, Module):
        return any(t.is_shared() for t in [*value.parameters(), *value.buffers()])
    if isinstance(value, (list, tuple)):
        return any(map(_is_shared, value))
    return isinstance(value, Tensor) and value.is_shared()  # type: ignore[attr-defined]


def _run(fn: Callable[..., Any], index: int, args: tuple[Any, ...], report: Any) -> None:
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass  # the process that spawned this one has it too
    except Exception:
        report.send(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes that `spawn(join=False)` has started."""

    def __init__(self, processes: list[Any], reports: list[Any]) -> None:
        self.processes, self._reports = processes, reports

    def pids(self) -> list[int]:
        """Their ids."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None) -> bool:
        """Waits for the next process to end; True when all have. Raises what one of them has raised."""
        running = {process.sentinel: k for k, process in enumerate(self.processes) if process.is_alive()}
        if running:
            wait(list(running), timeout)
        codes = [process.exitcode for process in self.processes]  # once: they may end at any moment
        for index, code in enumerate(codes):
            if code not in (0, None):
                self._fail(index, self.processes[index])
        return None not in codes

    def _fail(self, index: int, failed: Any) -> None:
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join()
        told = _received(self._reports[index])
        if told is not None:
            message = f"\n\n-- Process {index} terminated with the following error:\n{told}"
            raise ProcessRaisedException(message, index, failed.pid)
        code = failed.exitcode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        error = ProcessExitedException(f"process {index} terminated with {how}", index, failed.pid)
        error.exit_code = code
        raise error


def _received(report: Any) -> str | None:
    try:
        return report.recv() if report.poll() else None
    except EOFError:  # it could not say anything any more
        return None


def get_all_sharing_strategies() -> set[str]:
    """The ways that tensors can travel: there is one."""
    return {_strategy}


def get_sharing_strategy() -> str:
    """The way that tensors travel."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted for the sake of programs that call it; tensors travel as ever."""
    if new_strategy not in ("file_descriptor", "file_system"):
        raise AssertionError(f"{new_strategy!r} is no sharing strategy: file_descriptor or file_system")


__all__ = [*multiprocessing.__all__, "get_sharing_strategy", "set_sharing_strategy", "spawn"]
