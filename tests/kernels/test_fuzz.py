"""Every family of kernels on random shapes, layouts and values between guard pages: a share of `make fuzz`.

RUSHLIGHT_FUZZ=10000 runs as many cases of each family (60 by default).
"""

import os
from pathlib import Path

import pytest

from fuzz import families, runner
from rushlight import kernels
from support.paths import SOURCE, run_python

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
CASES = int(os.environ.get("RUSHLIGHT_FUZZ", "60"))
STEP = 7 if CASES < 1000 else 1  # of the numbers of cases: some of one kernel, then some of another


@pytest.mark.parametrize("name", families.load())
def test_family(name):
    report = runner.run_family(name, CASES, step=STEP)
    assert not report.findings, "\n".join(map(str, report.findings))
    assert report.ran == CASES


@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        ("reads behind the end", "died with -11"),
        ("reads before the beginning", "died with -11"),
        ("reads behind what numpy made", "died with -11"),
        ("writes between the elements", "memory between the elements"),
        ("leaves an element as it was", "nan"),
        ("never ends", "Timeout"),
    ],
)
def test_faults_are_found(fault, sign, monkeypatch):
    monkeypatch.setenv("FUZZ_LONGEST", "1.5" if fault == "never ends" else "100")
    monkeypatch.setattr(runner, "MOST_FINDINGS", 1)
    report = runner.run_family(f"broken: {fault}", 3)
    assert [finding.case for finding in report.findings] == [0]
    assert sign in str(report.findings[0])


def test_every_generator_has_a_family():
    paths = os.pathsep.join([str(SOURCE), str(Path(__file__).parents[1])])
    done = run_python("-m", "fuzz.reached", PYTHONPATH=paths, RUSHLIGHT_KERNELS="force")
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split(), "no family comes to them"
