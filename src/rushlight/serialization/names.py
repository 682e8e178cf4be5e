"""PyTorch's names for what Rushlight has, as its files use them, and the way back."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from ..missing import answer_for
from ..shown import home_of
from ..tensor.core import Tensor
from ..tensor.dtype import DTYPES
from ..tensor.memory import STORAGE_TYPES, TypedStorage, UntypedStorage

PREFIXES = (("rushlight.vision", "torchvision"), ("rushlight", "torch"))
# where a class lives here and there, if the modules are not called alike
MOVED = {
    ("rushlight.nn.module", "Module"): ("torch.nn.modules.module", "Module"),
    ("rushlight.nn.uninitialized", "UninitializedParameter"): (
        "torch.nn.parameter",
        "UninitializedParameter",
    ),
    ("rushlight.nn.uninitialized", "UninitializedBuffer"): ("torch.nn.parameter", "UninitializedBuffer"),
}
MOVED_BACK = {there: here for here, there in MOVED.items()}
MOVED_BACK["torch.nn.modules.container", "Container"] = ("rushlight.nn.module", "Module")
# the parts of the library whose classes files may name; no other module is ever imported for a file
SEARCHED = ("torch.nn.", "torch.optim.", "torchvision.models.", "torchvision.ops.")
INERT = ("rushlight.optim.", "rushlight.nn.utils.")
FUNCTIONS = {  # where PyTorch has its operators, and what the names there begin with
    "torch": "",
    "torch.nn.functional": "",
    "torch._C._nn": "",
    "torch.special": "",
    "torch.linalg": "",
    "torch.fft": "",
    "torch._C._special": "special_",
    "torch._C._linalg": "linalg_",
    "torch._C._fft": "fft_",
}

# Python 2 had these under other names; files of protocol 2 still do
RENAMED_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg", "__main__": "__main__"}


def is_ours(obj: Any) -> bool:
    """Is this class or function one of the library's?"""
    return f"{home_of(obj)}.".startswith("rushlight.")


@cache
def storage_dtypes() -> dict[str, Any]:
    """The dtypes of the names such as FloatStorage."""
    return {name: kind.dtype for name, kind in STORAGE_TYPES.items()}


def pytorch_name(obj: Any) -> tuple[str, str]:
    """What a class or function of ours is called in a file."""
    module = home_of(obj)
    home = (module, obj.__qualname__)
    if home in MOVED:
        return MOVED[home]
    name = obj.__name__ if not isinstance(obj, type) else obj.__qualname__
    if obj is UntypedStorage or obj is TypedStorage:
        return "torch.storage", name
    if home == ("rushlight.tensor.generator", "Generator"):
        return "torch._C", name
    if module.startswith("rushlight.optim.lr_scheduler."):
        return "torch.optim.lr_scheduler", name
    if getattr(sys.modules.get("rushlight"), name, None) is obj:
        return "torch", name
    for ours, theirs in PREFIXES:
        if module == ours or module.startswith(ours + "."):
            return theirs + module[len(ours) :], name
    raise AssertionError(f"{obj!r} is not one of the library's")


# ---- from a file's name


def library_class(module: str, name: str) -> type | None:
    """The class of ours that PyTorch calls so: a layer, an optimiser, a model."""
    if f"{module}.".startswith(SEARCHED) and all(part.isidentifier() for part in module.split(".")):
        home, name = MOVED_BACK.get((module, name), (_ours(module), name))
        found = member(_imported(home), name)
        if found is None and module.startswith("torch.nn."):
            found = member(_imported("rushlight.nn"), name)
        return found if isinstance(found, type) and (is_inert(found) or _has_parts(found)) else None
    return None


def is_inert(cls: type) -> bool:
    """Is it one of the library's classes of which an instance is nothing but its attributes?"""
    return (
        home_of(cls).startswith(INERT)
        and not issubclass(cls, (BaseException, tuple))
        and "__slots__" not in vars(cls)
    )


def _has_parts(cls: type) -> bool:
    """Is it a module, a tensor or a tuple with names, of the library's?"""
    from ..nn.module import Module

    return is_ours(cls) and issubclass(cls, (Module, Tensor, tuple))


def _ours(module: str) -> str:
    return next(
        ours + module[len(theirs) :] for ours, theirs in PREFIXES if f"{module}.".startswith(theirs + ".")
    )


def _imported(name: str) -> ModuleType | None:
    """A module of the library, or None."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name and (answer_for(error.name) or error.name)
        if missing and f"{name}.".startswith(f"{missing}."):
            return None
        raise


def program_class(module: str, name: str) -> type | None:
    """A class that the program has defined. Nothing is imported; no code of modules or classes runs."""
    found = member(sys.modules.get(module), name)
    return found if isinstance(found, type) else None


def member(space: Any, path: str) -> Any:
    """What a module has under a name such as "Outer.Inner", looked up in dictionaries alone."""
    for part in path.split("."):
        if isinstance(space, ModuleType):
            names = ModuleType.__getattribute__(space, "__dict__")
        elif isinstance(space, type):
            names = type.__getattribute__(space, "__dict__")
        else:
            return None
        space = names.get(part)
    return space


def value_named(module: str, name: str) -> Any:
    """A dtype, a type of tensors or storages, by PyTorch's name; None for other names."""
    if module == "torch.storage" and name in ("UntypedStorage", "TypedStorage"):
        return UntypedStorage if name == "UntypedStorage" else TypedStorage
    if module in ("torch", "torch.cuda"):
        if name in DTYPES and module == "torch":
            return DTYPES[name]
        if name in STORAGE_TYPES:
            return STORAGE_TYPES[name]
        if module == "torch" and name == "Tensor":
            return Tensor
        return _tensor_type(module, name)
    if (module, name) == ("torch._tensor", "Tensor"):
        return Tensor
    if (module, name) == ("torch._C", "Generator"):
        from ..tensor.generator import Generator

        return Generator
    return None


def _tensor_type(module: str, name: str) -> Any:
    from ..tensor.legacy import CUDA_TYPES, TYPES

    return (TYPES if module == "torch" else CUDA_TYPES).get(name)


def operator_named(module: str, name: str) -> Any:
    """The function that computes an operator, such as torch.nn.functional.relu; None for other names."""
    from ..ops import OPERATORS

    if module in FUNCTIONS and not name.startswith("_"):
        name = name.removeprefix(FUNCTIONS[module])
        space = module.removeprefix("torch").removeprefix("._C").removeprefix(".")
        space = {"_nn": "nn.functional"}.get(space, space.removeprefix("_"))
        for path in (f"{space}.{name}" if space else name, name):
            try:
                return OPERATORS[path].call
            except KeyError:
                continue
    return None
