"""The families of kernels: a function for each, which draws a call, makes it, and compares the result.

It answers False where the library leaves the call to numpy; such cases do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ..draw import Draw

MODULES = (
    *("elementwise", "reductions", "along", "copies", "linear", "convolutions", "pools"),
    *("products", "losses", "recurrences", "optimisers", "random_numbers", "indices", "separable"),
    *("halves", "moves", "scans", "masks", "searches", "choices", "samples", "borders", "bags"),
    *("memory", "tensors"),
)
FAMILIES: dict[str, Callable[[Draw], bool]] = {}


def family(name: str) -> Callable[[Callable[[Draw], bool]], Callable[[Draw], bool]]:
    """Enters the function under a name."""

    def enter(case: Callable[[Draw], bool]) -> Callable[[Draw], bool]:
        assert name not in FAMILIES
        FAMILIES[name] = case
        return case

    return enter


def load() -> dict[str, Callable[[Draw], bool]]:
    """All families by name."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
    return FAMILIES


def find(name: str) -> Callable[[Draw], bool]:
    """One family; those of `broken` show that wrong kernels are found."""
    import_module(f"{__name__}.broken") if name.startswith("broken") else load()
    return FAMILIES[name]
