"""The enums of published weights, made from the tables weights.csv and weights_of_tasks.csv."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..transforms import _presets
from ..transforms.interpolation import InterpolationMode
from ._api import Weights, WeightsEnum, register_model

HOME = "https://download.pytorch.org/models/"
HERE = Path(__file__).parent


@cache
def _table(file: str) -> dict[str, list[list[str]]]:
    """The rows of each enum."""
    rows: dict[str, list[list[str]]] = {}
    for line in (HERE / file).read_text().splitlines():
        if not line.startswith("#"):
            enum, *rest = line.split(", ")
            rows.setdefault(enum, []).append(rest)
    return rows


@cache
def imagenet_categories() -> list[str]:
    """The names of the thousand classes."""
    return (HERE / "imagenet.txt").read_text().splitlines()


@cache
def _categories() -> dict[str, list[str]]:
    """The names of the classes of the other datasets."""
    lines = (line.split(": ", 1) for line in (HERE / "categories.txt").read_text().splitlines())
    return {dataset: names.split("; ") for dataset, names in lines}


def weights_of(name: str, module: str) -> Any:
    """The enum `name`, as a member of `module`."""
    members: dict[str, Weights] = {}
    for row in _table("weights.csv")[name]:
        if len(row) == 1:
            continue  # nothing is published
        members[row[1]] = _weights(*row[3:], entry=row[1])
    default = [members[row[1]] for row in _table("weights.csv")[name] if row[2:3] == ["default"]]
    if default:
        members["DEFAULT"] = default[0]
    return WeightsEnum(name, members, module=module)  # type: ignore[call-arg, arg-type]


def publish_variants(
    namespace: dict[str, Any], network: type, variants: dict[str, tuple[str, Any]], build: Callable[..., Any]
) -> None:
    """Puts into a module a builder, and the enum of its weights, for each row of a table of variants.

    A row is {name: (what it is, shape)}; `build` makes the network of a shape and the options given.
    """
    enums = {rows[0][0]: enum for enum, rows in _table("weights.csv").items()}
    for name, (what, shape) in variants.items():
        weights = weights_of(enums[name], namespace["__name__"])
        builder = _builder(build, shape)
        builder.__name__ = builder.__qualname__ = name
        builder.__module__, builder.__doc__ = namespace["__name__"], what
        builder.__annotations__["return"] = network
        namespace[enums[name]] = weights
        namespace[name] = register_model(weights)(builder)


def _builder(build: Callable[..., Any], shape: Any) -> Callable[..., Any]:
    return lambda **kwargs: build(shape, kwargs)


def weights_of_task(name: str, module: str) -> Any:
    """The enum `name` of weights for other things than to name a picture, as a member of `module`."""
    rows = _table("weights_of_tasks.csv")[name]
    members = {row[0]: _task_weights(*row[2:]) for row in rows}
    members["DEFAULT"] = next(members[row[0]] for row in rows if row[1] == "default")
    return WeightsEnum(name, members, module=module)  # type: ignore[call-arg, arg-type]


def _task_weights(file: str, preset: str, options: str, parameters: str, dataset: str, least: str) -> Weights:
    given = (option.split("=") for option in options.split(";") if option != "-")
    prepare = partial(getattr(_presets, preset), **{name: literal_eval(value) for name, value in given})
    meta: dict[str, Any] = {"num_params": int(parameters), "min_size": tuple(map(int, least.split("x")))}
    if dataset != "-":
        meta["categories"] = _categories()[dataset]
    return Weights(HOME + file, prepare, meta)


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
    return Weights(HOME + file, partial(_presets.ImageClassification, **options), meta)
