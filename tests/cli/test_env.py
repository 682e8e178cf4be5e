"""`rushlight env` tells what a bug report needs, also where parts of the set-up are missing or broken."""

import json
import sys

import pytest

from rushlight import cli
from rushlight.cli import machine, report
from support.paths import ROOT, run_python


def test_the_text_names_every_part(capsys):
    assert cli.main(["env"]) == 0
    printed = capsys.readouterr().out
    for word in "versions", "rushlight", "numpy", "processor", "kernels", "settings":
        assert word in printed


def test_json_holds_the_same_facts(capsys):
    assert cli.main(["env", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["versions"]["rushlight"] == report.environment()["versions"]["rushlight"]
    assert told["machine"]["cores"] >= 1


def test_no_command_prints_the_help(capsys):
    assert cli.main([]) == 2
    assert "env" in capsys.readouterr().err


def test_settings_of_rushlight_are_told(monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_SOMETHING", "7")
    assert report.settings()["RUSHLIGHT_SOMETHING"] == "7"


def test_a_package_that_is_missing_is_no_error():
    assert report.installed_version("no-such-package-of-that-name") == "not installed"


def test_torch_is_not_imported_for_its_version():
    program = "import sys; from rushlight.cli import main; main(['env']); print('torch' in sys.modules)"
    assert run_python("-c", program).stdout.splitlines()[-1] == "False"


def test_a_runtime_that_does_not_load_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "rushlight.runtime", None)
    assert "no: the runtime does not load (ModuleNotFoundError" in report.kernels()["native"]


def test_a_fact_that_cannot_be_had_does_not_spoil_the_report():
    assert report.told(lambda: 1 / 0) == "unknown (ZeroDivisionError: division by zero)"


def test_kernels_are_told_with_their_threads_and_cache(monkeypatch, tmp_path):
    (tmp_path / "kernel.o").write_bytes(b"x" * 3000)
    monkeypatch.setenv("RUSHLIGHT_CACHE", str(tmp_path))
    told = report.kernels()
    assert told["threads"] >= 1
    assert not [fact for fact in told.values() if str(fact).startswith("unknown")]
    assert (told["cache"], told["cache size"]) == (report.place(tmp_path), "3 KiB")


def test_a_home_folder_is_not_told(monkeypatch, tmp_path):
    monkeypatch.setattr(report.Path, "home", lambda: tmp_path)
    assert report.place(tmp_path / "x") == str(report.Path("~/x"))
    assert report.place(ROOT) == str(ROOT)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (2048, "2 KiB"), (5 * 2**20, "5 MiB"), (3 * 2**31, "6.0 GiB")]
)
def test_sizes_read_well(size, words):
    assert report.human(size) == words


def test_an_arm_processor_tells_its_features(monkeypatch):
    listing = "processor\t: 0\nFeatures\t: fp asimd sve atomics\n"
    monkeypatch.setattr(machine, "read", lambda path: listing)
    assert machine.features() == ["asimd", "sve"]
