"""An optimiser lent to other parameters for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tensor.core import Tensor
from .optimizer import Optimizer

NAME = "swap_in_optimizer_params_and_state"


@contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """Within the `with` block the optimizer has these parameters and this state (from `state_dict()`)."""
    state, groups = _checked(optimizer, swapin_parameters, swapin_optim_state)
    before, snapshots = optimizer.state, [dict(group) for group in optimizer.param_groups]
    params = iter(swapin_parameters.values())
    try:
        swapped: dict[Any, Any] = defaultdict(dict)
        for own, new in zip(optimizer.param_groups, groups):
            lent = [next(params) for _ in new["params"]]
            own.update(new, params=lent)
            swapped.update({p: dict(state.get(number, {})) for p, number in zip(lent, new["params"])})
        optimizer.state = swapped
        yield
    finally:
        for own, snapshot in zip(optimizer.param_groups, snapshots):
            own.clear()
            own.update(snapshot)
        optimizer.state = before


def _checked(optimizer: Optimizer, params: dict[str, Tensor], given: Any) -> tuple[dict, list[dict]]:
    """The state and the groups, which must be those of an optimizer like this one."""
    _need(bool(optimizer.state), "the optimizer must have a state: let it make a step first")
    _need(isinstance(given, dict), f"the state must be a dict from state_dict(), not {type(given).__name__}")
    state, groups, own = given.get("state"), given.get("param_groups"), optimizer.param_groups
    _need(isinstance(state, dict), "'state' must be a dict from parameter numbers to dicts")
    _need(
        isinstance(groups, list) and len(groups) == len(own),
        f"'param_groups' must be a list of {len(own)} groups, as the optimizer has",
    )
    for k, (group, mine) in enumerate(zip(groups, own)):
        _check_group(k, group, mine)
    numbers = [number for group in groups for number in group["params"]]
    _need(len(params) >= len(numbers), f"{len(numbers)} parameters are needed, {len(params)} were given")
    extra = [key for key in state if key not in numbers]
    _need(not extra, f"'state' has entries for what is no parameter's number: {extra}")
    _need(all(isinstance(v, dict) for v in state.values()), "the state of each parameter must be a dict")
    return state, groups


def _check_group(k: int, group: Any, mine: dict[str, Any]) -> None:
    numbers = group.get("params") if isinstance(group, dict) else None
    _need(
        isinstance(numbers, list) and all(isinstance(number, int) for number in numbers),
        f"group {k} must be a dict whose 'params' are numbers, as in state_dict()",
    )
    _need(
        len(numbers) == len(mine["params"]),
        f"group {k} has {len(numbers)} parameters, the optimizer's {len(mine['params'])}",
    )
    different = sorted(set(group) ^ set(mine))
    _need(not different, f"group {k} and the optimizer's have not the same options: {different}")


def _need(fine: bool, rule: str) -> None:
    if not fine:
        raise RuntimeError(f"{NAME}: {rule}")
