"""`state_dict` and `load_state_dict`: the values of a network under the paths of its parameters and
buffers.
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

from ..autograd.hooks import RemovableHandle, add_hook
from ..autograd.modes import no_grad
from ..tensor.core import Tensor
from .parameter import Parameter
from .uninitialized import is_lazy

EXTRA = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """Which keys `load_state_dict` missed, and which it did not know."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class StateMixin:
    """What `Module` has for saving and loading."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _version: int
    _state_hooks: dict[str, dict[int, Callable[..., Any]]] | None = None

    def _state_hooks_of(self, kind: str) -> dict[int, Callable[..., Any]]:
        if self._state_hooks is None:
            self.__dict__["_state_hooks"] = {}
        return self._state_hooks.setdefault(kind, {})  # type: ignore[union-attr]

    def _run_state_hooks(self, kind: str, *arguments: Any) -> Any:
        result = None
        for hook in list((self._state_hooks or {}).get(kind, {}).values()):
            result = hook(*arguments)
        return result

    # ---- saving

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """The values of all parameters and persistent buffers, by path."""
        if args:
            options = destination, prefix, keep_vars
            destination, prefix, keep_vars = args + options[len(args) :]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local
        self._run_state_hooks("state_pre", self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in list((self._state_hooks or {}).get("state", {}).values()):
            new = hook(self, destination, prefix, local)
            destination = destination if new is None else new
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """This module's own part."""
        for name, p in self._parameters.items():
            if p is not None:
                destination[prefix + name] = p if keep_vars else p.detach()
        for name, b in self._buffers.items():
            if b is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = b if keep_vars else b.detach()
        if type(self).get_extra_state is not StateMixin.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def get_extra_state(self) -> Any:
        """What else a subclass wants saved."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state: Any) -> None:
        """Takes back what `get_extra_state` gave."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before `state_dict` collects."""
        return add_hook(self._state_hooks_of("state_pre"), hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` when `state_dict` has collected."""
        return add_hook(self._state_hooks_of("state"), hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, ...)` before this module takes its values."""
        return add_hook(self._state_hooks_of("load_pre"), lambda *arguments: hook(self, *arguments))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        if with_module:
            return self.register_load_state_dict_pre_hook(hook)
        return add_hook(self._state_hooks_of("load_pre"), hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` when everything is loaded."""
        return add_hook(self._state_hooks_of("load"), hook)

    # ---- loading

    def load_state_dict(
        self, state_dict: Any, strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Takes the values of a `state_dict`; with `strict` every key must match."""
        if isinstance(state_dict, StateMixin):  # the network itself was given: its state is meant
            state_dict = state_dict.state_dict()
        if not hasattr(state_dict, "items"):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict).__name__}.")
        state = OrderedDict(state_dict)
        metadata = getattr(state_dict, "_metadata", None)
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        _load(self, state, "", metadata, strict, assign, missing, unexpected, errors)
        if strict:
            for keys, what in ((unexpected, "Unexpected"), (missing, "Missing")):
                if keys:
                    listed = ", ".join(f'"{k}"' for k in keys)
                    errors.insert(0, f"{what} key(s) in state_dict: {listed}. ")
        if errors:
            told = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{told}")
        return _IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """This module's own part."""
        self._run_state_hooks(
            "load_pre", state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        persistent = {k: v for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set}
        own = {k: v for k, v in (*self._parameters.items(), *persistent.items()) if v is not None}
        for name, target in own.items():
            key = prefix + name
            if key in state_dict:
                self._take_loaded(name, target, key, state_dict[key], local_metadata, error_msgs)
            elif strict:
                missing_keys.append(key)
        if type(self).set_extra_state is not StateMixin.set_extra_state:
            if prefix + EXTRA in state_dict:
                self.set_extra_state(state_dict[prefix + EXTRA])
            elif strict:
                missing_keys.append(prefix + EXTRA)
        elif strict and prefix + EXTRA in state_dict:
            unexpected_keys.append(prefix + EXTRA)
        if strict:
            unexpected_keys.extend(self._unknown_keys(state_dict, prefix, own))

    def _unknown_keys(self, state_dict: Any, prefix: str, own: dict) -> list[str]:
        """The keys below `prefix` that belong to nothing here."""
        unknown = []
        for key in state_dict:
            if key.startswith(prefix) and key != prefix + EXTRA:
                first, *rest = key[len(prefix) :].split(".", 1)
                if (rest and first not in self._modules) or (not rest and first not in own):
                    unknown.append(key)
        return unknown

    def _take_loaded(
        self, name: str, target: Tensor, key: str, value: Any, metadata: dict, errors: list[str]
    ) -> None:
        if not isinstance(value, Tensor):
            errors.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(value)}"
            )
            return
        if is_lazy(target) or is_lazy(value):
            if not (is_lazy(target) and is_lazy(value)):
                errors.append(f"the sizes of {key} are not known yet: call the lazy module once before")
            return
        if target.dim() == 0 and value.dim() == 1 and len(value) == 1:  # the way version 0.3 saved numbers
            value = value.reshape(())
        if value.shape != target.shape:
            errors.append(
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                f"the shape in current model is {target.shape}."
            )
            return
        if metadata.get("assign_to_params_buffers", False):
            self._assign_loaded(name, target, value)
            return
        with no_grad():
            target.copy_(value)

    def _assign_loaded(self, name: str, target: Tensor, value: Tensor) -> None:
        if name in self._parameters and not isinstance(value, Parameter):
            value = Parameter(value, requires_grad=target.requires_grad)
        setattr(self, name, value)


def _load(
    module: Any,
    state: Any,
    prefix: str,
    metadata: Any,
    strict: bool,
    assign: bool,
    missing: list,
    unexpected: list,
    errors: list,
) -> None:
    """Loads a module, then its children, each from its own part of the state."""
    local = {} if metadata is None else dict(metadata.get(prefix[:-1], {}))
    if assign:
        local["assign_to_params_buffers"] = True
    module._load_from_state_dict(state, prefix, local, True, missing, unexpected, errors)
    for name, child in module._modules.items():
        if child is not None:
            inner = f"{prefix}{name}."
            part = OrderedDict((k, v) for k, v in state.items() if k.startswith(inner))
            _load(child, part, inner, metadata, strict, assign, missing, unexpected, errors)
    incompatible = _IncompatibleKeys(missing, unexpected)
    result = module._run_state_hooks("load", module, incompatible)
    if result is not None:
        raise AssertionError(
            "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
            "values, "
            "if incompatible_keys need to be modified, it should be done inplace."
        )
