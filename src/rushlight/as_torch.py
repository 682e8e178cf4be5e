"""`import torch` answered by Rushlight, for this process alone.

    import rushlight
    rushlight.install_as_torch()
    import torch                      # is Rushlight
    import torch.nn.functional as F

A real PyTorch that is installed is not touched, only not looked for. `rushlight run script.py` does this for
a script.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ANSWERS = {
    "torch.utils.tensorboard": "rushlight.tensorboard",
    "tensorboardX": "rushlight.tensorboard",
    "torchvision": "rushlight.vision",
    "torch": "rushlight",
}


def answer_for(name: str) -> str | None:
    """The module of Rushlight that stands for `name`, or None if `name` is none of PyTorch's."""
    for asked, ours in ANSWERS.items():
        if name == asked or name.startswith(asked + "."):
            return ours + name[len(asked) :]
    return None


class Finder:
    """Finds PyTorch's modules among ours. Goes in front of `sys.meta_path`."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        ours = answer_for(name)
        return None if ours is None else ModuleSpec(name, Loader(ours), is_package=True)  # type: ignore[arg-type]


class Loader:
    """Gives a module of ours under the name that was asked for."""

    def __init__(self, ours: str) -> None:
        self.ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name)  # a placeholder: `exec_module` puts the real one in its place

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = self._real(module.__name__)

    def _real(self, asked: str) -> ModuleType:
        try:
            return importlib.import_module(self.ours)
        except ModuleNotFoundError as error:
            if error.name is None or not self.ours.startswith(error.name):
                raise  # one of our modules misses a package: that is another story
        parent, _, last = self.ours.rpartition(".")
        found = getattr(importlib.import_module(parent), last, None) if parent else None
        if isinstance(found, ModuleType):
            return found
        raise ModuleNotFoundError(missing(asked, self.ours), name=asked)


def missing(asked: str, ours: str) -> str:
    """What to say about a module that is not there."""
    parent, _, last = ours.rpartition(".")
    package = importlib.import_module(parent) if parent else None
    siblings = [m.name for m in pkgutil.iter_modules(getattr(package, "__path__", []))]
    close = difflib.get_close_matches(last, siblings, n=1)
    hint = f"; did you mean {asked.rpartition('.')[0]}.{close[0]}?" if close else ""
    return f"Rushlight has no module '{asked}'{hint}"


def install_as_torch() -> None:
    """From now on `import torch` and `import torchvision` give Rushlight in this process."""
    if any(finder is Finder for finder in sys.meta_path):
        return
    loaded = [name for name in sys.modules if answer_for(name) and not is_ours(sys.modules[name])]
    if loaded:
        raise RuntimeError(
            f"{min(loaded)} has been imported already, so it cannot be answered by Rushlight any more; "
            "call install_as_torch() before the first `import torch`"
        )
    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]


def is_ours(module: Any) -> bool:
    return getattr(module, "__name__", "").startswith("rushlight")


def uninstall_as_torch() -> None:
    """Undoes `install_as_torch`; names that programs have bound already stay as they are."""
    if Finder in sys.meta_path:
        sys.meta_path.remove(Finder)  # type: ignore[arg-type]
    for name in [n for n in sys.modules if answer_for(n)]:
        del sys.modules[name]
