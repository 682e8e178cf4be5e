"""What becomes of each element of a convolution's result, done while it lies in the caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .llvm.blocked import VECTORS


class Epilogue(NamedTuple):
    """`kernel(element, *numbers)`: an element-wise kernel, with some numbers for each channel.

    `vectors` has a row for each of them, and empty rows up to `VECTORS`; None where there are none.
    """

    kernel: Callable[..., Any]
    vectors: np.ndarray | None = None
    count: int = 0  # rows that the kernel takes

    @property
    def words(self) -> tuple[Any, ...]:
        """The last words of a call of a generated convolution."""
        row = 0 if self.vectors is None else self.vectors.strides[0]
        return self.kernel.__self__.body, self.vectors, row  # type: ignore[attr-defined]

    def after(self, made: np.ndarray) -> np.ndarray:
        """The same for a result that is there already, in place."""
        shape = (-1, *[1] * (made.ndim - 2))
        vectors = () if self.vectors is None else self.vectors[: self.count]
        return self.kernel(made, made, *(row.reshape(shape) for row in vectors))


def with_vectors(kernel: Callable[..., Any], *vectors: np.ndarray) -> Epilogue:
    """An epilogue with numbers for each channel."""
    rows = np.zeros((VECTORS, len(vectors[0])), vectors[0].dtype)
    for row, vector in zip(rows, vectors):
        row[:] = vector
    return Epilogue(kernel, rows, len(vectors))
