"""Transforms of transforms, for samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import rushlight as rl
from rushlight.nn import ModuleList

from ._transform import Transform


class _Several(Transform):
    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        super().__init__()
        if not isinstance(transforms, (Sequence, ModuleList)) or not transforms:
            raise TypeError(f"{type(self).__name__}: expected a sequence of transforms, got {transforms!r}")
        self.transforms = transforms

    def extra_repr(self) -> str:
        return "\n".join(f"    {t}" for t in self.transforms)


def _in_turn(transforms: Any, inputs: tuple[Any, ...]) -> Any:
    alone = len(inputs) == 1
    for transform in transforms:
        outputs = transform(*inputs)
        inputs = (outputs,) if alone else outputs
    return inputs[0] if alone else inputs


class Compose(_Several):
    """Transforms one after the other."""

    def forward(self, *inputs: Any) -> Any:
        return _in_turn(self.transforms, inputs)


class RandomApply(_Several):
    """All the transforms with probability p, else none."""

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__(transforms)
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"RandomApply: p is a probability from 0 to 1, got {p}")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        if rl.rand(1) >= self.p:
            return inputs if len(inputs) > 1 else inputs[0]
        return _in_turn(self.transforms, inputs)


class RandomChoice(_Several):
    """One of the transforms, drawn with weights `p`."""

    def __init__(self, transforms: Any, p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        weights = [1] * len(transforms) if p is None else list(p)
        if len(weights) != len(transforms):
            raise ValueError(f"RandomChoice: {len(transforms)} transforms, but {len(weights)} weights")
        self.p = [w / sum(weights) for w in weights]

    def forward(self, *inputs: Any) -> Any:
        chosen = int(rl.multinomial(rl.tensor(self.p), 1))
        return self.transforms[chosen](*inputs)


class RandomOrder(_Several):
    """All the transforms, in random order."""

    def forward(self, *inputs: Any) -> Any:
        order = rl.randperm(len(self.transforms)).tolist()
        return _in_turn([self.transforms[i] for i in order], inputs)


class Lambda(Transform):
    """A function of the user's for parts of the given types."""

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd = lambd
        self.types = types or (object,)

    def _needs_transform_list(self, leaves: list[Any]) -> list[bool]:
        return [isinstance(leaf, self.types) for leaf in leaves]

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self.lambd(inpt)

    def extra_repr(self) -> str:
        types = f"types={[kind.__name__ for kind in self.types]}"
        return ", ".join([*([self.lambd.__name__] if hasattr(self.lambd, "__name__") else []), types])


class Identity(Transform):
    """The sample as it is."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt
