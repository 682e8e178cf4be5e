"""The command `rushlight`. Each subcommand is one module of this package, listed in COMMANDS.

A module of a subcommand gives `HELP` (one line), `add_arguments(parser)` and `run(arguments)`, which returns
the exit status. It imports what it needs inside `run`: reading the command line loads nothing heavy.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from rushlight.version import __version__

COMMANDS = ("env", "new", "run", "summary")


def make_parser() -> argparse.ArgumentParser:
    """The reader of the command line, with every subcommand."""
    parser = argparse.ArgumentParser(
        prog="rushlight", description="Rushlight: PyTorch's interface, written wholly in Python."
    )
    parser.add_argument("--version", action="version", version=f"rushlight {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="command", dest="command")
    for name in COMMANDS:
        module = importlib.import_module(f"rushlight.cli.{name}")
        subparser = subparsers.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status."""
    parser = make_parser()
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parser.print_help(sys.stderr)
        return 2
    status: int = parsed.run(parsed)
    return status
