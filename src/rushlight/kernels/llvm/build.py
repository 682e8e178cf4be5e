"""Generators behind the object cache: which source files a kernel's code depends on, and what it links to."""

from __future__ import annotations

from ...runtime import native, session
from ..graph import Graph
from . import dispatch

GENERATOR_SOURCES = (
    "rushlight.runtime.ir",
    "rushlight.kernels.graph",
    "rushlight.kernels.policy",
    *(
        f"rushlight.kernels.llvm.{name}"
        for name in ("elementwise", "frame", "lowering", "primitives", "maths.common", "maths.exponential")
    ),
    *(f"rushlight.kernels.llvm.maths.{name}" for name in ("logarithm", "special", "trigonometry")),
)


def elementwise(graph: Graph, name: str) -> native.loader.Code:
    """The loaded code of an element-wise kernel."""
    level, vector_bytes = session.host().level, session.host().vector_bytes

    def generate() -> str:
        from .elementwise import elementwise_ir

        return elementwise_ir(graph, level, vector_bytes)

    symbols = {"rl_call": dispatch.load().address["rl_call"]}
    arguments = ("elementwise", graph.key, level, vector_bytes)
    return native.module(name, arguments, generate, sources=GENERATOR_SOURCES, symbols=symbols)
