"""`import torch` answered by Rushlight, for this process alone.

    import rushlight
    rushlight.install_as_torch()
    import torch                      # is Rushlight
    import torch.nn.functional as F

A real PyTorch that is installed is not touched, only not looked for. `rushlight run script.py` does this for
a script.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from .missing import answer_for, explain, missing_module
from .shown import rename_classes, restore_classes

STAND_INS = os.path.join(
    os.path.dirname(__file__), "stand_ins"
)  # where processes that are spawned find `torch`


class Finder:
    """Finds PyTorch's modules among ours. Goes in front of `sys.meta_path`."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.startswith("rushlight."):
            return own_spec(name, path)
        ours = answer_for(name)
        return None if ours is None else ModuleSpec(name, Loader(ours), is_package=True)  # type: ignore[arg-type]


def own_spec(name: str, path: Any) -> ModuleSpec:
    """How one of our modules is loaded, and then made to explain what it lacks."""
    spec = PathFinder.find_spec(name, path)
    if spec is None or spec.loader is None:
        raise missing_module(name)
    execute = spec.loader.exec_module

    def execute_and_explain(module: ModuleType) -> None:
        execute(module)
        explain(module)
        rename_classes(module)

    spec.loader.exec_module = execute_and_explain  # type: ignore[method-assign]
    return spec


class Loader:
    """Gives a module of ours under the name that was asked for."""

    def __init__(self, ours: str) -> None:
        self.ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name)  # a placeholder: `exec_module` puts the real one in its place

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = self._real()

    def _real(self) -> ModuleType:
        try:
            return importlib.import_module(self.ours)
        except ModuleNotFoundError as error:
            if error.name is None or answer_for(error.name) != self.ours:
                raise  # one of our modules misses a package: that is another story
            parent, _, last = self.ours.rpartition(".")
            found = vars(importlib.import_module(parent)).get(last)
            if isinstance(found, ModuleType):
                return found
            raise


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
    sys.path.insert(1, STAND_INS)  # processes that the program spawns take over the path, not the hook
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "rushlight" and module is not None:
            explain(module)
            rename_classes(module)


def is_ours(module: Any) -> bool:
    return getattr(module, "__name__", "").startswith("rushlight")


def uninstall_as_torch() -> None:
    """Undoes `install_as_torch`; names that programs have bound already stay as they are."""
    if Finder in sys.meta_path:
        sys.meta_path.remove(Finder)  # type: ignore[arg-type]
        sys.path.remove(STAND_INS)
        restore_classes()
    for name in [n for n in sys.modules if answer_for(n)]:
        del sys.modules[name]


def stand_in(name: str) -> None:
    """What a module in STAND_INS does, in a process that knows nothing of Rushlight yet."""
    del sys.modules[name]
    install_as_torch()
    importlib.import_module(name)
