"""Transforms from pictures to tensors and back, and of the numbers in tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight as rl
from rushlight.nn import Module

from . import convert


class ToTensor:
    """A picture or an array [H, W, C] as a tensor [C, H, W]; bytes become fractions from 0 to 1."""

    def __call__(self, pic: Any) -> Any:
        return convert.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """A picture as a tensor [C, H, W] of its own type of pixels."""

    def __call__(self, pic: Any) -> Any:
        return convert.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToPILImage:
    """A tensor [C, H, W] or an array [H, W, C] as a picture."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return convert.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(Module):
    """The same light in another type of pixels."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Any) -> Any:
        return convert.convert_image_dtype(image, self.dtype)


class Normalize(Module):
    """(tensor - mean) / std, with one mean and one std for each channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Any) -> Any:
        return convert.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class LinearTransformation(Module):
    """A tensor, flattened, less a mean and through a square matrix: whitening, for one."""

    def __init__(self, transformation_matrix: Any, mean_vector: Any) -> None:
        super().__init__()
        rows, columns = transformation_matrix.shape
        if rows != columns:
            raise ValueError(f"transformation_matrix should be square, got {rows} x {columns}")
        if mean_vector.shape[0] != rows:
            raise ValueError(
                f"mean_vector should be of {rows} numbers like the matrix, got {mean_vector.shape[0]}"
            )
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def forward(self, tensor: Any) -> Any:
        shape = tensor.shape
        count = shape[-3] * shape[-2] * shape[-1]
        if count != self.transformation_matrix.shape[0]:
            raise ValueError(
                f"a tensor [..., C, H, W] of {count} numbers does not fit a matrix for "
                f"{self.transformation_matrix.shape[0]}; its shape is {tuple(shape)}"
            )
        flat = tensor.reshape(-1, count) - self.mean_vector
        return rl.mm(flat, self.transformation_matrix).reshape(shape)

    def __repr__(self) -> str:
        matrix, mean = self.transformation_matrix.tolist(), self.mean_vector.tolist()
        return f"{type(self).__name__}(transformation_matrix={matrix}, mean_vector={mean})"
