"""Carries the constructions and calls that PyTorch tests its modules with over to Rushlight."""

from __future__ import annotations

import functools
import importlib
import types
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

import rushlight

SPACES = ("nn.functional", "nn", "nn.init", "nn.utils", "")


def array(t: Any) -> np.ndarray:
    """A tensor of either side as an array."""
    return np.array(t.detach().numpy())


@functools.cache
def _names() -> dict[int, str]:
    """The public path of each function and class of PyTorch, by identity."""
    names: dict[int, str] = {}
    for space in SPACES:
        owner = functools.reduce(getattr, space.split(".") if space else (), torch)
        for name, value in vars(owner).items():
            if callable(value) and not name.startswith("_"):
                names.setdefault(id(value), f"{space}.{name}".lstrip("."))
    return names


def counterpart(path: str) -> Any:
    """What Rushlight has under a path."""
    return functools.reduce(getattr, path.split("."), rushlight)


def as_leaves(x: Any, memo: dict[int, Any]) -> Any:
    """The same nested values with leaves for tensors, so that each has its gradient."""
    if isinstance(x, torch.Tensor):
        return memo.setdefault(id(x), x.detach().clone().requires_grad_(x.requires_grad))
    if isinstance(x, (list, tuple)):
        items = [as_leaves(y, memo) for y in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return {k: as_leaves(v, memo) for k, v in x.items()} if isinstance(x, dict) else x


def carry(x: Any, memo: dict[int, Any] | None = None) -> Any:
    """A value of PyTorch as one of Rushlight; a tensor that occurs twice is one tensor."""
    memo = {} if memo is None else memo
    if isinstance(x, torch.Tensor):
        if id(x) not in memo:
            made = rushlight.from_numpy(array(x))
            memo[id(x)] = made.requires_grad_() if x.requires_grad else made
        return memo[id(x)]
    if isinstance(x, torch.dtype):
        return getattr(rushlight, str(x).split(".")[-1])
    if isinstance(x, torch.device):
        return rushlight.device(str(x))
    if isinstance(x, torch.nn.Module):
        return _module(x)
    if isinstance(x, (list, tuple)):
        items = [carry(y, memo) for y in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    if isinstance(x, dict):
        return type(x)((k, carry(v, memo)) for k, v in x.items())
    if is_dataclass(x) and not isinstance(x, type):
        given = {f.name: carry(getattr(x, f.name)) for f in fields(x) if f.init}
        return counterpart(_names()[id(type(x))])(**given)
    if callable(x):
        return _callable(x)
    return x


def _callable(f: Any) -> Any:
    path = _names().get(id(f))
    if path is not None:
        return counterpart(path)
    if isinstance(f, types.FunctionType) and f.__closure__ is None:  # a lambda of the database
        scope = {
            k: carry(v) if callable(v) else v for k, v in f.__globals__.items() if k in f.__code__.co_names
        }
        return types.FunctionType(f.__code__, {**scope, "torch": rushlight, "F": rushlight.nn.functional})
    return f


def _module(m: torch.nn.Module) -> Any:
    """A module given as an argument: of the same class, with the same settings and values."""
    home = type(m).__module__.removeprefix("torch.")
    cls = getattr(importlib.import_module(f"rushlight.{home}"), type(m).__name__)
    made = cls.__new__(cls)
    rushlight.nn.Module.__init__(made)
    tables = ("_parameters", "_buffers", "_modules")
    state = {k: carry(v) for k, v in m.__getstate__().items() if k not in tables}
    made.__setstate__({**vars(made), **state})
    for name, p in m._parameters.items():
        made.register_parameter(name, None if p is None else rushlight.nn.Parameter(carry(p)))
    for name, b in m._buffers.items():
        made.register_buffer(name, None if b is None else carry(b))
    for name, child in m._modules.items():
        made.add_module(name, carry(child))
    return made


def tensors(x: Any, kind: type) -> list[Any]:
    """All tensors in nested values, in order."""
    if isinstance(x, kind):
        return [x]
    if isinstance(x, dict):
        x = list(x.values())
    return [t for y in x for t in tensors(y, kind)] if isinstance(x, (list, tuple)) else []
