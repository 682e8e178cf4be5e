"""Anomaly mode: errors inside backward tell which line of the forward pass called the operation."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from ..warned import is_ours, warn
from .modes import settings
from .node import Node
from .recording import watchers

_LINES = 6  # of the user's own frames


def is_anomaly_enabled() -> bool:
    """Are the forward lines of operations remembered?"""
    return settings.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Is a NaN in a gradient an error?"""
    return settings.check_nan


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Switches anomaly mode, for all threads."""
    if not isinstance(mode, bool) or not isinstance(check_nan, bool):
        raise TypeError(
            f"set_anomaly_enabled expects bools, but got {type(mode).__name__} and {type(check_nan).__name__}"
        )
    if mode and not settings.anomaly:
        watchers.append(remember)
    elif settings.anomaly and not mode:
        watchers.remove(remember)
    settings.anomaly, settings.check_nan = mode, mode and check_nan


def remember(node: Node) -> None:
    """Notes in a node where in the user's program it was made."""
    frames, frame = [], sys._getframe(1)
    while frame is not None and len(frames) < _LINES:
        if not is_ours(frame.f_code.co_filename):
            frames.append(
                traceback.FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
            )
        frame = frame.f_back
    node.where = "".join(traceback.format_list(frames[::-1])).rstrip("\n")


class set_detect_anomaly:
    """Switches anomaly mode at once, and back at the end of a `with` block."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = (settings.anomaly, settings.check_nan)
        set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> None:
        set_anomaly_enabled(self.before[0], self.before[1])


class detect_anomaly(set_detect_anomaly):
    """Inside, an error of backward names the line of the forward pass, and a NaN in a gradient is an
    error.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled for debugging.",
        )

    def __enter__(self) -> None:
        self.before = (settings.anomaly, settings.check_nan)
        set_anomaly_enabled(True, self.check_nan)
