"""The state of modules, as PyTorch's files have it and as ours."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..nn.hooks import Hooks
from ..nn.module import TABLES, Module
from ..tensor.core import Tensor
from .errors import LoadError, NotAllowedError, told
from .names import is_ours

# PyTorch's attributes for hooks, and ours; those with a set of numbers say more about the hooks before them
CALL_HOOKS = {
    "_backward_pre_hooks": "backward_pre",
    "_backward_hooks": "backward",
    "_forward_hooks": "after",
    "_forward_pre_hooks": "before",
}
MARKED_HOOKS = {
    "_forward_hooks_with_kwargs": ("after", "with_kwargs"),
    "_forward_hooks_always_called": ("after", "always"),
    "_forward_pre_hooks_with_kwargs": ("before", "with_kwargs"),
}
STATE_HOOKS = {
    "_state_dict_hooks": "state",
    "_state_dict_pre_hooks": "state_pre",
    "_load_state_dict_pre_hooks": "load_pre",
    "_load_state_dict_post_hooks": "load",
}
OURS = ("_call_hooks", "_state_hooks")
HOOKS = (*CALL_HOOKS, *MARKED_HOOKS, *STATE_HOOKS)
LISTS_OF_NAMES = {"_all_weights", "all_weights"}  # of recurrent layers, which go through them when they wake
DROPPED = {*CALL_HOOKS, *MARKED_HOOKS, *STATE_HOOKS, *OURS, "_is_full_backward_hook", "_backend"}
ORDER = [
    "training",
    "_parameters",
    "_buffers",
    "_non_persistent_buffers_set",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_is_full_backward_hook",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
    "_modules",
]


# ---- to a file


def exported(module: Module, state: Any) -> Any:
    """A module's state with PyTorch's attributes, so that PyTorch can go on with it."""
    if not isinstance(state, dict) or "_modules" not in state:
        return state  # a class of the user's that keeps its state in a way of its own
    members = {name for table in TABLES for name in state[table]}
    own = {k: v for k, v in state.items() if k not in members and k not in DROPPED}
    own.update({table: dict(state[table]) for table in TABLES})
    own.update(_hooks_of(module))
    if hasattr(type(module), "_flat_weights"):
        own.setdefault("_flat_weights", module._flat_weights)
    first = {key: own.pop(key) for key in ORDER if key in own}
    return {**first, **own}


def _hooks_of(module: Module) -> dict[str, Any]:
    hooks = module.__dict__.get("_call_hooks") or Hooks()
    found: dict[str, Any] = {name: OrderedDict(getattr(hooks, ours)) for name, ours in CALL_HOOKS.items()}
    for name, (kind, mark) in MARKED_HOOKS.items():
        marked = getattr(hooks, mark)
        found[name] = OrderedDict((n, True) for n in getattr(hooks, kind) if n in marked)
    kept = module.__dict__.get("_state_hooks") or {}
    found.update({name: OrderedDict(kept.get(ours, {})) for name, ours in STATE_HOOKS.items()})
    found["_is_full_backward_hook"] = True if hooks.backward else None
    return found


# ---- from a file


def blank(cls: type, arguments: tuple) -> Any:
    """An instance of a class of modules without attributes; no code of the class runs."""
    if arguments:
        raise LoadError(f"an instance of {cls.__qualname__} is to be made with arguments; modules have none")
    return object.__new__(cls)


def restore(module: Any, state: Any, allowed: bool = False) -> Any:
    """Gives a module its attributes; no code runs but the library's own."""
    if type(state) is tuple and len(state) == 2 and state[1] is None:
        state = state[0]
    if type(state) is dict and "_modules" in state:
        state = imported(type(module), state)
    elif not allowed:
        raise LoadError(f"the state of a {type(module).__qualname__} is no dict with the tables of a module")
    _setter(type(module), allowed)(module, state)
    return module


def imported(cls: type, state: dict) -> dict[str, Any]:
    """The state without PyTorch's attributes, checked."""
    if not all(type(key) is str for key in state):
        raise LoadError(f"the state of a {cls.__qualname__} has an attribute without a name")
    for table, kind in zip(TABLES, (Tensor, Tensor, Module)):
        _check_table(cls, table, kind, state.setdefault(table, {}))
    for name in HOOKS:
        if type(state.setdefault(name, {})) not in (dict, OrderedDict):
            raise LoadError(f"{cls.__qualname__}.{name} is a {type(state[name]).__name__}, not a dict")
    for name in LISTS_OF_NAMES & set(state):
        if type(state[name]) is not list:
            raise LoadError(f"{cls.__qualname__}.{name} is a {type(state[name]).__name__}, not a list")
        for names in state[name]:
            _names(cls, names)
    own = {k: v for k, v in state.items() if k not in DROPPED}
    own["_non_persistent_buffers_set"] = _names(cls, own.get("_non_persistent_buffers_set", ()))
    hooks = _imported_hooks(state)
    if hooks:
        own["_call_hooks"] = hooks
    kept = {ours: dict(state[name]) for name, ours in STATE_HOOKS.items() if state[name]}
    if kept:
        own["_state_hooks"] = kept
    return own


def _names(cls: type, given: Any) -> set[str]:
    if type(given) not in (set, list, tuple) or not all(type(name) is str for name in given):
        raise LoadError(f"{cls.__qualname__} has a list of names that is a {type(given).__name__}")
    return set(given)


def _check_table(cls: type, table: str, kind: type, entries: Any) -> None:
    if type(entries) not in (dict, OrderedDict):
        raise LoadError(f"{cls.__qualname__}.{table} is a {type(entries).__name__}, not a dict")
    for name, value in entries.items():
        if type(name) is not str or not (value is None or isinstance(value, kind)):
            raise LoadError(
                f"{cls.__qualname__}.{table} has {told(name)} of type {type(value).__name__}, not "
                f"{kind.__name__}"
            )


def _imported_hooks(state: dict) -> Hooks:
    hooks = Hooks()
    for name, ours in CALL_HOOKS.items():
        getattr(hooks, ours).update(state[name])
    for name, (_, mark) in MARKED_HOOKS.items():
        getattr(hooks, mark).update(state[name])
    return hooks


def _setter(cls: type, allowed: bool) -> Callable[[Any, Any], None]:
    """`__setstate__` of the class, if it and all that it may call on the way up are the library's."""
    for base in cls.__mro__:
        if "__setstate__" in base.__dict__ and not is_ours(base) and not allowed:
            name = f"{base.__module__}.{base.__qualname__}"
            raise NotAllowedError(
                f"{cls.__qualname__} has a __setstate__ of its own, which loading does not run unless it is "
                f"allowed: torch.serialization.add_safe_globals([{cls.__qualname__}])",
                name,
            )
    return cls.__setstate__  # type: ignore[attr-defined, no-any-return]
