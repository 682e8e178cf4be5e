"""The process that runs cases: `python -m fuzz.child FAMILY CASES FIRST STEP PROGRESS`.

PROGRESS is a file with the number of the case that runs and how many a kernel has done; it outlives a crash.
"""

from __future__ import annotations

import faulthandler
import json
import os
import struct
import sys
import traceback

from .guard import guard
from .runner import CASES_OF_ONE_COUNT, THREADS

LONGEST_CASE = 120  # seconds
SEARCH = 20  # cases drawn for one that a kernel does, at most


def main(name: str, cases: int, first: int, step: int, progress: str) -> int:
    guard.install()
    from . import families, heap

    heap.install()
    case = families.find(name)
    with open(progress, "wb", buffering=0) as file:
        ran, number = 0, first
        while ran < cases and number < first + (SEARCH * cases + 1000) * step:
            os.pwrite(file.fileno(), struct.pack("qq", number, ran), 0)
            faulthandler.dump_traceback_later(float(os.environ.get("FUZZ_LONGEST", LONGEST_CASE)), exit=True)
            try:
                ran += once(case, name, number)
            except Exception:
                print(json.dumps(traceback.format_exc(limit=-2)))
                return 1
            number += step
        os.pwrite(file.fileno(), struct.pack("qq", number - step, ran), 0)
    return 0


def once(case, name: str, number: int) -> bool:
    """The same case with memory at the end of its pages, and at their beginning."""
    from rushlight.runtime import get_num_threads, set_num_threads

    from .draw import Draw

    threads = THREADS[number // CASES_OF_ONE_COUNT % len(THREADS)]
    if get_num_threads() != threads:
        set_num_threads(threads)
    ran = False
    for guard.at_end in (True, False):
        draw = Draw(number, *name.encode())
        ran = bool(case(draw))
        draw.untouched()
        guard.check()
    return ran


if __name__ == "__main__":
    family, *numbers, progress = sys.argv[1:]
    sys.exit(main(family, *map(int, numbers), progress))
