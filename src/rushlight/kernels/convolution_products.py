"""Convolutions that are products of matrices as they lie: filters as large as the image, or channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..runtime import settings
from . import linear, matmul, policy
from .epilogues import Epilogue


def channels_are_last(x: Any) -> bool:
    """Do the channels of each pixel lie side by side, and those of a plane not?"""
    if type(x) is not np.ndarray or x.flags.c_contiguous:
        return False
    return np.moveaxis(x, 1, -1).flags.c_contiguous


def forward(
    x: Any,
    weight: Any,
    bias: Any,
    places: Sequence[int],
    stride: Sequence[int],
    epilogue: Epilogue | None,
) -> np.ndarray | None:
    """The convolution, without padding or groups, of images as rows or of pixels as rows; None for others."""
    whole = x.shape[2:] == weight.shape[2:] and x.flags.c_contiguous
    if not whole and ({*stride, *weight.shape[2:]} != {1} or not channels_are_last(x)):
        return None
    if not _are_plain(x, weight, bias):
        return None
    at_once = None if epilogue is None or epilogue.vectors is not None else epilogue.kernel
    if whole:
        made = _product(x.reshape(len(x), -1), weight, bias, at_once)
        made = None if made is None else made.reshape(*made.shape, *places)
    else:
        pixels = np.moveaxis(x, 1, -1)
        made = _product(pixels.reshape(-1, x.shape[1]), weight, bias, at_once)
        made = None if made is None else np.moveaxis(made.reshape(*pixels.shape[:-1], len(weight)), -1, 1)
    return made if made is None or epilogue is None or at_once is not None else epilogue.after(made)


def input_gradient(g: Any, weight: Any, bias: Any, sizes: Sequence[int]) -> np.ndarray | None:
    """The transposed convolution, without padding or groups, of single pixels to one filter's size."""
    if tuple(sizes) != weight.shape[2:] or {*g.shape[2:]} != {1} or not _fits_rows(g, weight):
        return None
    filters, start = weight.reshape(len(weight), -1), None
    if bias is not None:
        if type(bias) is not np.ndarray or bias.dtype != g.dtype or bias.shape != weight.shape[1:2]:
            return None
        start = np.repeat(bias, filters.shape[1] // len(bias))
    rows = g.reshape(g.shape[:2])
    made = matmul.product(rows, filters, start)
    if made is None:
        made = _plain(rows, filters)
        if made is not None and start is not None:
            made += start
    return None if made is None else made.reshape(len(g), *weight.shape[1:])


def weight_gradient(g: Any, x: Any, taps: Sequence[int]) -> np.ndarray | None:
    """What filters as large as the image get."""
    if tuple(taps) != x.shape[2:] or {*g.shape[2:]} != {1} or len(g) != len(x):
        return None
    if not _fits_rows(g.reshape(g.shape[:2]).T if type(g) is np.ndarray else g, x):
        return None
    left, right = g.reshape(g.shape[:2]).T, x.reshape(len(x), -1)
    made = matmul.product(left, right)
    if made is None:
        made = _plain(left, right)
    return None if made is None else made.reshape(g.shape[1], *x.shape[1:])


def _fits_rows(left: Any, right: Any) -> bool:
    """Are these ordinary arrays of one type, so that rows of the left one meet images of the right one?"""
    if type(left) is not np.ndarray or type(right) is not np.ndarray or left.dtype != right.dtype:
        return False
    plain = left.dtype.char in "fd" and right.flags.c_contiguous and 0 not in (*left.shape, *right.shape)
    return plain and left.shape[1] == len(right)


def _are_plain(x: Any, weight: Any, bias: Any) -> bool:
    """Are these ordinary arrays of one type with something in them, which fit each other?"""
    if type(x) is not np.ndarray or type(weight) is not np.ndarray or weight.dtype != x.dtype:
        return False
    if x.shape[1] != weight.shape[1] or 0 in (*x.shape, *weight.shape) or not weight.flags.c_contiguous:
        return False
    if bias is None:
        return True
    return type(bias) is np.ndarray and bias.dtype == x.dtype and bias.shape == weight.shape[:1]


def _product(
    rows: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, f: Callable[..., Any] | None
) -> np.ndarray | None:
    filters = weight.reshape(len(weight), -1)
    if policy.product_worthwhile(rows.size * len(filters), len(rows)):
        return matmul.product(rows, filters.T, bias, None if f is None else matmul.Epilogue(f))
    made = linear.forward(rows, filters, bias)
    if made is None:
        made = _plain(rows, filters.T)
        if made is not None and bias is not None:
            made += bias
    return made if f is None or made is None else f(made, made)


def _plain(left: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """The product of small matrices by numpy, which needs no patches for it; None where kernels are off."""
    return None if settings.kernel_mode == "off" else left @ right
