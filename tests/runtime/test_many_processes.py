"""Processes that share the cache get the same numbers, whatever is damaged: a share of `make processes`."""

import pytest

from rushlight import runtime
from support.tools import load_tool

pytestmark = pytest.mark.skipif(not runtime.available(), reason=runtime.available().reason)


def test_one_after_another(tmp_path):
    runs, wrong = load_tool("many_processes.py").complaints(tmp_path, 6, 2)
    assert wrong == []
    assert [run.compiled for run in runs] == [True, False, True, False, True, False]


def test_what_goes_wrong_is_told(tmp_path, monkeypatch):
    tool = load_tool("many_processes.py")
    runs = iter([tool.Run("1", True, 0.1), tool.Run("2", True, 0.1)])
    monkeypatch.setattr(tool, "start", lambda folder: next(runs))
    (tmp_path / ".new-1").write_text("")
    assert len(tool.complaints(tmp_path, 2, 0)[1]) == 3
