"""Models and published weights by name."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ...hub import load_state_dict_from_url
from ...warned import warn

BUILDERS: dict[str, Callable[..., Any]] = {}


@dataclass(eq=False)
class Weights:
    """Where published weights are, how pictures are prepared for them, and what is known of them."""

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any] = field(default_factory=dict)


class WeightsEnum(Enum):
    """The published weights of a model."""

    @classmethod
    def verify(cls, obj: Any) -> Any:
        """The weights meant by a member, its name or None."""
        if obj is None or isinstance(obj, cls):
            return obj
        if isinstance(obj, str):
            name = obj.removeprefix(cls.__name__ + ".")
            if name not in cls.__members__:
                raise KeyError(f"{cls.__name__} has {', '.join(cls.__members__)}, not {obj!r}")
            return cls[name]
        raise TypeError(f"expected weights of {cls.__name__}, got {type(obj).__name__} {obj}")

    def get_state_dict(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        """The weights: downloaded once, then from the folder of `rushlight.hub`."""
        return load_state_dict_from_url(self.url, *args, **kwargs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    @property
    def url(self) -> str:
        return self.value.url

    @property
    def transforms(self) -> Callable[..., Any]:
        return self.value.transforms

    @property
    def meta(self) -> dict[str, Any]:
        return self.value.meta


def _old_argument(cls: Any, pretrained: Any, name: str) -> Any:
    """The weights that the argument `pretrained` of old programs means."""
    warn(
        f"{name}: 'pretrained' is the old form of 'weights'; weights={cls.__name__}.DEFAULT gives the best",
        UserWarning,
    )
    if not isinstance(pretrained, bool):
        return pretrained
    return next(iter(cls)) if pretrained else None


def _wanted(cls: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, bool]:
    """Takes weights and progress out of the arguments of a builder."""
    if len(args) > 2:
        raise TypeError(
            f"{name}() takes weights and progress, then options by name; got {len(args)} arguments"
        )
    progress = args[1] if len(args) == 2 else kwargs.pop("progress", True)
    weights = args[0] if args else kwargs.pop("weights", None)
    if "pretrained" in kwargs:
        weights = _old_argument(cls, kwargs.pop("pretrained"), name)
    elif isinstance(weights, bool):
        weights = _old_argument(cls, weights, name)
    return cls.verify(weights), progress


def _agree(kwargs: dict[str, Any], name: str, value: Any) -> None:
    """Sets an option that weights call for; another value given is an error."""
    if kwargs.setdefault(name, value) != value:
        raise ValueError(f"with these weights {name} is {value}, got {kwargs[name]}")


def register_model(weights: Any, **called_for: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes of a function that builds a network the public one, which knows its weights.

    `called_for` are options that published weights call for.
    """

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(build)
        def builder(*args: Any, **kwargs: Any) -> Any:
            chosen, progress = _wanted(weights, build.__name__, args, kwargs)
            if chosen is None:
                return build(**kwargs)
            if "categories" in chosen.meta:
                _agree(kwargs, "num_classes", len(chosen.meta["categories"]))
            for option, value in called_for.items():
                kwargs[option] = value(kwargs, chosen) if callable(value) else value
            model = build(**kwargs)
            model.load_state_dict(chosen.get_state_dict(progress=progress, check_hash=True))
            return model

        builder.weights_enum = weights  # type: ignore[attr-defined]
        BUILDERS[build.__name__] = builder
        return builder

    return register


def _models() -> dict[str, Callable[..., Any]]:
    importlib.import_module(__package__)
    return BUILDERS


def list_models(
    module: Any = None, include: Iterable[str] | str | None = None, exclude: Iterable[str] | str | None = None
) -> list[str]:
    """The names of all models, those that match a pattern such as "resnet*", or those of a module."""
    names = {n for n, b in _models().items() if module is None or _is_in(b, module)}
    if include:
        names = {n for p in _patterns(include) for n in fnmatch.filter(names, p)}
    for pattern in _patterns(exclude or ()):
        names -= set(fnmatch.filter(names, pattern))
    return sorted(names)


def _is_in(builder: Any, module: Any) -> bool:
    return f"{builder.__module__}.".startswith(f"{module.__name__}.")


def _patterns(given: Iterable[str] | str) -> Iterable[str]:
    return [given] if isinstance(given, str) else given


def get_model_builder(name: str) -> Callable[..., Any]:
    """The function that builds the model of this name."""
    name = name.lower()
    if name not in _models():
        raise ValueError(f"Unknown model {name}; list_models() gives those there are")
    return BUILDERS[name]


def get_model(name: str, **config: Any) -> Any:
    """A model by its name."""
    return get_model_builder(name)(**config)


def get_model_weights(name: Callable[..., Any] | str) -> Any:
    """The enum of the published weights of a model, given by name or by its builder."""
    builder = get_model_builder(name) if isinstance(name, str) else name
    return builder.weights_enum  # type: ignore[attr-defined]


def get_weight(name: str) -> Any:
    """Weights by their full name, such as "ResNet50_Weights.IMAGENET1K_V2"."""
    enum_name, _, entry = name.partition(".")
    _models()
    found = getattr(sys.modules[__package__], enum_name, None)
    if not (isinstance(found, type) and issubclass(found, WeightsEnum)) or not entry:
        raise ValueError(f"{name!r} names no weights; they are written like ResNet50_Weights.IMAGENET1K_V2")
    return found.verify(entry)
