"""What a program that asks for a name of PyTorch's hears when Rushlight has none of that name.

`install_as_torch` puts this over the modules of Rushlight: an attribute, a from-import or a submodule that is
not there fails with an error that says so, and points to the closest name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

ANSWERS = {
    "torch.utils.tensorboard": "rushlight.tensorboard",
    "tensorboardX": "rushlight.tensorboard",
    "torchvision": "rushlight.vision",
    "torch": "rushlight",
}

NOT_THERE_YET = {
    *("torch.compile", "torch.jit", "torch.onnx", "torch.fx", "torch.export"),
    *("torch.autograd.profiler", "torch.profiler", "torch.quantization", "torch.ao", "torch.library"),
}


def answer_for(name: str) -> str | None:
    """The module of Rushlight that stands for `name`, or None if `name` is none of PyTorch's."""
    for asked, ours in ANSWERS.items():
        if name == asked or name.startswith(asked + "."):
            return ours + name[len(asked) :]
    return None


def asked_as(ours: str) -> str:
    """The name that a PyTorch program knows one of our modules by."""
    for asked, home in ANSWERS.items():
        if ours == home or ours.startswith(home + "."):
            return asked + ours[len(home) :]
    return ours


def explain(module: ModuleType) -> None:
    """From now on, `module` answers for names that it lacks."""
    there = vars(module)
    if "_explained" in there:
        return
    there["_explained"] = True
    there["__getattr__"] = _explaining(module, there.get("__getattr__"))
    there.setdefault(
        "__path__", []
    )  # Python looks for `from module import name` as a submodule in packages only


def _explaining(module: ModuleType, own: Callable[[str], Any] | None) -> Callable[[str], Any]:
    def look_up(name: str) -> Any:
        if own is not None:
            try:
                return own(name)
            except AttributeError as error:
                told = str(error).partition(": ")[2]  # a module may know why it lacks something
        else:
            told = ""
        if name.startswith("_"):
            raise AttributeError(f"module '{module.__name__}' has no attribute '{name}'", name=name)
        raise Missing(lambda: what_is_missing(asked_as(module.__name__), name, module, told), name)

    return look_up


class Missing(AttributeError):
    """An AttributeError that looks for the closest name when somebody reads it.

    Nobody reads most of them: Python asks a package for each submodule before it imports it, programs ask
    `hasattr(torch, ...)`, and pickling asks in which module a class is.
    """

    def __init__(self, tell: Callable[[], str], name: str) -> None:
        super().__init__(name=name)
        self.tell = tell

    def __str__(self) -> str:
        return self.tell()


Missing.__name__ = Missing.__qualname__ = "AttributeError"  # as which a traceback shows it
Missing.__module__ = "builtins"


def missing_module(ours: str) -> ModuleNotFoundError:
    """The error for an import of `ours`, a module or a name in a from-import."""
    import importlib

    home, _, name = ours.rpartition(".")
    told = what_is_missing(asked_as(home), name, importlib.import_module(home))
    return ModuleNotFoundError(told, name=asked_as(ours))


def what_is_missing(home: str, name: str, module: ModuleType, reason: str = "") -> str:
    """The message: what is not there, why if that is known, and what is nearest to it."""
    told = f"Rushlight has no {home}.{name}" + (f": {reason}" if reason else "")
    if f"{home}.{name}" in NOT_THERE_YET:
        return f"{told}: this part of PyTorch is not there yet"
    close = closest(name, names_in(module))
    if close:
        return f"{told}; did you mean {home}.{close}?"
    elsewhere = homes_of(name)
    return f"{told}; there is {elsewhere}" if elsewhere else told


def names_in(module: ModuleType) -> set[str]:
    """The public names and submodules of a module."""
    import pkgutil

    names = {n for n in dir(module) if not n.startswith("_")}
    return names | {m.name for m in pkgutil.iter_modules(getattr(module, "__path__", []))}


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name most like this one, if one is like it at all; the case of letters counts last."""
    by_lower: dict[str, list[str]] = {}
    for n in sorted(names):
        by_lower.setdefault(n.lower(), []).append(n)
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    alike = by_lower[found[0]] if found else []
    return max(alike, key=lambda n: difflib.SequenceMatcher(None, name, n).ratio(), default=None)


def homes_of(name: str) -> str | None:
    """Where an operator of this very name is, under the name of PyTorch's module."""
    from .ops import OPERATORS

    paths = [path for path in OPERATORS if path.rpartition(".")[2] == name]
    return f"torch.{min(paths, key=len)}" if paths else None
