"""`rushlight env` tells what a bug report needs, also where parts of the set-up are missing or broken."""

import json

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
    assert told["machine"]["usable cores"] >= 1


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


def test_a_runtime_that_fails_is_reported(monkeypatch):
    class Broken:
        def num_threads(self):
            raise OSError("no threads today")

    assert report.ask(Broken(), "num_threads") == "unknown (OSError: no threads today)"
    assert "AttributeError" in report.ask(Broken(), "cache_folder")


def test_a_home_folder_is_not_told(monkeypatch, tmp_path):
    monkeypatch.setattr(report.Path, "home", lambda: tmp_path)
    assert report.place(tmp_path / "x") == str(report.Path("~/x"))
    assert report.place(ROOT) == str(ROOT)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (2048, "2 KiB"), (5 * 2**20, "5 MiB"), (3 * 2**31, "6.0 GiB")]
)
def test_sizes_read_well(size, words):
    assert report.human(size) == words


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, "1.5 cores"),
        ({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        (
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            "2 cores",
        ),
        (
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({}, None),
    ],
)
def test_the_limit_of_a_container(monkeypatch, files, limit):
    monkeypatch.setattr(machine, "read", lambda path: files.get(path, ""))
    assert machine.container_limit() == limit


def test_an_arm_processor_tells_its_features(monkeypatch):
    listing = "processor\t: 0\nFeatures\t: fp asimd sve atomics\n"
    monkeypatch.setattr(machine, "read", lambda path: listing)
    assert machine.features() == ["asimd", "sve"]
