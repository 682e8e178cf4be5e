"""`rushlight summary`: the layers of a network, their shapes and their parameters."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any

HELP = "print the layers of a network, their shapes and parameters"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `rushlight summary` understands."""
    parser.add_argument(
        "network", metavar="MODULE:CALLABLE", help="what makes the network, as in torchvision.models:resnet18"
    )
    parser.add_argument(
        "--input",
        metavar="SIZES",
        type=sizes,
        action="append",
        default=[],
        help="the shape of an input, as in 1,3,224,224 (once for each input); shapes are then shown too",
    )


def sizes(text: str) -> tuple[int, ...]:
    """A shape as it is typed."""
    return tuple(int(size) for size in text.split(","))


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from rushlight.as_torch import install_as_torch
    from rushlight.train import summary

    install_as_torch()
    sys.path.insert(0, os.getcwd())
    print(summary(make(arguments.network), *arguments.input))
    return 0


def make(place: str) -> Any:
    """The network that MODULE:CALLABLE names; a network itself is fine too."""
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise SystemExit(f"rushlight summary: {place!r} is not of the form MODULE:CALLABLE")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SystemExit(f"rushlight summary: {place}: {error}") from None
    from rushlight import nn

    network = found if isinstance(found, nn.Module) else found()  # type: ignore[operator]
    if not isinstance(network, nn.Module):
        raise SystemExit(f"rushlight summary: {place} gives {type(network).__name__}, not a network")
    return network
