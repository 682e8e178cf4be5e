"""Runs cases of families in processes of their own: a crash is one finding, and the rest goes on.

Each case is a number; with it, the draw and the memory's layout are the same again.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

MOST_FINDINGS = 5  # of a family; then it is left
THREADS = (1, 2, 3)
CASES_OF_ONE_COUNT = 9  # cases with the same number of threads
FOLDER = Path(__file__).resolve().parent
CACHE = FOLDER.parents[1] / "build" / "fuzz"  # thousands of kernels: the user's cache is not to lose its own
CACHE_MEGABYTES = "1024"


class Finding(NamedTuple):
    """A case that is wrong, and how."""

    family: str
    case: int
    text: str

    def __str__(self) -> str:
        return f"{self.text}\n  again: python -m fuzz {self.family!r} --exactly --from {self.case} --cases 1"


class Report(NamedTuple):
    """What came of a family's cases."""

    family: str
    ran: int  # by a kernel
    drawn: int
    seconds: float
    findings: list[Finding]


def run_family(family: str, cases: int, first: int = 0, cpu: str = "", step: int = 1) -> Report:
    """Draws until `cases` of them were done by a kernel, on both sides of forbidden pages each."""
    began, ran, number, findings = time.perf_counter(), 0, first, []
    while ran < cases and len(findings) < MOST_FINDINGS:
        more_ran, reached, finding = _process(family, cases - ran, number, cpu, step)
        ran += more_ran
        if finding is not None:
            findings.append(finding)
        number = reached + step
        if finding is None:
            break
    return Report(family, ran, (number - first) // step, time.perf_counter() - began, findings)


def _process(family: str, cases: int, first: int, cpu: str, step: int) -> tuple[int, int, Finding | None]:
    """One process: how many cases a kernel did, the last number, and what ended it."""
    with tempfile.NamedTemporaryFile() as progress:
        arguments = [family, str(cases), str(first), str(step), progress.name]
        done = _python(arguments, cpu)
        at, ran = struct.unpack("qq", progress.read(16).ljust(16, b"\0"))
    if done.returncode == 0:
        return ran, at, None
    if done.returncode > 0 and done.stdout:
        return ran, at, Finding(family, at, json.loads(done.stdout.splitlines()[-1]))
    return ran, at, Finding(family, at, f"died with {done.returncode}\n{done.stderr[-3000:]}")


def _python(arguments: list[str], cpu: str) -> subprocess.CompletedProcess:
    source, tests = FOLDER.parents[1] / "src", FOLDER.parent
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(source), str(tests)]),
        "RUSHLIGHT_KERNELS": "force",
        "RUSHLIGHT_CPU": cpu,
        "RUSHLIGHT_CACHE": os.environ.get("RUSHLIGHT_CACHE") or str(CACHE),
        "RUSHLIGHT_CACHE_LIMIT": os.environ.get("RUSHLIGHT_CACHE_LIMIT") or CACHE_MEGABYTES,
        "PYTHONFAULTHANDLER": "1",
    }
    command = [sys.executable, "-m", "fuzz.child", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
