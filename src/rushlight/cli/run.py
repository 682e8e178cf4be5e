"""`rushlight run`: runs a PyTorch program, unchanged, on Rushlight."""

from __future__ import annotations

import argparse
import builtins
import os
import sys
from types import CodeType, ModuleType, TracebackType
from typing import Any

HELP = "run a PyTorch program, unchanged, with torch and torchvision answered by Rushlight"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `rushlight run` understands."""
    parser.add_argument("--seed", type=int, metavar="N", help="seed Rushlight, numpy and random first")
    parser.add_argument(
        "-m", dest="module", action="store_true", help="the program is a module, as with python -m"
    )
    parser.add_argument(
        "-c", dest="code", action="store_true", help="the program is given as text, as with python -c"
    )
    parser.add_argument("program", help="the script (or module, or text) to run")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program finds in sys.argv")


def run(arguments: argparse.Namespace) -> int:
    """Run the program in this process; its exit status."""
    from rushlight.as_torch import install_as_torch

    install_as_torch()
    if arguments.seed is not None:
        seed_everything(arguments.seed)
    try:
        main, code = prepare(arguments)
    except SyntaxError as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        return 1
    sys.modules["__main__"] = main
    try:
        exec(code, main.__dict__)
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        tell_from(error.__traceback__)
        raise  # Python ends the process as an interrupted one
    except BaseException as error:
        tell_from(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def tell_from(trace: TracebackType | None) -> None:
    """Tracebacks that are shown from now on begin with the program's own frames, behind this one."""
    show, own = sys.excepthook, trace.tb_next if trace else None

    def shown(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        show(kind, error.with_traceback(own), own)

    sys.excepthook = shown


def seed_everything(seed: int) -> None:
    """The same random numbers at every run."""
    import random

    import numpy

    import rushlight

    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    rushlight.manual_seed(seed)


def prepare(arguments: argparse.Namespace) -> tuple[ModuleType, CodeType]:
    """The `__main__` module and the code of the program, with `sys.argv` and `sys.path` as Python sets
    them.
    """
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    if arguments.code:
        sys.argv = ["-c", *arguments.arguments]
        sys.path.insert(0, "")
        return main, compile(arguments.program, "<string>", "exec")
    if arguments.module:
        sys.path.insert(0, os.getcwd())
        return main, module_code(main, arguments)
    sys.argv = [arguments.program, *arguments.arguments]
    main.__file__ = path = os.path.abspath(arguments.program)
    sys.path.insert(0, os.path.dirname(path))
    return main, script_code(path)


def script_code(path: str) -> CodeType:
    """The compiled script; ends the process as Python does when there is none."""
    from importlib.util import decode_source

    try:
        with open(path, "rb") as file:
            source = decode_source(file.read())
    except OSError as error:
        print(
            f"rushlight run: can't open file {path!r}: [Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    return compile(source, path, "exec")


def module_code(main: ModuleType, arguments: argparse.Namespace) -> Any:
    """The compiled module, found as `python -m` finds it."""
    from importlib.util import find_spec

    name = arguments.program
    spec = find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = find_spec(f"{name}.__main__")
    if spec is None or spec.loader is None or not hasattr(spec.loader, "get_code"):
        raise SystemExit(f"rushlight run: No module named {name}")
    main.__file__, main.__spec__, main.__package__ = spec.origin, spec, spec.parent
    sys.argv = [spec.origin or name, *arguments.arguments]
    return spec.loader.get_code(spec.name)
