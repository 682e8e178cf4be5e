"""Generators behind the object cache: which source files a kernel's code depends on, and what it links to."""

from __future__ import annotations

from collections.abc import Callable

from ...runtime import native, session
from ..graph import Graph, has_type
from . import dispatch


def elementwise(graph: Graph, name: str) -> native.loader.Code:
    """The loaded code of an element-wise kernel."""

    def generate(level: str, vector_bytes: int) -> str:
        from .elementwise import elementwise_ir

        return elementwise_ir(graph, level, vector_bytes)

    return _module("elementwise", graph, name, generate, "rl_call")


def rows(graph: Graph, name: str) -> native.loader.Code:
    """The loaded code of a kernel with reductions over the last axis."""

    def generate(level: str, vector_bytes: int) -> str:
        from .rows import rows_ir

        return rows_ir(graph, level, vector_bytes)

    return _module("rows", graph, name, generate, "rl_call_rows")


def planes(graph: Graph, name: str) -> native.loader.Code:
    """The loaded code of a kernel with reductions over the last two axes together."""

    def generate(level: str, vector_bytes: int) -> str:
        from .rows import rows_ir

        return rows_ir(graph, level, vector_bytes, in_pieces=True)

    return _module("planes", graph, name, generate, "rl_call_planes")


def strips(graph: Graph, name: str) -> native.loader.Code:
    """The loaded code of a kernel with reductions over the second last axis, in any number of passes."""

    def generate(level: str, vector_bytes: int) -> str:
        from .strips import strips_ir

        return strips_ir(graph, level, vector_bytes)

    return _module("strips", graph, name, generate, "rl_call_strips")


def columns(graph: Graph, name: str) -> native.loader.Code:
    """The loaded code of a kernel with reductions over the second last axis."""

    def generate(level: str, vector_bytes: int) -> str:
        from .columns import columns_ir

        return columns_ir(graph, level, vector_bytes)

    return _module("columns", graph, name, generate, "rl_call_columns")


BUILDERS = {
    "elementwise": elementwise,
    "rows": rows,
    "planes": planes,
    "strips": strips,
    "columns": columns,
}


def _module(kind: str, graph: Graph, name: str, generate: Callable[[str, int], str], entry: str):
    if has_type(graph, "bfloat16"):
        _know_bfloat16()
    machine = session.host()
    arguments = (kind, graph.key, machine.level, machine.vector_bytes)
    return native.module(
        name,
        arguments,
        lambda: generate(machine.level, machine.vector_bytes),
        symbols={entry: dispatch.load().address[entry]},
    )


def _know_bfloat16() -> None:
    """The dispatcher is to know the number of a type that numpy has not by itself."""
    try:
        import ml_dtypes  # noqa: F401
    except ImportError as error:
        raise session.Unavailable(f"bfloat16 needs the package ml_dtypes: {error}") from error
