"""Ctrl-C that waits: a process that is being started must not be forgotten half-way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_usual: Any = None  # the program's own handler, while another one is in its place


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Inside, an interrupt is only noted; it takes effect at the end."""
    global _usual
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    noted: list[tuple] = []
    _usual = usual
    signal.signal(signal.SIGINT, lambda *event: noted.append(event))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        _usual = None
        if noted:
            usual(*noted[0])


def interrupts_as_usual() -> None:
    """In a process that was forked while interrupts waited: they take effect at once again."""
    global _usual
    if _usual is not None:
        signal.signal(signal.SIGINT, _usual)
        _usual = None


__all__ = ["interrupts_as_usual", "interrupts_wait"]
