"""In which layer an error came up: a note under its message."""

from __future__ import annotations

from typing import Any

OWN = "_layer"  # on the error: the module it has passed last, the path within, the innermost's line, the note


def tell_place(error: Exception, module: Any) -> None:
    """Says where below `module` the error was raised; each module that the error passes does so."""
    try:
        inner, path, told, note = error.__dict__.get(OWN) or (None, "", _line(module), None)
        if inner is not None and inner is not module:
            path = f"{_path(module, inner)}.{path}" if path else _path(module, inner)
        notes = [n for n in getattr(error, "__notes__", ()) if n is not note]
        note = f"in {path or 'the module'}: {told}" + (f", of {type(module).__name__}" if path else "")
        error.__dict__[OWN] = module, path, told, note
        error.__notes__ = [*notes, note]  # type: ignore[attr-defined]
    except Exception:  # an error about an error helps nobody
        return


def _line(module: Any) -> str:
    told = repr(module)
    return told if "\n" not in told and len(told) < 200 else type(module).__name__


def _path(module: Any, inner: Any) -> str:
    """The name of `inner` below `module`."""
    return next((name for name, m in module.named_modules() if m is inner), type(inner).__name__)
