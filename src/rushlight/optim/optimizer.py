"""What all optimisers share: parameter groups, their options, gradients set back to nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from ..tensor.core import Tensor
from ..warned import warn
from .hooks import (
    Hooked,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
    with_hooks,
)
from .state import Saved


class _Required:
    """Stands for an option without a default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
ParamsT = Iterable[Any]  # tensors, pairs of a name and a tensor, or dicts of a group


class Optimizer(Hooked, Saved):
    """The base of all optimisers: give it parameters (or groups of them) and the options' defaults.

    A subclass defines `step(closure=None)`; `state[p]` is a dict for what it keeps of parameter `p`.
    """

    profile_hook_step = staticmethod(with_hooks)  # for classes that get their `step` later

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{type(params).__name__}; put it into a list: [param]"
            )
        self.defaults = defaults
        self._make_hooks()
        self.state: dict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list; does the model have parameters, and was an iterator "
                "of them (model.parameters()) used up before?"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    # ---- parameter groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with options of their own: a dict with `params` and any of the options."""
        if not isinstance(param_group, dict):
            raise TypeError(
                f"param_group must be a dict, but got {type(param_group)}; give {{'params': [...]}}"
            )
        _sort_out_names(param_group)
        for p in param_group["params"]:
            self._check_parameter(p)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        self._check_against_others(param_group)
        self.param_groups.append(param_group)

    def _check_parameter(self, p: Any) -> None:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is a {type(p).__name__}"
            )
        if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
            origin = p.grad_fn.name() if p.grad_fn else "an operation"
            raise ValueError(
                f"can't optimize a non-leaf Tensor: one of shape {tuple(p.shape)} is the result of {origin}; "
                "optimize what it was computed from, or p.detach().requires_grad_()"
            )

    def _check_against_others(self, new: dict[str, Any]) -> None:
        params = set(new["params"])
        if len(params) != len(new["params"]):
            warn(
                "optimizer contains a parameter group with duplicate parameters; each is stepped as "
                "often as it is listed; in future, this will cause an error",
            )
        for group in self.param_groups:
            if ("param_names" in new) != ("param_names" in group):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group "
                    f"{'with' if 'param_names' in new else 'without'} names to the optimizer"
                )
            if not params.isdisjoint(group["params"]):
                raise ValueError(
                    "some parameters appear in more than one parameter group; each belongs to one group only"
                )

    # ---- gradients and steps

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or with `set_to_none=False` fills them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p.grad is not None:
                    p.grad.detach_() if p.grad.grad_fn is not None else p.grad.requires_grad_(False)
                    p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters by one step; `closure` computes the loss again, and that is returned."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a step is: define step()")

    # ---- saved and printed

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hooks()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * (i > 0) + [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _sort_out_names(group: dict[str, Any]) -> None:
    """`params` becomes a list of tensors; names that came with them become `param_names`."""
    params = group["params"]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, and a set has another order "
            "in each run; give a list"
        )
    params = [params] if isinstance(params, Tensor) else list(params)
    named = [p for p in params if isinstance(p, tuple)]
    if named and len(named) != len(params):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing: "
            f"{len(named)} of {len(params)} are pairs of a name and a tensor"
        )
    group["params"] = [p[1] for p in named] if named else params
    if named:
        group["param_names"] = [p[0] for p in named]


__all__ = [
    "Optimizer",
    "ParamsT",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
    "required",
]
