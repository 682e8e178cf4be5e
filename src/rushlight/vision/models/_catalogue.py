"""The enums of published weights, made from the table weights.csv."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

from ..transforms._presets import ImageClassification
from ..transforms.interpolation import InterpolationMode
from ._api import Weights, WeightsEnum

HOME = "https://download.pytorch.org/models/"
HERE = Path(__file__).parent


@cache
def _table() -> dict[str, list[list[str]]]:
    """The rows of each enum."""
    rows: dict[str, list[list[str]]] = {}
    for line in (HERE / "weights.csv").read_text().splitlines():
        if not line.startswith("#"):
            enum, *rest = line.split(", ")
            rows.setdefault(enum, []).append(rest)
    return rows


@cache
def imagenet_categories() -> list[str]:
    """The names of the thousand classes."""
    return (HERE / "imagenet.txt").read_text().splitlines()


def weights_of(name: str, module: str) -> Any:
    """The enum `name`, as a member of `module`."""
    members: dict[str, Weights] = {}
    for row in _table()[name]:
        if len(row) == 1:
            continue  # nothing is published
        members[row[1]] = _weights(*row[3:], entry=row[1])
    default = [members[row[1]] for row in _table()[name] if row[2:3] == ["default"]]
    if default:
        members["DEFAULT"] = default[0]
    return WeightsEnum(name, members, module=module)  # type: ignore[call-arg, arg-type]


def _weights(
    file: str, crop: str, resize: str, mode: str, parameters: str, least: str, *norm: str, entry: str
) -> Weights:
    options: dict[str, Any] = {"crop_size": int(crop), "resize_size": int(resize)}
    if mode != "bilinear":
        options["interpolation"] = InterpolationMode(mode)
    for name, values in zip(("mean", "std"), norm):
        options[name] = tuple(map(float, values.split()))
    meta: dict[str, Any] = {"num_params": int(parameters)}
    if least != "-":
        meta["min_size"] = tuple(map(int, least.split("x")))
    if entry != "IMAGENET1K_FEATURES":  # layers alone, without classes
        meta["categories"] = imagenet_categories()
    return Weights(HOME + file, partial(ImageClassification, **options), meta)
