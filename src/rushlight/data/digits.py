"""1,797 handwritten digits, 8 x 8 pixels each, from thirteen people. Their origin and licence: digits.txt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import rushlight
from rushlight.nn.functional import interpolate
from rushlight.utils.data import TensorDataset

FOLDER = Path(__file__).parent
DIGITS_LICENCE = FOLDER / "digits.txt"
BRIGHTEST = 16  # the ink of a pixel: how many of the 4 x 4 dots that it stands for are black
HELD_OUT = 5  # every fifth picture is kept for the test


def digits(train: bool = True, size: int = 8) -> TensorDataset:
    """Pictures (1, size, size) from 0 to 1 and their labels: 1,437 to learn from, or with `train=False` the
    other 360.

    A size other than 8 is interpolated, so that networks for larger pictures can be taught on them.
    """
    with np.load(FOLDER / "digits.npz") as file:
        images, labels = file["images"], file["labels"]
    held_out = np.arange(len(labels)) % HELD_OUT == 0
    chosen = ~held_out if train else held_out
    pictures = rushlight.from_numpy(images[chosen].astype(np.float32) / BRIGHTEST).unsqueeze(1)
    if size != images.shape[-1]:
        pictures = interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False)
    return TensorDataset(pictures, rushlight.from_numpy(labels[chosen].astype(np.int64)))
