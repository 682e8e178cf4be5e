"""Transforms of samples: what is a picture in them is changed, the rest passes."""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar

import rushlight as rl
from rushlight.nn import Module
from rushlight.utils.pytree import tree_flatten, tree_unflatten

from ... import tv_tensors
from ...pictures import is_pil
from ._queries import fill_for, fills, has_any
from .functional import is_pure_tensor, kernel_for

Pictures = (tv_tensors.Image, tv_tensors.Video, is_pil)


class Transform(Module):
    """A change of samples. Subclasses define `transform(inpt, params)`, and `make_params` to draw numbers.

    A subclass may instead name the function that makes the change, and which attributes are its options.
    """

    _transformed_types: tuple[Any, ...] = (rl.Tensor, is_pil)
    _functional: ClassVar[Any] = None
    _options: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "fill":
            super().__setattr__("_fill", fills(value))
        super().__setattr__(name, value)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raises for samples that the transform is not for."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What is drawn once for all parts of a sample."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The change of one part of a sample."""
        if self._functional is None:
            raise NotImplementedError(f"{type(self).__name__} does not define transform(inpt, params)")
        options = {name: getattr(self, name) for name in self._options}
        if "fill" in options:
            options["fill"] = fill_for(self._fill, inpt)
        return self._call_kernel(self._functional, inpt, **params, **options)

    def _call_kernel(self, functional: Any, inpt: Any, *args: Any, **options: Any) -> Any:
        """What a function makes of the input; inputs that it has no kernel for pass."""
        kernel = kernel_for(functional, inpt)
        if kernel is None:
            return inpt
        return functional(inpt, *args, **options) if args else kernel(inpt, **options)

    def forward(self, *inputs: Any) -> Any:
        if len(inputs) == 1 and (isinstance(inputs[0], rl.Tensor) or is_pil(inputs[0])):
            self.check_inputs([inputs[0]])  # one picture: nothing to take apart
            return self._changed([inputs[0]])[0]
        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        self.check_inputs(leaves)
        return tree_unflatten(self._changed(leaves), spec)

    def _changed(self, leaves: list[Any]) -> list[Any]:
        chosen = self._needs_transform_list(leaves)
        params = self.make_params([leaf for leaf, is_chosen in zip(leaves, chosen) if is_chosen])
        return [self.transform(x, params) if is_chosen else x for x, is_chosen in zip(leaves, chosen)]

    def _needs_transform_list(self, leaves: list[Any]) -> list[bool]:
        """Which parts are to change; of plain tensors the first, if there is no other picture."""
        chosen = [has_any([leaf], *self._transformed_types) for leaf in leaves]
        spare = not has_any(leaves, *Pictures)
        for i, leaf in enumerate(leaves):
            if chosen[i] and is_pure_tensor(leaf):
                chosen[i], spare = spare, False
        return chosen

    def extra_repr(self) -> str:
        shown = {k: v for k, v in vars(self).items() if not k.startswith("_") and k != "training"}
        kinds = (bool, int, float, str, tuple, list, Enum)
        return ", ".join(f"{k}={v}" for k, v in shown.items() if isinstance(v, kinds))


class ByChance(Transform):
    """A change that is made with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"{type(self).__name__}: p is a probability from 0 to 1, got {p}")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves, spec = tree_flatten(sample)
        self.check_inputs(leaves)
        return sample if rl.rand(1) >= self.p else tree_unflatten(self._changed(leaves), spec)
