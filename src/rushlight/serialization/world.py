"""What a pickle may refer to, make and change: the rules by which a file is loaded."""

from __future__ import annotations

import sys
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from ..nn.module import Module
from ..nn.parameter import Parameter
from ..tensor.core import Tensor
from ..tensor.generator import Generator
from ..tensor.legacy import tensortype
from ..tensor.memory import TypedStorage
from . import allowed, modules, numpy_values
from .builders import BUILDERS, CLASSES, CONSTRUCTORS, PLAIN_STATE, Builder, set_generator, set_partial
from .errors import LoadError, NotAllowedError, Passed, told
from .names import (
    RENAMED_MODULES,
    is_inert,
    library_class,
    member,
    operator_named,
    program_class,
    value_named,
)
from .tensors import attach, rebuild_tensor

GETATTR = BUILDERS["builtins.getattr"]


class Loading:
    """The rules of one load. With `weights_only`, there are tensors and containers, and no modules."""

    def __init__(self, storages: Any, weights_only: bool = False) -> None:
        self.storages, self.weights_only = storages, weights_only

    def persistent(self, reference: Any) -> Any:
        return self.storages.persistent(reference)

    # ---- names

    def find(self, module: str, name: str) -> Any:
        """What a file means by a name. Nothing is imported but our own modules, nothing is called."""
        module = RENAMED_MODULES.get(module, module)
        path = f"{module}.{name}"
        for place in (allowed.lookup(path), BUILDERS.get(path), CLASSES.get(path), value_named(module, name)):
            if place is not None:
                return place
        if module == "numpy" and (found := numpy_values.scalar_type(name)) is not None:
            return found
        if (function := operator_named(module, name)) is not None:
            return function
        return self._class(module, name)

    def _class(self, module: str, name: str) -> type:
        found = library_class(module, name)
        if found is None and not module.startswith("torch."):
            found = program_class(module, name)
        return self._checked(found, module, name)

    def _checked(self, found: Any, module: str, name: str) -> type:
        """A class that was found under a name, if instances of it can be made without running its code."""
        path = f"{module}.{name}"
        if found is None or not (is_inert(found) or _is_data(found)):
            raise NotAllowedError(_why_not(path, module, name, found), path)
        if _attribute(found, "__del__") is not None:
            raise NotAllowedError(
                f"{path} has a __del__, which would run when what is loaded goes away. {_remedy(path)}", path
            )
        if self.weights_only and (issubclass(found, Module) or is_inert(found)):
            raise NotAllowedError(
                f"the file holds a module or optimiser ({path}), and weights_only=True leaves these out. "
                "Call torch.load without weights_only: they load safely, and no code of the file runs",
                path,
            )
        return found

    def _inner_class(self, outer: type, name: Any) -> type:
        """A class inside of another, which old protocols look up in two steps."""
        found = member(outer, name) if type(name) is str else None
        path = f"{outer.__qualname__}.{told(name)}"
        return self._checked(found if isinstance(found, type) else None, outer.__module__, path)

    # ---- what files may do

    def call(self, function: Any, arguments: tuple) -> Any:
        if function is GETATTR and len(arguments) == 2 and isinstance(arguments[0], type):
            return self._inner_class(*arguments)
        if type(function) is Builder:
            return function.make(*arguments)
        make = CONSTRUCTORS.get(id(function))
        if make is not None:
            return make(*arguments)
        if is_allowed(function):
            return _own_code(function, arguments)
        if isinstance(function, type) and issubclass(function, np.generic):
            raise LoadError(f"the file calls {function.__name__}, which it has no need to")
        raise NotAllowedError(
            f"the file asks for a call of {_shown(function)}, and loading calls no functions or classes that "
            f"are not known to be harmless. {_remedy(_shown(function))}",
            _shown(function),
        )

    def instance(self, cls: Any, arguments: tuple, keywords: dict) -> Any:
        if is_allowed(cls) and not _is_module(cls):
            return _own_code(cls.__new__, (cls, *arguments), keywords)
        if _is_module(cls):
            return modules.blank(cls, arguments)
        if _is_named_tuple(cls):
            return _named_tuple(cls, arguments)
        if cls is Parameter and not arguments:
            return Parameter()
        if isinstance(cls, tensortype) and not arguments:
            return cls()
        if isinstance(cls, type) and is_inert(cls) and not arguments:
            return object.__new__(cls)
        return self.call(cls, arguments)

    def build(self, obj: Any, state: Any) -> Any:
        """Gives an object its attributes."""
        kind = type(obj)
        if isinstance(obj, Module):
            return self._module(obj, state)
        if kind in PLAIN_STATE:
            vars(obj).update(_attributes(kind, state))
            return obj
        if isinstance(obj, np.dtype):
            return numpy_values.set_dtype(obj, state)
        if kind is np.ndarray:
            return numpy_values.set_array(obj, state)
        if isinstance(obj, Generator):
            return set_generator(obj, state)
        if kind is partial:
            return set_partial(obj, state)
        if is_allowed(kind):
            return _own_code(_set_state, (obj, state))
        if isinstance(obj, Tensor):
            return _old_tensor(obj, state)
        if is_inert(kind):
            return _set_state(obj, _attributes(kind, state))
        raise NotAllowedError(
            f"the file gives a state to a {_shown(kind)}, and loading does so with modules and plain "
            f"containers only. {_remedy(_shown(kind))}",
            _shown(kind),
        )

    def _module(self, obj: Module, state: Any) -> Module:
        if is_allowed(type(obj)):
            return _own_code(modules.restore, (obj, state, True))
        return modules.restore(obj, state)

    def add(self, container: Any, items: Any, how: str) -> None:
        """Fills a container of a class that the program has allowed."""
        if not is_allowed(type(container)):
            raise LoadError(
                f"the file fills a {_shown(type(container))}, which is no container that loading knows"
            )
        _own_code(_fill, (container, items, how))


