"""Locks that a forked child finds free, whatever other threads held them in the parent."""

from __future__ import annotations

import os
import threading


def fork_safe_lock():
    """A re-entrant lock; a child after `os.fork` starts with it released."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lock._at_fork_reinit)
    return lock
