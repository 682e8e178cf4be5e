"""Transforms of samples: what is a picture in them is changed, the rest passes."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight as rl
from rushlight.nn import Module
from rushlight.utils.pytree import tree_flatten, tree_unflatten

from ... import tv_tensors
from ...pictures import is_pil


def is_pure_tensor(value: Any) -> bool:
    """Is this a tensor that does not say what it is?"""
    return isinstance(value, rl.Tensor) and not isinstance(value, tv_tensors.TVTensor)


class Transform(Module):
    """A change of samples. Subclasses define `transform(inpt, params)`, and `make_params` to draw numbers."""

    _of_pixels = False  # colours change, places do not: masks and boxes pass

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raises for samples that the transform is not for."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What is drawn once for all parts of a sample."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define transform(inpt, params)")

    def forward(self, *inputs: Any) -> Any:
        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        chosen = self._chosen(leaves)
        picked = [leaf for leaf, is_chosen in zip(leaves, chosen) if is_chosen]
        self.check_inputs(leaves)
        params = self.make_params(picked)
        done = [self.transform(x, params) if is_chosen else x for x, is_chosen in zip(leaves, chosen)]
        return tree_unflatten(done, spec)

    def _chosen(self, leaves: list[Any]) -> list[bool]:
        """Which parts are to change; of plain tensors the first, if there is no other picture."""
        named = [is_pil(x) or isinstance(x, tv_tensors.TVTensor) for x in leaves]
        pictured = any(is_pil(x) or isinstance(x, (tv_tensors.Image, tv_tensors.Video)) for x in leaves)
        for is_picture in () if pictured else (is_pure_tensor, lambda x: isinstance(x, np.ndarray)):
            first = next((i for i, x in enumerate(leaves) if is_picture(x)), None)
            if first is not None:
                named[first] = True
                break
        return named

    def extra_repr(self) -> str:
        shown = {k: v for k, v in vars(self).items() if not k.startswith("_") and k != "training"}
        return ", ".join(
            f"{k}={v}" for k, v in shown.items() if isinstance(v, (bool, int, float, str, tuple, list))
        )


class FromV1(Transform):
    """A transform of the first version, for samples: all pictures of a sample get the same random numbers."""

    _v1: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self._change = self._v1(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name != "_change" and "_change" in self._modules and not name.startswith("_"):
            return getattr(self._modules["_change"], name)
        return super().__getattr__(name)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"state": rl.get_rng_state() if len(flat_inputs) > 1 else None}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if isinstance(inpt, (tv_tensors.Mask, tv_tensors.BoundingBoxes)):
            if self._of_pixels:
                return inpt
            raise NotImplementedError(
                f"v2.{type(self).__name__} changes pictures; for {type(inpt).__name__} it is not there yet"
            )
        if params["state"] is not None:
            rl.set_rng_state(params["state"])
        if isinstance(inpt, tv_tensors.TVTensor):
            result = self._change(tv_tensors.plain(inpt))
            if isinstance(result, tuple):
                return tuple(tv_tensors.wrap(r, like=inpt) for r in result)
            return tv_tensors.wrap(result, like=inpt)
        return self._change(inpt)

    def __repr__(self) -> str:
        return repr(self._change)
