"""Start processes one after another that share the cache of kernels: all train, and get the same numbers.

    python tools/many_processes.py --count 1000 --damage 50

Every so many starts an entry of the cache is damaged or removed: that process compiles it again, no other.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).resolve().parents[1] / "src"
PROGRAM = """
import sys, zlib
import rushlight as torch
from rushlight import nn

torch.manual_seed(0)
net = nn.Sequential(
    nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3136, 10)
)
optimiser = torch.optim.Adam(net.parameters())
x, y = torch.rand(16, 1, 28, 28), torch.randint(0, 10, (16,))
for _ in range(2):
    loss = nn.functional.cross_entropy(net(x), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
weights = b"".join(p.detach().numpy().tobytes() for p in net.parameters())
print(zlib.crc32(weights), loss.item(), "compiled" if "llvmlite" in sys.modules else "loaded")
"""


class Run(NamedTuple):
    """What one process said."""

    numbers: str
    compiled: bool
    seconds: float


def start(folder: Path) -> Run:
    """One process."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "RUSHLIGHT_CACHE": str(folder)}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"a process ended with {done.returncode}:\n{done.stderr[-2000:]}")
    *numbers, how = done.stdout.split()
    return Run(" ".join(numbers), how == "compiled", time.perf_counter() - began)


def damage(folder: Path, choose: random.Random) -> str:
    """Cuts short, alters, empties or removes one entry; says which."""
    entry = choose.choice(sorted(folder.glob("*.o")))
    content = bytearray(entry.read_bytes())
    kind = choose.choice(["cut", "altered", "emptied", "removed"])
    if kind == "removed":
        entry.unlink()
        return kind
    place = choose.randrange(len(content))
    content[place] ^= 0xFF
    entry.write_bytes({"cut": content[:place], "altered": content, "emptied": b""}[kind])
    return kind


def complaints(folder: Path, count: int, every: int, seed: int = 0) -> tuple[list[Run], list[str]]:
    """The runs, and what was wrong in them."""
    choose, runs, wrong = random.Random(seed), [], []
    for number in range(count):
        damaged = damage(folder, choose) if every and number and number % every == 0 else ""
        run = start(folder)
        if runs and run.numbers != runs[0].numbers:
            wrong.append(f"process {number}: {run.numbers}, the first had {runs[0].numbers}")
        if run.compiled != (number == 0 or bool(damaged)):
            what = "compiled" if run.compiled else "did not compile"
            wrong.append(f"process {number} {what} ({damaged or 'nothing damaged'})")
        runs.append(run)
    left = [path.name for path in folder.iterdir() if path.name.startswith(".new-")]
    return runs, wrong + [f"left behind: {name}" for name in left]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--damage", type=int, default=50, help="before each so-many-th start (50; 0: never)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs, wrong = complaints(Path(folder), options.count, options.damage)
        entries = [path.stat().st_size for path in Path(folder).glob("*.o")]
    for complaint in wrong:
        print(complaint)
    warm = [run.seconds for run in runs if not run.compiled] or [0.0]
    print(
        f"{len(runs)} processes: {runs[0].seconds:.2f} s cold, warm {statistics.median(warm):.2f} s (median)"
    )
    print(f"{sum(run.compiled for run in runs)} compiled; {len(entries)} entries of {sum(entries) >> 10} KB")
    print(f"{len(wrong) or 'nothing'} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