# ---- the program's classes


def is_allowed(obj: Any) -> bool:
    """Has the program allowed this very object?"""
    return any(obj is entry for entry in allowed._allowed.values())


def _is_module(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Module)


def _is_named_tuple(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, tuple) and type(_attribute(cls, "_fields")) is tuple


def _attribute(cls: type, name: str) -> Any:
    """What a class has under a name, without asking descriptors or metaclasses."""
    return next((c.__dict__[name] for c in cls.__mro__ if name in c.__dict__), None)


def _is_data(cls: type) -> bool:
    """Can instances be made without running code of the class?"""
    return issubclass(cls, (Module, Tensor)) or _is_named_tuple(cls)


def _named_tuple(cls: Any, arguments: tuple) -> Any:
    fields = _attribute(cls, "_fields")
    if len(arguments) != len(fields):
        raise LoadError(f"a {cls.__qualname__} has {len(fields)} fields, and the file gives {len(arguments)}")
    return tuple.__new__(cls, arguments)


def _own_code(function: Any, arguments: tuple, keywords: dict | None = None) -> Any:
    """Calls code of the program's, whose exceptions are its own."""
    try:
        return function(*arguments, **(keywords or {}))
    except LoadError:
        raise
    except Exception as error:
        raise Passed(error) from error


def _set_state(obj: Any, state: Any) -> Any:
    setter = getattr(obj, "__setstate__", None)
    if setter is not None:
        setter(state)
        return obj
    slots = None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    vars(obj).update(state or {}) if state else None
    for name, value in (slots or {}).items():
        setattr(obj, name, value)
    return obj


def _fill(container: Any, items: Any, how: str) -> None:
    for item in items:
        if how == "setitem":
            container[item[0]] = item[1]
        else:
            getattr(container, how)(item)


# ---- states


def _attributes(kind: type, state: Any) -> dict[str, Any]:
    if type(state) is not dict or not all(type(k) is str for k in state):
        raise LoadError(f"the state of a {kind.__name__} is no dict with names")
    return state


def _old_tensor(t: Tensor, state: Any) -> Tensor:
    """Tensors and parameters as the first versions of PyTorch have them."""
    if type(state) is tuple and len(state) == 4 and isinstance(state[0], TypedStorage):
        t.data = rebuild_tensor(*state)
        return t
    if type(state) is tuple and state and isinstance(state[0], Tensor):
        t.data = state[0]
        t.requires_grad = bool(state[1])
        return t
    return attach(t, state)


# ---- messages


def _shown(obj: Any) -> str:
    if isinstance(obj, (type, FunctionType)):
        return f"{obj.__module__}.{obj.__qualname__}"
    return told(obj)


def _remedy(path: str) -> str:
    return (
        "If you trust it with whatever the file has for it, allow it: "
        f"torch.serialization.add_safe_globals([{path}])"
    )


def _why_not(path: str, module: str, name: str, found: Any) -> str:
    if module == "torch" or (found is None and module.startswith(("torch.", "torchvision."))):
        return f"the file names {path}, which Rushlight does not have, or does not load"
    if module.partition(".")[0] in sys.stdlib_module_names - {"__main__"}:
        return f"the file names {path}, which loading does not touch"
    if found is not None:
        return f"the file names the class {path}, which is no torch.nn.Module. {_remedy(path)}"
    missing = "" if module in sys.modules else f" The module {module} is not imported; loading imports none."
    return (
        f"the file names {path}, which the program has not defined as a torch.nn.Module.{missing} If it is "
        f"your network, define or import the class first (from {module} import {name}). {_remedy(path)}"
    )


__all__ = ["Loading", "is_allowed"]
