"""An optimiser's state as plain data, laid out as PyTorch lays it out, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from ..tensor.core import Tensor
from ..tensor.dtype import DTYPES


class Saved:
    """`state_dict` and `load_state_dict`: parameters are numbered through all groups."""

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on later: `state` for each parameter's number, and the `param_groups`."""
        for hook in list(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        numbers: dict[Any, int] = {}
        groups, first = [], 0
        for group in self.param_groups:
            for i, p in enumerate(group["params"], first):
                numbers.setdefault(p, i)
            first += len(group["params"])
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[p] for p in group["params"]]
            groups.append(packed)
        state = {(numbers[k] if isinstance(k, Tensor) else k): v for k, v in self.state.items()}
        made: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in list(self._optimizer_state_dict_post_hooks.values()):
            changed = hook(self, made)
            made = made if changed is None else changed
        return made

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a state that `state_dict()` gave, of this optimiser or of one with equal groups."""
        state_dict = state_dict.copy()
        for hook in list(self._optimizer_load_state_dict_pre_hooks.values()):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        groups = deepcopy(state_dict["param_groups"])
        _check_groups(self.param_groups, groups)
        owners = {}  # number -> parameter and the group that it is in
        for own, loaded in zip(self.param_groups, groups):
            owners.update({i: (p, loaded) for i, p in zip(loaded["params"], own["params"])})
            loaded["params"] = own["params"]
            if "param_names" in own:
                loaded.setdefault("param_names", own["param_names"])
        state: dict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in owners:
                p, group = owners[key]
                state[p] = _fitted(value, p, group)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)


def _check_groups(own: list[dict], loaded: list[dict]) -> None:
    if len(own) != len(loaded):
        raise ValueError(
            "loaded state dict has a different number of parameter groups: "
            f"{len(loaded)}, and this optimizer has {len(own)}; make the groups as they were when saved"
        )
    for k, (a, b) in enumerate(zip(own, loaded)):
        if len(a["params"]) != len(b["params"]):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                f"group: group {k} has {len(b['params'])} parameters there and {len(a['params'])} here; "
                "is it of the same model?"
            )


def _fitted(value: Any, p: Tensor, group: dict, key: Any = None) -> Any:
    """A loaded value, tensors in it with the dtype and device of their parameter."""
    if isinstance(value, Tensor):
        return _fitted_tensor(value, p, group, key)
    if isinstance(value, dict):
        return {k: _fitted(v, p, group, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return type(value)(_fitted(v, p, group) for v in value)  # type: ignore[call-arg]
    return value


def _fitted_tensor(value: Tensor, p: Tensor, group: dict, key: Any) -> Tensor:
    if key == "step":
        single = group.get("capturable") or group.get("fused")
        return value.to(dtype=DTYPES["float32"], device=p.device) if single else value
    return value.to(dtype=p.dtype, device=p.device) if p.dtype.is_floating_point else value.to(p.device)
