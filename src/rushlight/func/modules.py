"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..tensor.core import Tensor


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Calls `module` with other tensors in the place of its parameters and buffers, which it has back
    afterwards.

    The tensors are given by name in a dictionary (or several); what is not named stays. A tensor that the
    module has under several names is replaced under all of them, unless `tie_weights` is False.
    """
    given = _merged(parameter_and_buffer_dicts)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with swapped(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    merged: dict[str, Tensor] = {}
    for d in dicts:
        repeated = merged.keys() & d.keys()
        if repeated:
            raise ValueError(
                f"{sorted(repeated)} appeared in multiple dictionaries; behavior of functional call is "
                "ambiguous"
            )
        merged.update(d)
    return merged


def _places(module: Any, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, dict, str]]:
    """The full name of each parameter and buffer, and the dictionary that holds it; a shared one under
    all its names.
    """
    for store in (module._parameters, module._buffers):
        for name, t in store.items():
            if t is not None:
                yield prefix + name, store, name
    for name, child in module._modules.items():
        if child is not None:
            yield from _places(child, f"{prefix}{name}.")


@contextmanager
def swapped(module: Any, given: dict[str, Tensor], tie_weights: bool, strict: bool) -> Iterator[None]:
    """Other tensors in the place of parameters and buffers, for the block."""
    places = {name: (store, key) for name, store, key in _places(module)}
    unknown = sorted(given.keys() - places.keys())
    if unknown:
        raise KeyError(
            f"functional_call: the module has no parameter or buffer named {unknown}; it has {sorted(places)}"
        )
    new = _tied(places, given) if tie_weights else dict(given)
    missing = sorted(places.keys() - new.keys())
    if strict and missing:
        raise RuntimeError(
            f"functional_call: Missing key(s): {missing}; with strict=True every parameter and buffer must "
            "be given"
        )
    before = {name: places[name][0][places[name][1]] for name in new}
    try:
        for name, t in new.items():
            store, key = places[name]
            store[key] = t
        yield
    finally:
        for name, t in before.items():
            store, key = places[name]
            if name in given and store[key] is not new[name] and isinstance(given, dict):
                given[name] = store[key]  # a buffer that the call has replaced, such as a running mean
            store[key] = t


def _tied(places: dict[str, tuple[dict, str]], given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The given tensors, under all the names that the ones they replace have."""
    by_tensor: dict[int, list[str]] = {}
    for name, (store, key) in places.items():
        by_tensor.setdefault(id(store[key]), []).append(name)
    new = dict(given)
    for names in by_tensor.values():
        tied = {id(given[n]): given[n] for n in names if n in given}
        if len(tied) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {names}, which are tied. Consider using "
                "tie_weights=False"
            )
        for t in tied.values():
            new.update(dict.fromkeys(names, t))
    return new


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of several modules of one kind, each stacked: what `vmap` over an
    ensemble needs.
    """
    from ..ops.operator import OPERATORS

    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(state: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        result = {}
        for name in state[0]:
            t = OPERATORS["stack"].call([s[name].detach() for s in state], 0)
            result[name] = t.requires_grad_(state[0][name].requires_grad)
        return result

    return stacked([dict(m.named_parameters()) for m in models]), stacked(
        [dict(m.named_buffers()) for m in models]
    )


__all__ = ["functional_call", "stack_module_state", "swapped"]
