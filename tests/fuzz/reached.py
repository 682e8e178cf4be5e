"""The generators of kernels that no family comes to: `python -m fuzz.reached`, with `--functions` in detail.

A module of generators without a family is one whose kernels nobody has fuzzed.
"""

from __future__ import annotations

import argparse
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from types import CodeType, FrameType
from typing import Any

GENERATORS = "rushlight.kernels.llvm"
called: set[CodeType] = set()


def _note(frame: FrameType, event: str, _: Any) -> None:
    called.add(frame.f_code)


def generate_always() -> None:
    """The text of a module is written although its object is in memory or on disk."""
    from rushlight.runtime import native

    module = native.module

    def generating(name: str, arguments: tuple, generate: Any, **options: Any) -> Any:
        generate()
        return module(name, arguments, generate, **options)

    native.module = generating


def _functions(names: dict[str, Any], module: str) -> Iterator[Any]:
    """Those that a module, or a class of it, defines."""
    for thing in names.values():
        plain = getattr(thing, "fget", None) or getattr(thing, "func", None) or thing
        plain = inspect.unwrap(getattr(plain, "__func__", plain))
        if inspect.isfunction(plain) and plain.__module__ == module:
            yield plain
        elif inspect.isclass(thing) and thing.__module__ == module:
            yield from _functions(dict(vars(thing)), module)


def writers() -> dict[CodeType, tuple[str, str]]:
    """All functions of the generators by code: of which module, and their names."""
    found = {}
    for info in pkgutil.walk_packages(import_module(GENERATORS).__path__, f"{GENERATORS}."):
        module = info.name.removeprefix(f"{GENERATORS}.")
        for function in _functions(dict(vars(import_module(info.name))), info.name):
            found[function.__code__] = module, function.__qualname__
    return found


def draw_all(first: int, last: int) -> None:
    from . import families
    from .draw import CASES_OF_ONE_KERNEL, Draw

    for name, case in families.load().items():
        for number in range(first, last):
            with suppress(AssertionError):  # families count on a process of their own; this one only looks
                case(Draw(number * CASES_OF_ONE_KERNEL, *name.encode()))


def functions() -> list[str]:
    """The functions that nobody has called."""
    return sorted(f"{module}.{name}" for code, (module, name) in writers().items() if code not in called)


def modules() -> list[str]:
    """The modules without any function that was called."""
    found = writers()
    return sorted(
        {module for module, _ in found.values()} - {found[code][0] for code in called & found.keys()}
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz.reached", description=__doc__)
    parser.add_argument("--cases", type=int, default=8, help="drawn for each family (8)")
    parser.add_argument("--most", type=int, default=64, help="drawn where a module is still missing (64)")
    parser.add_argument("--functions", action="store_true", help="each function by itself, not whole modules")
    options = parser.parse_args()
    sys.setprofile(_note)
    generate_always()
    draw_all(0, options.cases)
    for number in range(options.cases, options.most):
        if not modules():
            break
        draw_all(number, number + 1)
    sys.setprofile(None)
    print(*(functions() if options.functions else modules()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
