"""Lists of labels, which -1 ends, as masks."""

from __future__ import annotations

import numpy as np


def label_sets(labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Which places of each row are labels (all before the first -1), and which classes are among them."""
    listed = np.logical_and.accumulate(labels >= 0, axis=1)
    among = np.zeros((len(labels), classes), bool)
    rows, places = np.nonzero(listed)
    among[rows, labels[rows, places]] = True
    return listed, among
