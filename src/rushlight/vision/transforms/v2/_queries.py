"""Questions to samples, and arguments that may differ from kind to kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import rushlight as rl

from ... import tv_tensors
from ...pictures import is_pil
from .functional import get_dimensions, get_size, is_pure_tensor

PICTURES = (is_pure_tensor, tv_tensors.Image, is_pil, tv_tensors.Video)
SIZED = (*PICTURES, tv_tensors.Mask, tv_tensors.BoundingBoxes, tv_tensors.KeyPoints)


def _is(thing: Any, kind: Any) -> bool:
    return isinstance(thing, kind) if isinstance(kind, type) else kind(thing)


def check_type(obj: Any, types_or_checks: tuple[Any, ...]) -> bool:
    """Is this of one of the types, or does it pass one of the checks?"""
    return any(_is(obj, kind) for kind in types_or_checks)


def has_any(flat_inputs: list[Any], *types_or_checks: Any) -> bool:
    """Is there a part of one of these types?"""
    return any(check_type(part, types_or_checks) for part in flat_inputs)


def has_all(flat_inputs: list[Any], *types_or_checks: Any) -> bool:
    """Is there a part of each of these types?"""
    return all(any(_is(part, kind) for part in flat_inputs) for kind in types_or_checks)


def _first(flat_inputs: list[Any], kind: type) -> Any:
    found = [part for part in flat_inputs if isinstance(part, kind)]
    if not found:
        raise ValueError(f"No {kind.__name__} were found in the sample")
    return found[0]


def get_bounding_boxes(flat_inputs: list[Any]) -> Any:
    """The boxes of a sample."""
    return _first(flat_inputs, tv_tensors.BoundingBoxes)


def get_keypoints(flat_inputs: list[Any]) -> Any:
    """The points of a sample."""
    return _first(flat_inputs, tv_tensors.KeyPoints)


def _agreed(flat_inputs: list[Any], kinds: tuple[Any, ...], ask: Callable[[Any], Any], what: str) -> Any:
    answers = {tuple(ask(part)) for part in flat_inputs if check_type(part, kinds)}
    if not answers:
        raise TypeError(f"there is nothing in the sample that has {what}")
    if len(answers) > 1:
        raise ValueError(f"the parts of the sample differ in {what}: {', '.join(map(str, sorted(answers)))}")
    return answers.pop()


def query_chw(flat_inputs: list[Any]) -> tuple[int, int, int]:
    """Channels, height and width of the pictures of a sample, which are to agree."""
    return _agreed(flat_inputs, PICTURES, get_dimensions, "channels, height and width")


def query_size(flat_inputs: list[Any]) -> tuple[int, int]:
    """Height and width of the parts of a sample, which are to agree."""
    return _agreed(flat_inputs, SIZED, get_size, "height and width")


# ---- arguments


def _checked_fill(fill: Any) -> Any:
    if fill is None or isinstance(fill, (int, float)):
        return fill
    if not isinstance(fill, (tuple, list)):
        raise TypeError(f"fill is a number, a sequence of them or a dict of such, got {type(fill)}")
    return [float(value) for value in fill]


def fills(fill: Any) -> dict[Any, Any]:
    """The colour of new pixels for each type; "others" is for those not named."""
    given = fill if isinstance(fill, dict) else {"others": fill}
    return {kind: _checked_fill(value) for kind, value in given.items()}


def fill_for(fill: dict[Any, Any], inpt: Any) -> Any:
    """The colour of new pixels for this part of a sample."""
    return fill.get(type(inpt), fill.get("others"))


def labels_getter_of(given: Any) -> Callable[[Any], Any]:
    """The function that finds the labels in a sample."""
    if given == "default":
        return _usual_labels
    if given is None:
        return lambda _: None
    if callable(given):
        return given
    raise ValueError(f"labels_getter is 'default', a function or None, got {given!r}")


def _usual_labels(sample: Any) -> Any:
    """The second part of a pair, if it is a tensor; else what a dict in it has under "labels", or about
    so.
    """
    part = sample[1] if isinstance(sample, (tuple, list)) else sample
    if is_pure_tensor(part):
        return part
    if not isinstance(part, Mapping):
        raise ValueError(
            "labels are looked for in a dict, or in a pair whose second part is a dict or a tensor; "
            f"got {type(part)}. labels_getter=None says that there are none"
        )
    names = [key for key in part if key.lower() == "labels"] + [key for key in part if "label" in key.lower()]
    if not names:
        raise ValueError(f"Could not infer where the labels are among {list(part)}; labels_getter can say it")
    return part[names[0]]


def as_tensors(labels: Any) -> tuple[Any, ...] | None:
    """Labels as a tuple of tensors; None where there are none."""
    if labels is None:
        return None
    group = (labels,) if isinstance(labels, rl.Tensor) else labels
    if not isinstance(group, (tuple, list)) or not all(isinstance(part, rl.Tensor) for part in group):
        raise ValueError(f"labels are a tensor, several of them, or None; got {type(labels)}")
    return tuple(group)


def range_of(value: Any, name: str) -> list[float]:
    """Two numbers of one, or of a sequence of one or two."""
    if isinstance(value, (int, float)):
        return [float(value)] * 2
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} is a number or a sequence of them, got {type(value)}")
    if len(value) not in (1, 2) or not all(isinstance(v, (int, float)) for v in value):
        raise ValueError(f"{name} is a number or a sequence of 1 or 2, got {value!r}")
    return [float(value[0]), float(value[-1])]
