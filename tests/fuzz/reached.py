"""The functions that write kernels and that no family comes to: `python -m fuzz.reached --cases 12`.

A generator without a family is one whose kernels nobody has fuzzed.
"""

from __future__ import annotations

import argparse
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from types import CodeType, FrameType
from typing import Any

GENERATORS = "rushlight.kernels.llvm"
OF_OTHER_MACHINES = ("maths.special._normal_above", "maths.common.polynomial_in_halves")  # without tables
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


def writers() -> dict[CodeType, str]:
    """All functions of the generators, by code."""
    found = {}
    for info in pkgutil.walk_packages(import_module(GENERATORS).__path__, f"{GENERATORS}."):
        for function in _functions(dict(vars(import_module(info.name))), info.name):
            found[function.__code__] = f"{info.name.removeprefix(GENERATORS + '.')}.{function.__qualname__}"
    return found


def unreached(cases: int, most: int) -> list[str]:
    """After `cases` of all families, those go on, to at most `most`, that come near to what is missing."""
    from . import families
    from .draw import CASES_OF_ONE_KERNEL, Draw

    missing = writers()
    missing = {
        code: shown
        for code, shown in missing.items()
        if code not in called and shown not in OF_OTHER_MACHINES
    }
    near: dict[str, set[str]] = {name: set() for name in families.load()}
    for first, last in ((0, cases), (cases, most)):
        for name, case in families.load().items():
            for number in range(first, last):
                files = {code.co_filename for code in missing}
                if number >= cases and near[name].isdisjoint(files):
                    break
                called.clear()
                case(Draw(number * CASES_OF_ONE_KERNEL, *name.encode()))
                now = frozenset(called)
                near[name].update(code.co_filename for code in now)
                missing = {code: shown for code, shown in missing.items() if code not in now}
    return sorted(missing.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz.reached", description=__doc__)
    parser.add_argument("--cases", type=int, default=10, help="drawn for each family (10)")
    parser.add_argument("--most", type=int, default=300, help="drawn of families that come near (300)")
    options = parser.parse_args()
    sys.setprofile(_note)
    generate_always()
    missing = unreached(options.cases, options.most)
    sys.setprofile(None)
    print(*missing, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
