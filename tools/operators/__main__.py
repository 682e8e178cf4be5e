"""Every common operator beside PyTorch: which ones are behind, and by how much.

    python tools/operators                     all, some minutes; the slowest of ours first
    python tools/operators 'x\\.sum' backward   expressions or groups that match a pattern
    python tools/operators --size 1000         one size; --threads 1; --below 0.9 shows those alone

Both frameworks are measured in turn, in one run: ratios are worth comparing, times are not.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from cases import cases

HERE = Path(__file__).resolve().parent
ROUNDS = 5


class Framework:
    """A process that measures what it is told to."""

    def __init__(self, name: str, threads: int) -> None:
        source = os.pathsep.join([str(HERE.parents[1] / "src"), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "work.py"), name, str(threads)],
            env={**os.environ, "PYTHONPATH": source.rstrip(os.pathsep)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, what: Any) -> float | str:
        print(json.dumps(what), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise SystemExit(f"a process ended at {what}")
        return json.loads(line)


def measured(both: list[Framework], case: list) -> list[float] | str:
    """Seconds of both, each the median of rounds taken in turn; or what went wrong."""
    first = [each.ask(case) for each in both]
    if wrong := [answer for answer in first if isinstance(answer, str)]:
        return wrong[0]
    rounds = [[each.ask("again") for each in both] for _ in range(ROUNDS)]
    return [median(times) for times in zip(*rounds)]


def shown(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("patterns", nargs="*", default=[""], help="regular expressions; all if none")
    parser.add_argument("--size", type=int, action="append", help="elements; may be given again")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--below", type=float, default=math.inf, help="show those with a lower ratio")
    asked = parser.parse_args()
    both = [Framework(name, asked.threads) for name in ("torch", "rushlight")]
    rows = []
    for group, setup, expression, size in cases():
        wanted = any(re.search(pattern, f"{group} {expression}") for pattern in asked.patterns)
        if not wanted or (asked.size and size not in asked.size):
            continue
        found = measured(both, [setup, expression, size])
        if isinstance(found, str):
            print(f"{expression} ({size:,}): {found}")
        else:
            rows.append((found[0] / found[1], group, expression, size, *found))
    print(f"{'ratio':>7}  {'PyTorch':>10} {'Rushlight':>10} {'elements':>10}  expression")
    for ratio, _, expression, size, peer, ours in sorted(rows):
        if ratio < asked.below:
            print(f"{ratio:6.2f}x  {shown(peer):>10} {shown(ours):>10} {size:>10,}  {expression}")
    if rows:
        mean = math.exp(sum(math.log(row[0]) for row in rows) / len(rows))
        ahead = sum(row[0] >= 1 for row in rows)
        print(f"{ahead} of {len(rows)} at or ahead of PyTorch, geometric mean {mean:.2f}x")


if __name__ == "__main__":
    main()
