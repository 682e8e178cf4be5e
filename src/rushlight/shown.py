"""How classes are shown in a program that knows no Rushlight: `print(type(x))` says torch.Tensor there."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .missing import asked_as

PARTS = ("tensor", "nn", "optim", "vision", "return_types", "utils.data", "autograd")  # what programs print
HOMES = tuple(f"rushlight.{part}" for part in PARTS)
_renamed: dict[type, str] = {}


def shown_module(name: str) -> str:
    """The module that PyTorch's programs know a class of ours from: rushlight.nn.parameter is torch's too."""
    if name.startswith("rushlight.optim.lr_scheduler."):
        return "torch.optim.lr_scheduler"
    if name == "rushlight.autograd.hooks":
        return "torch.utils.hooks"
    return "torch" if name.startswith("rushlight.tensor.") else asked_as(name)


def rename_classes(module: ModuleType) -> None:
    """Shows the classes of a module by the names that programs know."""
    if not module.__name__.startswith(HOMES):
        return
    for name, value in list(vars(module).items()):
        if (
            isinstance(value, type)
            and not name.startswith("_")
            and f"{value.__module__}.".startswith("rushlight.")
        ):
            _renamed[value] = value.__module__
            value.__module__ = shown_module(value.__module__)


def restore_classes() -> None:
    """Undoes all of that."""
    while _renamed:
        kind, module = _renamed.popitem()
        kind.__module__ = module


def home_of(obj: Any) -> str:
    """The module where a class or function lives, whatever it is shown as."""
    module = getattr(obj, "__module__", None) or ""
    return _renamed.get(obj, module) if module.startswith("torch") else module
