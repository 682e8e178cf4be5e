"""`Module`: what every network is made of, and what a network is itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..autograd.hooks import RemovableHandle
from ..tensor.core import Tensor
from ..tensor.metadata import typename
from ..warned import warn
from .conversion import ConversionMixin
from .hooks import REGISTRATION, Hooks, call_with_hooks, registered
from .members import Members
from .parameter import Buffer, Parameter
from .places import tell_place
from .state import StateMixin

Hook = Callable[..., Any]
TABLES = ("_parameters", "_buffers", "_modules")
HOOK_TABLES = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def _hook_table(kind: str) -> property:
    """The hooks of one kind, under the name by which PyTorch programs count and clear them."""

    def get(self: Module) -> dict[int, Hook]:
        return getattr(self._own_call_hooks(), kind)

    def put(self: Module, hooks: Any) -> None:
        get(self).clear()
        get(self).update(hooks)

    return property(get, put)


def _shown(name: str, iterator: Any) -> Any:
    """The iterator, as one of Module's: print(net.parameters()) shows who made it."""
    iterator.__qualname__ = f"Module.{name}"
    return iterator


class Module(StateMixin, ConversionMixin):
    """Parameters, buffers and submodules under the names that they are assigned to, and a `forward` that uses
    them.

    Subclass it, call `super().__init__()` first, and write `forward`; then the module is called like a
    function.
    """

    training: bool = True
    _call_hooks: Hooks | None = None
    _version: int = 1
    dump_patches = False
    call_super_init = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and kwargs:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
            )
        if not self.call_super_init and args:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        d = self.__dict__
        d["training"] = True
        for table in TABLES:
            d[table] = Members(self)
        d["_non_persistent_buffers_set"] = set()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *args: Any) -> Any:
        """Computes the result of a call; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._call_hooks is None:
                return self.forward(*args, **kwargs)
            return call_with_hooks(self, args, kwargs)
        except Exception as error:
            tell_place(error, self)
            raise

    # ---- attributes

    def __setattr__(self, name: str, value: Any) -> None:
        d = self.__dict__
        parameters = d.get("_parameters")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError(
                    "cannot assign parameters before Module.__init__() call: call super().__init__() first"
                )
            self._forget_name(name, "_parameters")
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or "
                    "None expected)"
                )
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if d.get("_modules") is None:
                raise AttributeError(
                    "cannot assign module before Module.__init__() call: call super().__init__() first"
                )
            self._forget_name(name, "_modules")
            d["_modules"][name] = registered("module", self, name, value) if REGISTRATION["module"] else value
        elif parameters is not None and name in d["_modules"]:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as child module '{name}' (torch.nn.Module or "
                    "None expected)"
                )
            d["_modules"][name] = value
        elif parameters is not None and (name in d["_buffers"] or isinstance(value, Buffer)):
            self._set_buffer_value(name, value)
        elif name in TABLES and isinstance(value, dict):
            d.get(name, {}).clear()
            d[name] = Members(self, value)
        else:
            object.__setattr__(self, name, value)

    def _forget_name(self, name: str, keep: str) -> None:
        """A name means one thing: what it meant before goes."""
        self.__dict__.pop(name, None)
        for table in TABLES:
            if table != keep:
                self.__dict__[table].pop(name, None)
        self.__dict__["_non_persistent_buffers_set"].discard(name)

    def _set_buffer_value(self, name: str, value: Any) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{type(value).__name__}' as buffer '{name}' (torch.nn.Buffer, torch.Tensor "
                "or None expected)"
            )
        if name in self._buffers:
            self.__dict__.pop(name, None)
            self._buffers[name] = value
        else:
            self._forget_name(name, "_buffers")
            self.register_buffer(name, value, value.__dict__.get("persistent", True))

    def __getattr__(self, name: str) -> Any:
        d = (
            self.__dict__
        )  # members are found before this is asked; here are those of tables written otherwise
        for table in TABLES:
            found = d.get(table)
            if found is not None and name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for table in TABLES:
            if name in self.__dict__.get(table, ()):
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(n for n in names if not n[:1].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        """The attributes, without those that the tables have; and places for hooks, without which PyTorch
        would
        not call a module that it loads.
        """
        tables = {table: dict(self.__dict__[table]) for table in TABLES if table in self.__dict__}
        members = {name for table in tables.values() for name in table}
        own = {k: v for k, v in self.__dict__.items() if k not in members}
        return {**own, **tables, "_forward_hooks": {}, "_backward_hooks": {}}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update({k: v for k, v in state.items() if k not in HOOK_TABLES})
        for table in TABLES:
            self.__dict__[table] = Members(self, state.get(table, ()))
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        for name in HOOK_TABLES:
            if state.get(name):
                setattr(self, name, state[name])

    def _check_member_name(self, name: Any, what: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter (or None, a place for one)."""
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                "cannot assign parameter before Module.__init__() call: call super().__init__() first"
            )
        self._check_member_name(name, "parameter")
        if hasattr(self, name) and name not in self._parameters:
            raise KeyError(f"attribute '{name}' already exists")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' (torch.nn.Parameter "
                "or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                "explicitly; to express "
                f"'{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = (
            registered("parameter", self, name, param) if REGISTRATION["parameter"] else param
        )

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is kept and (if `persistent`) saved, but not trained."""
        if "_buffers" not in self.__dict__:
            raise AttributeError(
                "cannot assign buffer before Module.__init__() call: call super().__init__() first"
            )
        self._check_member_name(name, "buffer")
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' (torch Tensor or None "
                "required)"
            )
        self._buffers[name] = registered("buffer", self, name, tensor) if REGISTRATION["buffer"] else tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(
            name
        )

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule under a name."""
        if module is not None and not isinstance(module, Module):
            is_class = isinstance(module, type) and issubclass(module, Module)
            what = f"{module.__qualname__}, a class," if is_class else type(module).__name__  # type: ignore[union-attr]
            hint = f"; make one: {module.__name__}(...)" if is_class else ""  # type: ignore[union-attr]
            raise TypeError(f"{what} is not a Module subclass" + hint)
        self._check_member_name(name, "module")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        self._modules[name] = registered("module", self, name, module) if REGISTRATION["module"] else module

    register_module = add_module

    # ---- looking through

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """All modules of the network with their paths, this one first."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    memo, f"{prefix}.{name}" if prefix else name, remove_duplicate
                )

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """All modules of the network, this one first."""
        return _shown("modules", (m for _, m in self.named_modules(remove_duplicate=remove_duplicate)))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules."""
        return _shown("children", (m for _, m in self.named_children()))

    def _named_members(
        self,
        get: Callable[[Module], Any],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in get(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths."""
        found = self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)
        return _shown("named_parameters", found)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters: what an optimiser is given."""
        return _shown("parameters", (p for _, p in self.named_parameters(recurse=recurse)))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths."""
        found = self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)
        return _shown("named_buffers", found)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers."""
        return _shown("buffers", (b for _, b in self.named_buffers(recurse=recurse)))

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "layer1.0.conv"."""
        module = self
        for part in target.split(".") if target else ():
            if not hasattr(module, part):
                raise AttributeError(f"{type(module).__name__} has no attribute `{part}`")
            module = getattr(module, part)
            if not isinstance(module, Module):
                raise AttributeError(f"`{part}` is not an nn.Module")
        return module

    def _member_at(self, target: str, table: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in getattr(module, table):
            raise AttributeError(f"`{name}` is not {what}")
        return getattr(module, table)[name]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path."""
        return self._member_at(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path."""
        return self._member_at(target, "_buffers", "a buffer")

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Puts a module at a path, in the place of what is there."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    # ---- changing all of it

    def train(self, mode: bool = True) -> Module:
        """Training mode, for dropout, batch normalisation and their like."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Module:
        """Evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Switches the gradients of all parameters on or off."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or makes them zero."""
        for p in self.parameters():
            if set_to_none:
                p._grad = None
            elif p._grad is not None:
                p._grad = p._grad.detach()
                p._grad.zero_()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles `forward`, as `rushlight.compile` does."""
        from .. import compile as compiled

        self.forward = compiled(self.forward, *args, **kwargs)  # type: ignore[method-assign]

    # ---- hooks

    def _own_call_hooks(self) -> Hooks:
        if "_call_hooks" not in self.__dict__:
            self.__dict__["_call_hooks"] = Hooks()
        return self.__dict__["_call_hooks"]

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args)` before forward; what it returns replaces the arguments."""
        return self._own_call_hooks().add("before", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args, result)` after forward; what it returns replaces the result."""
        return self._own_call_hooks().add("after", hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_outputs)` before the backward of this module."""
        return self._own_call_hooks().add("backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_inputs, grad_outputs)` after the backward of this module."""
        return self._own_call_hooks().add("backward", hook, prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """The old name of `register_full_backward_hook`."""
        warn("register_backward_hook means register_full_backward_hook here", FutureWarning)
        return self.register_full_backward_hook(hook)

    _forward_pre_hooks = _hook_table("before")
    _forward_hooks = _hook_table("after")
    _backward_pre_hooks = _hook_table("backward_pre")
    _backward_hooks = _hook_table("backward")

    # ---- showing

    def extra_repr(self) -> str:
        """What a subclass adds to its line: sizes and options."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({k}): " + repr(m).replace("\n", "\n  ") for k, m in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        if not lines and not children:
            return f"{self._get_name()}()"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"


__all__ = ["Module"]
