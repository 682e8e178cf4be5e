"""`rushlight env`: what a bug report needs, as text or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

HELP = "print what a bug report needs: versions, machine, kernels, settings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `rushlight env` understands."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs to read")


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    from rushlight.cli.report import environment

    report = environment()
    print(json.dumps(report, indent=2) if arguments.json else as_text(report))
    return 0


def as_text(report: Mapping[str, Mapping[str, Any]]) -> str:
    """The report as a person reads it: a heading for each part, a line for each fact."""
    width = max(len(name) for part in report.values() for name in part)
    lines = []
    for heading, part in report.items():
        lines += ["", heading] + [f"  {name:<{width}}  {shown(value)}" for name, value in part.items()]
    return "\n".join(lines[1:])


def shown(value: Any) -> str:
    """A fact in words."""
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)
