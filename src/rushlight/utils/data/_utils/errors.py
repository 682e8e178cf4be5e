"""An exception on its way from a worker process to the one that waits for the data."""

from __future__ import annotations

import sys
from typing import Any


class _Text(str):
    """A message that KeyError shows as it is, lines and all."""

    def __repr__(self) -> str:
        return str(self)


class ExceptionWrapper:
    """The exception that is being handled, with its traceback as text; `reraise` raises it anew."""

    def __init__(self, exc_info: Any = None, where: str = "in background") -> None:
        import traceback

        kind, value, frames = exc_info or sys.exc_info()
        self.exc_type: Any = kind
        self.exc_msg = "".join(traceback.format_exception(kind, value, frames))
        self.where = where

    def reraise(self) -> None:
        """Raises an exception of the same class whose message ends in the original traceback."""
        message = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        raise self._remade(message) from None

    def _remade(self, message: str) -> BaseException:
        try:
            if issubclass(self.exc_type, KeyError):
                return self.exc_type(_Text(message))
            if getattr(self.exc_type, "message", None):
                return self.exc_type(message=message)
            return self.exc_type(message)
        except Exception:  # a class with a constructor of its own
            return RuntimeError(message)

    def portable(self) -> ExceptionWrapper:
        """Itself, or with the nearest base class that other processes can find, if this one is local."""
        import pickle

        for cls in self.exc_type.__mro__:
            try:
                pickle.dumps(cls)
            except (pickle.PicklingError, AttributeError):
                continue
            self.exc_type = cls
            return self
        return self
