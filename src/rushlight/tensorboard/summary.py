"""The summaries: each function makes the message of one value from what the user has."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import messages as m
from .hparams import hparams
from .messages import metadata, summary
from .values import to_array

__all__ = [
    "scalar",
    "tensor",
    "text",
    "histogram",
    "raw_histogram",
    "pr_curve",
    "raw_pr_curve",
    "audio",
    "mesh",
    "hparams",
    "custom_scalars",
    "summary",
    "metadata",
]

PR_CURVE_THRESHOLDS = 127  # as many as TensorBoard reads


# --- numbers


def scalar(tag: str, value: float, new_style: bool = False, double_precision: bool = False) -> bytes:
    """One number."""
    if not (new_style or double_precision):
        return summary(tag, simple_value=to_float32(value))
    number = np.asarray(value, np.float64 if double_precision else np.float32)
    return summary(tag, tensor=m.tensor(number), metadata=metadata("scalars", data_class=m.CLASS_SCALAR))


def to_float32(value: float) -> float:
    """A number in the range of float32: what is beyond is infinite, not an error."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def tensor(tag: str, value: np.ndarray) -> bytes:
    """An array of numbers as it is."""
    return summary(tag, tensor=m.tensor(value), metadata=metadata("tensor", data_class=m.CLASS_TENSOR))


def text(tag: str, string: str) -> bytes:
    """Text, shown as Markdown."""
    content = metadata("text")
    return summary(f"{tag}/text_summary", tensor=m.texts([string.encode("utf8")], (1,)), metadata=content)


# --- histograms


def tensorflow_bins() -> np.ndarray:
    """Edges that grow by a tenth from 1e-12 to 1e20, on both sides of zero."""
    positive = np.cumprod(np.concatenate([[1e-12], np.full(774, 1.1)]))
    positive = positive[positive < 1e20]
    return np.concatenate([-positive[::-1], [0.0], positive])


