"""Connectionist temporal classification: the probability of all ways to stretch labels over time.

All sequences of a batch are stepped through time together; each state is a label or a blank between two.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .index import add_flat


class Alignment(NamedTuple):
    """What the forward pass found, for the gradient."""

    states: np.ndarray  # (sequences, states): the label of each state
    skips: np.ndarray  # may a state be reached from the last but one?
    forward: np.ndarray  # (time, sequences, states): log probability of being there
    emitted: np.ndarray  # the same shape: log probability of the state's label
    losses: np.ndarray


def states_of(labels: np.ndarray, lengths: np.ndarray, blank: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with blanks between and around them, and which may be reached by leaving out a blank."""
    rows, longest = labels.shape
    states = np.full((rows, 2 * longest + 1), blank, np.int64)
    states[:, 1::2] = np.where(np.arange(longest) < lengths.reshape(-1, 1), labels, blank)
    skips = np.zeros(states.shape, bool)
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    return states, skips


def align(x: np.ndarray, labels: np.ndarray, times: np.ndarray, lengths: np.ndarray, blank: int) -> Alignment:
    """The negative log likelihood of each row of labels, given log probabilities (time, row, class)."""
    states, skips = states_of(labels, lengths, blank)
    steps, rows, _ = x.shape
    emitted = np.take_along_axis(x, np.broadcast_to(states, (steps, *states.shape)), 2)
    forward = np.full(emitted.shape, -np.inf, x.dtype)
    if steps:
        forward[0, :, :2] = emitted[0, :, :2]
        forward[0, :, 1:2] = np.where(lengths.reshape(-1, 1) > 0, forward[0, :, 1:2], -np.inf)
    for t in range(1, steps):
        forward[t] = _step(forward[t - 1], skips) + emitted[t]
    each = np.arange(rows)
    last = forward[np.maximum(times - 1, 0), each] if steps else np.full(states.shape, -np.inf, x.dtype)
    end = last[each, 2 * lengths]
    before = np.where(lengths > 0, last[each, np.maximum(2 * lengths - 1, 0)], -np.inf)
    losses = -np.logaddexp(end, before)
    losses = np.where(times == 0, np.where(lengths == 0, 0, np.inf), losses).astype(x.dtype)
    return Alignment(states, skips, forward, emitted, losses)


def _step(before: np.ndarray, skips: np.ndarray) -> np.ndarray:
    """The log probability of reaching each state from itself, the one before, or the one before that."""
    now = before.copy()
    np.logaddexp(now[:, 1:], before[:, :-1], out=now[:, 1:])
    jump = np.where(skips[:, 2:], before[:, :-2], -np.inf)
    np.logaddexp(now[:, 2:], jump, out=now[:, 2:])
    return now


def _backward(a: Alignment, times: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The log probability of all that follows from each state, its own label included."""
    steps, rows, count = a.emitted.shape
    later = np.full(a.emitted.shape, -np.inf, a.emitted.dtype)
    each = np.arange(rows)
    ends = np.full((rows, count), -np.inf, a.emitted.dtype)
    ends[each, 2 * lengths] = 0
    ends[each[lengths > 0], 2 * lengths[lengths > 0] - 1] = 0
    jumps = np.zeros(a.skips.shape, bool)
    jumps[:, :-2] = a.skips[:, 2:]
    for t in reversed(range(steps)):
        reached = ends
        if t + 1 < steps:
            reversed_states = _step(later[t + 1][:, ::-1], jumps[:, ::-1])[:, ::-1]
            reached = np.where((times == t + 1).reshape(-1, 1), ends, reversed_states)
        later[t] = np.where((times > t).reshape(-1, 1), reached + a.emitted[t], -np.inf)
    return later


def alignment_gradient(
    g: Any, x: np.ndarray, a: Alignment, times: np.ndarray, lengths: np.ndarray, zero_infinity: bool
) -> np.ndarray:
    """The gradient of the log probabilities as PyTorch defines it: as if a log_softmax had made them.

    That is the probability of each class less the share of the paths that emit it. After the log_softmax
    itself, this is the same as the plain derivative.
    """
    steps, rows, classes = x.shape
    paths = np.exp(a.forward + _backward(a, times, lengths) - a.emitted + a.losses.reshape(-1, 1))
    if zero_infinity:
        paths = np.where(np.isinf(a.losses).reshape(-1, 1), 0, paths)
    paths = np.where(np.isneginf(a.emitted), 0, paths) if np.isneginf(a.emitted).any() else paths
    shares = np.zeros(x.shape, x.dtype)
    starts = np.arange(steps * rows).reshape(steps, rows, 1) * classes
    add_flat(shares, (starts + a.states).ravel(), paths.ravel())
    result = (np.exp(x) - shares) * np.asarray(g).reshape(-1, 1)
    gone = np.arange(steps).reshape(-1, 1) >= times
    if zero_infinity:
        gone = gone | np.isinf(a.losses)
    result[gone] = 0
    return result
