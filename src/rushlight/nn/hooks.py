"""Functions that run when a module is called, and those that run for every module."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..autograd.hooks import RemovableHandle, add_hook
from ..warned import warn

Hook = Callable[..., Any]


class Hooks:
    """The hooks of one module, or of all. Most modules have none, and then none of this exists."""

    __slots__ = ("after", "always", "backward", "backward_pre", "before", "with_kwargs")

    def __init__(self) -> None:
        self.before: dict[int, Hook] = OrderedDict()  # programs print them, and move them to an end
        self.after: dict[int, Hook] = OrderedDict()
        self.backward: dict[int, Hook] = OrderedDict()
        self.backward_pre: dict[int, Hook] = OrderedDict()
        self.with_kwargs: set[int] = set()
        self.always: set[int] = set()  # run even when forward raises

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.backward or self.backward_pre)

    def add(
        self, kind: str, hook: Hook, prepend: bool, kwargs: bool = False, always: bool = False
    ) -> RemovableHandle:
        handle = add_hook(getattr(self, kind), hook, prepend)
        if kwargs:
            self.with_kwargs.add(handle.id)
        if always:
            self.always.add(handle.id)
        return handle


EVERYWHERE = Hooks()


def call_with_hooks(module: Any, args: tuple, kwargs: dict) -> Any:
    """A call of a module with everything that was asked to happen around it."""
    own = module.__dict__.get("_call_hooks")
    groups = [EVERYWHERE, own] if own else [EVERYWHERE]
    finished: list[int] = []
    try:
        return _call(module, args, kwargs, groups, finished)
    except Exception:
        for group in groups:
            for number in group.always:
                if number not in finished and number in group.after:
                    _quietly(group, number, module, args, kwargs)
        raise


def _quietly(group: Hooks, number: int, module: Any, args: tuple, kwargs: dict) -> None:
    """Runs a hook that was to run in any case, after forward has failed."""
    try:
        _after(group, number, module, args, kwargs, None)
    except Exception as error:
        warn(f"a forward hook with always_call=True raised an exception as well: {error}")


def _call(module: Any, args: tuple, kwargs: dict, groups: list[Hooks], finished: list[int]) -> Any:
    for group in groups:
        for number, hook in list(group.before.items()):
            if number in group.with_kwargs:
                new = hook(module, args, kwargs)
                if new is not None:
                    if not (isinstance(new, tuple) and len(new) == 2):
                        raise RuntimeError(
                            "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but "
                            f"got {new!r}"
                        )
                    args, kwargs = new
            else:
                new = hook(module, args)
                if new is not None:
                    args = new if isinstance(new, tuple) else (new,)
    around = [g for g in groups if g.backward or g.backward_pre]
    if around:
        from .backward_hooks import watched

        result = watched(module, args, kwargs, around)
    else:
        result = module.forward(*args, **kwargs)
    for group in groups:
        for number in list(group.after):
            finished.append(number)
            new = _after(group, number, module, args, kwargs, result)
            if new is not None:
                result = new
    return result


def _after(group: Hooks, number: int, module: Any, args: tuple, kwargs: dict, result: Any) -> Any:
    hook = group.after[number]
    return hook(module, args, kwargs, result) if number in group.with_kwargs else hook(module, args, result)


REGISTRATION: dict[str, dict[int, Hook]] = {"parameter": {}, "buffer": {}, "module": {}}


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What is to be registered under `name`, after everybody who asked has seen it."""
    for hook in list(REGISTRATION[kind].values()):
        new = hook(module, name, value)
        value = value if new is None else new
    return value


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, name, param)` when a parameter is registered; what it returns takes its place."""
    return add_hook(REGISTRATION["parameter"], hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, name, buffer)` when a buffer is registered; what it returns takes its place."""
    return add_hook(REGISTRATION["buffer"], hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, name, submodule)` when a module is registered; what it returns takes its place."""
    return add_hook(REGISTRATION["module"], hook)


def _everywhere() -> Hooks:
    """The hooks of all modules; from now on a call of any module asks for them."""
    from .module import Module

    Module._call_hooks = EVERYWHERE
    return EVERYWHERE


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, args)` before the forward of every module."""
    return _everywhere().add("before", hook, False)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls `hook(module, args, result)` after the forward of every module."""
    return _everywhere().add("after", hook, False, with_kwargs, always_call)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, grad_inputs, grad_outputs)` after the backward of every module."""
    return _everywhere().add("backward", hook, False)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, grad_outputs)` before the backward of every module."""
    return _everywhere().add("backward_pre", hook, False)


register_module_backward_hook = register_module_full_backward_hook