def histogram(tag: str, values: np.ndarray, bins: Any = "tensorflow", max_bins: int | None = None) -> bytes:
    """How values are spread. What is not finite has no place in a histogram and is left out."""
    flat = values.astype(np.float64).reshape(-1)
    flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        raise ValueError(f"add_histogram({tag!r}): no finite value among the {values.size} given")
    edges_or_rule = tensorflow_bins() if isinstance(bins, str) and bins == "tensorflow" else bins
    counts, edges = np.histogram(flat, bins=edges_or_rule)
    if max_bins is not None and len(counts) > max_bins:
        counts, edges = coarser(counts, edges, -(-len(counts) // max_bins))
    limits, buckets = support(counts, edges)
    moments = (flat.min(), flat.max(), flat.size, flat.sum(), flat @ flat)
    return raw_histogram(tag, *map(float, moments), limits, buckets)


def coarser(counts: np.ndarray, edges: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """A histogram with `factor` neighbouring buckets in one."""
    starts = np.arange(0, len(counts), factor)
    return np.add.reduceat(counts, starts), np.append(edges[:-1][starts], edges[-1])


def support(counts: np.ndarray, edges: np.ndarray) -> tuple[list[float], list[float]]:
    """The upper limit and the content of each bucket from the first filled one to the last, with an empty one
    in front that says where the first begins.
    """
    filled = np.flatnonzero(counts)
    if filled.size == 0:
        raise ValueError(f"no value lies between the outermost edges of the bins, {edges[0]} and {edges[-1]}")
    first, last = filled[0], filled[-1]
    return edges[first : last + 2].tolist(), [0.0, *counts[first : last + 1].tolist()]


def raw_histogram(
    tag: str,
    min: float,
    max: float,
    num: float,
    sum: float,
    sum_squares: float,
    bucket_limits: Sequence[float],
    bucket_counts: Sequence[float],
) -> bytes:
    """A histogram that somebody has counted already."""
    if len(bucket_limits) != len(bucket_counts):
        raise ValueError(
            f"{len(bucket_limits)} bucket_limits and {len(bucket_counts)} bucket_counts: "
            "each bucket has one upper limit and one count"
        )
    content = m.Histogram(
        min=min,
        max=max,
        num=num,
        sum=sum,
        sum_squares=sum_squares,
        bucket_limit=list(bucket_limits),
        bucket=list(bucket_counts),
    )
    return summary(tag, histo=content)


# --- precision and recall


def pr_curve(
    tag: str, labels: np.ndarray, predictions: np.ndarray, num_thresholds: int, weights: np.ndarray | None
) -> bytes:
    """Precision and recall at each threshold of a classifier that says how sure it is."""
    labels, predictions = labels.reshape(-1).astype(float), predictions.reshape(-1).astype(float)
    if labels.shape != predictions.shape:
        raise ValueError(f"{labels.size} labels and {predictions.size} predictions: each needs the other")
    if predictions.size and not (predictions.min() >= 0 and predictions.max() <= 1):
        raise ValueError(
            "predictions of a precision-recall curve lie between 0 and 1; use sigmoid or softmax first"
        )
    num_thresholds = min(num_thresholds, PR_CURVE_THRESHOLDS)
    weight = np.ones_like(labels) if weights is None else np.broadcast_to(weights, labels.shape)
    bucket = np.floor(predictions * (num_thresholds - 1)).astype(int)

    def at_least(amounts: np.ndarray) -> np.ndarray:
        return np.bincount(bucket, amounts, num_thresholds)[::-1].cumsum()[::-1]

    true_positives, false_positives = at_least(labels * weight), at_least((1 - labels) * weight)
    true_negatives = false_positives[0] - false_positives
    false_negatives = true_positives[0] - true_positives
    tiny = 1e-7  # nothing predicted: a precision of zero
    precision = true_positives / np.maximum(tiny, true_positives + false_positives)
    recall = true_positives / np.maximum(tiny, true_positives + false_negatives)
    rows = [true_positives, false_positives, true_negatives, false_negatives, precision, recall]
    return raw_pr_curve(tag, rows, num_thresholds)


def raw_pr_curve(tag: str, rows: Sequence[Any], num_thresholds: int) -> bytes:
    """A curve from its true and false positives, true and false negatives, precisions and recalls."""
    table = np.stack([to_array(row).astype(np.float32).reshape(-1) for row in rows])
    content = m.PrCurve(num_thresholds=min(num_thresholds, PR_CURVE_THRESHOLDS))
    return summary(tag, tensor=m.tensor(table), metadata=metadata("pr_curves", content))


# --- sound and shapes


def audio(tag: str, sound: np.ndarray, sample_rate: int) -> bytes:
    """A sound of one channel, from -1 to 1, as a wave file."""
    samples = sound.squeeze()
    if samples.ndim != 1:
        raise ValueError(f"a sound has one dimension (or 1, L), and this one has shape {sound.shape}")
    loudness = (samples.clip(-1, 1) * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as waves:
        waves.setnchannels(1)
        waves.setsampwidth(2)
        waves.setframerate(sample_rate)
        waves.writeframes(loudness.tobytes())
    content = m.Audio(
        sample_rate=sample_rate,
        num_channels=1,
        length_frames=len(loudness),
        encoded_audio_string=file.getvalue(),
        content_type="audio/wav",
    )
    return summary(tag, audio=content)


def mesh(tag: str, parts: Mapping[str, np.ndarray], config: Mapping[str, Any] | None) -> bytes:
    """Points in space, with the faces between them and their colours: each part is one value."""
    components = sum(1 << m.MESH_PARTS[part] for part in parts)
    description = json.dumps(config or {}, sort_keys=True)
    values = []
    for part, array in parts.items():
        if array.ndim != 3 or array.shape[-1] != 3:
            raise ValueError(
                f"the {part.lower()} part of a mesh has shape (batch, number, 3), not {array.shape}"
            )
        content = m.Mesh(
            name=tag,
            content_type=m.MESH_PARTS[part],
            json_config=description,
            shape=list(array.shape),
            components=components,
        )
        plugin = metadata("mesh", content)
        values.append(m.Value(tag=f"{tag}_{part}", tensor=m.tensor(array), metadata=plugin))
    return m.Summary(value=values)


# --- how the page is laid out


def custom_scalars(layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """Which curves are drawn together: {category: {chart: ["Multiline" or "Margin", tags]}}."""
    categories = [
        m.Category(title=title, chart=[chart(name, *content) for name, content in charts.items()])
        for title, charts in layout.items()
    ]
    data = m.texts([m.Layout(category=categories)])
    return summary("custom_scalars__config__", tensor=data, metadata=metadata("custom_scalars"))


def chart(title: str, kind: str, tags: Sequence[str]) -> bytes:
    """One chart: several lines, or a line with a margin."""
    if kind == "Multiline":
        return m.Chart(title=title, multiline=m.MultilineChart(tag=list(tags)))
    if kind == "Margin" and len(tags) == 3:
        series = m.MarginSeries(value=tags[0], lower=tags[1], upper=tags[2])
        return m.Chart(title=title, margin=m.MarginChart(series=series))
    raise ValueError(
        f"chart {title!r}: expected ['Multiline', tags] or ['Margin', [value, lower, upper]], "
        f"got {[kind, tags]}"
    )
