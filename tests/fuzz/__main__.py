"""The command: fuzz the families whose names contain the words given, and say what was found."""

from __future__ import annotations

import argparse
import sys

from . import families
from .runner import run_family


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("words", nargs="*", help="families whose names contain one of these; all by default")
    parser.add_argument("--exactly", action="store_true", help="the words are whole names")
    parser.add_argument("--cases", type=int, default=10_000, help="of each family, done by a kernel (10000)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first case (0)")
    parser.add_argument("--cpu", default="", choices=["", "avx2"], help="generate for less than this CPU has")
    options = parser.parse_args()
    names = [n for n in families.load() if chosen(n, options.words, options.exactly)]
    found = 0
    print(f"{'family':44} {'by kernels':>10} {'drawn':>8} {'seconds':>8}  findings", flush=True)
    for name in names:
        report = run_family(name, options.cases, options.first, options.cpu)
        found += len(report.findings) + (report.ran < options.cases)
        row = f"{name:44} {report.ran:10} {report.drawn:8} {report.seconds:8.1f}  {len(report.findings)}"
        print(row, *report.findings, sep="\n", flush=True)
    print(f"fuzz: {len(names)} families, {found or 'nothing'} found")
    return 1 if found or not names else 0


def chosen(name: str, words: list[str], exactly: bool) -> bool:
    return not words or any(word == name if exactly else word in name for word in words)


if __name__ == "__main__":
    sys.exit(main())
