"""A process that times expressions in one framework: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from typing import Any

from cases import NAMES

ENOUGH = 0.004  # seconds in which an expression is repeated for one measurement
PAUSE = 0.005  # seconds until the threads of the other framework have gone to sleep
LINE = "def timed(loops):\n    for _ in range(loops):\n        {}\n"


def prepared(torch: Any, setup: str, expression: str, size: int) -> tuple[Any, int]:
    """A function that repeats the expression, and how often it is worth doing so."""
    torch.manual_seed(0)
    names = {"torch": torch, "F": torch.nn.functional, "n": size, **NAMES}
    exec(setup, names)
    exec(LINE.format(expression), names)
    timed, loops = names["timed"], 1
    timed(25)
    while (took := seconds(timed, loops)) < ENOUGH:
        loops = max(loops + 1, min(loops * 10, int(loops * ENOUGH / max(took, 1e-7))))
    return timed, loops


def seconds(timed: Any, loops: int) -> float:
    start = time.perf_counter()
    timed(loops)
    return time.perf_counter() - start


def main(framework: str, threads: str) -> None:
    warnings.simplefilter("ignore")
    torch = importlib.import_module(framework)
    importlib.import_module(f"{framework}.nn.functional")
    torch.set_num_threads(int(threads))
    timed, loops = None, 1
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked != "again":
                timed, loops = prepared(torch, *asked)
            time.sleep(PAUSE)
            timed(1)
            answer: Any = seconds(timed, loops) / loops
        except Exception as error:  # said to the parent, which prints it
            answer = f"{type(error).__name__}: {error}"[:200]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
