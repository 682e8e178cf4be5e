"""Random shapes, layouts and values for one call of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .guard import UNTOUCHED, guard

STEPS = (1, 1, 1, 2, -1, -3)
CASES_OF_ONE_KERNEL = 25  # in a row


class Draw:
    """The random choices of one case, and the arrays made for it."""

    def __init__(self, *seed: int) -> None:
        self.seed = seed
        self.random = np.random.default_rng(seed)
        self.outputs: list[
            tuple[np.ndarray, np.ndarray]
        ] = []  # memory of an output, and what it is not to touch

    @cached_property
    def kernel(self) -> Draw:
        """Draws what decides which code is generated: the same for some cases in a row.

        Compiling takes a hundred times as long as a case, so each kernel has to do more than one.
        """
        number, *family = self.seed
        return Draw(number // CASES_OF_ONE_KERNEL, *family, CASES_OF_ONE_KERNEL)

    def number(self, low: int, high: int) -> int:
        """Between the two, both included."""
        return int(self.random.integers(low, high + 1))

    def one(self, *things: Any) -> Any:
        return things[int(self.random.integers(len(things)))]

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def size(self, most: int) -> int:
        """Small sizes, sizes around those of vectors, and now and then one of up to `most`."""
        kind = self.random.random()
        if kind < 0.5:
            return self.number(1, min(9, most))
        if kind < 0.8:
            return min(most, max(1, self.one(16, 32, 64, 128, 256) + self.number(-1, 1)))
        return self.number(1, most)

    def shape(self, rank: int, elements: int) -> tuple[int, ...]:
        """`rank` sizes whose product is at most `elements`."""
        sizes = []
        for _ in range(rank):
            sizes.append(self.size(max(1, elements)))
            elements //= sizes[-1]
        return tuple(int(n) for n in self.random.permutation(sizes))

    # ---- arrays

    def values(self, shape: Sequence[int], dtype: str, special: Sequence[float] = ()) -> np.ndarray:
        """Normal numbers (small whole ones for integers), with special values strewn in."""
        if not dtype.startswith("float"):
            low = 0 if dtype in ("uint8", "bool") else -9
            return self.random.integers(low, 2 if dtype == "bool" else 20, shape).astype(dtype)
        made = np.asarray(self.random.standard_normal(shape)).astype(dtype)
        for value in special:
            made[self.random.random(shape) < 0.03] = value
        return made

    def dense(self, shape: Sequence[int], dtype: str, special: Sequence[float] = ()) -> np.ndarray:
        """Values in C order between forbidden pages."""
        return self.guarded(self.values(shape, dtype, special))

    @staticmethod
    def guarded(values: np.ndarray) -> np.ndarray:
        made = guard.empty(values.shape, values.dtype)
        made[...] = values
        return made

    def strided(self, values: np.ndarray) -> np.ndarray:
        """The same values in memory that is permuted, stepped or reversed, between forbidden pages."""
        memory, view = self._layout(values.shape, values.dtype)
        if values.dtype == bool:
            memory.view(np.uint8)[...] = 1
        view[...] = values
        return view

    def output(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        """Strided memory for a result; `untouched` looks at what lies between its elements."""
        memory, view = self._layout(shape, dtype)
        beside = np.ones(memory.shape, bool)
        steps, order = self._last
        beside.transpose(np.argsort(order) if len(order) else ())[steps] = False
        self.outputs.append((memory, beside))
        return view

    def _layout(self, shape: Sequence[int], dtype: Any) -> tuple[np.ndarray, np.ndarray]:
        jumps = [self.one(*STEPS) for _ in shape] if self.chance(0.6) else [1] * len(shape)
        order = self.random.permutation(len(shape)) if self.chance(0.5) else np.arange(len(shape))
        memory = guard.empty([shape[d] * abs(jumps[d]) for d in order], dtype)
        steps = (*(slice(None, None, jump) for jump in jumps), ...)
        self._last = steps, order
        return memory, memory.transpose(np.argsort(order) if len(order) else ())[steps]

    def untouched(self) -> None:
        for memory, beside in self.outputs:
            around = memory[beside].reshape(-1).view(np.uint8)
            assert (around == UNTOUCHED).all(), "memory between the elements of a result was written"

    # ---- the call

    @staticmethod
    def run(function: Callable, *arguments: Any) -> Any:
        """The call, with the memory that it asks for guarded too."""
        with guard.allocating():
            return function(*arguments)
