"""The tool that shows how cost grows: tables, pictures, and the machine's limits by generated kernels."""

import sys
import xml.etree.ElementTree as xml

import pytest

from rushlight import runtime
from support.paths import ROOT, run_python

RESULTS = {
    "limits": {"rushlight:1": {"gflops": 100.0, "read_gbs": 20.0, "copy_gbs": 10.0}},
    "add": {
        "rushlight:1": {"10": 1e-6, "1000": 2e-3},
        "rushlight:2": {"10": 1e-6, "1000": 1e-3},
        "torch:2": {"10": 2e-6, "1000": 2.0},
    },
}


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "growth"))
    import runpy

    yield runpy.run_path(str(ROOT / "tools" / "growth" / "__main__.py"), run_name="growth")
    sys.modules.pop("chart", None)


def test_tables_and_pictures(tool, tmp_path):
    tool["write"](tmp_path, RESULTS)
    text = (tmp_path / "growth.md").read_text()
    assert "| 1,000 | 2 ms | 1 ms | 2 s | 2000.00x |" in text
    assert "| 1 | 100 GFLOP/s | 20.0 GB/s | 10.0 GB/s |" in text
    picture = xml.parse(tmp_path / "growth-add.svg").getroot()
    assert len([part for part in picture if part.tag.endswith("polyline")]) == 3


@pytest.mark.skipif(not runtime.available(), reason=runtime.available().reason)
def test_the_limits_of_this_machine():
    done = run_python(ROOT / "tools" / "growth" / "work.py", "limits", "rushlight", "1")
    assert done.returncode == 0, done.stderr
    assert '"gflops": ' in done.stdout
