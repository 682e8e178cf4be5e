"""A crash in the middle of a save leaves the old file or the new one, and nothing in between."""

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

import rushlight as torch
from support.paths import SOURCE

SAVER = """
import sys, rushlight as torch
parts = [torch.full((1 << 18,), 2.0) for _ in range(64)]
print("ready", flush=True)
while True:
    torch.save(parts, sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
@pytest.mark.parametrize("delay", [0.0, 0.005, 0.012, 0.021, 0.034, 0.055])
def test_a_killed_save_leaves_a_whole_file(tmp_path, delay):
    path = tmp_path / "model.pt"
    torch.save([torch.full((1 << 18,), 1.0)], path)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    saver = subprocess.Popen(
        [sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert saver.stdout.readline() == b"ready\n"
        time.sleep(delay)
    finally:
        saver.kill()
        saver.wait()
        saver.stdout.close()
    loaded = torch.load(path)
    assert {(len(loaded), t.mean().item()) for t in loaded} in ({(1, 1.0)}, {(64, 2.0)})


class Failing:
    def __reduce__(self):
        raise OSError("no")


def test_a_save_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(torch.ones(2), path)
    with pytest.raises(OSError, match="no"):
        torch.save([torch.zeros(2), Failing()], path)
    assert torch.load(path).sum() == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "model.pt"
    torch.save(torch.ones(2), path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            torch.save(torch.ones(1 << 20), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)
    assert torch.load(path).sum() == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="modes and links as POSIX has them")
def test_modes_links_and_devices_stay_what_they_are(tmp_path):
    path, link = tmp_path / "model.pt", tmp_path / "latest.pt"
    torch.save(torch.ones(1), path)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(0o640)
    link.symlink_to("model.pt")
    torch.save(torch.ones(3), link)
    assert link.is_symlink()
    assert torch.load(path).sum() == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    torch.save(torch.ones(1), "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
