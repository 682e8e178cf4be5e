"""A running TensorBoard shows our curves, pictures and graph in a real browser (headless Chromium).

`RUSHLIGHT_SCREENSHOTS=folder` keeps what the browser saw.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.tensorboard import SummaryWriter

pytest.importorskip("tensorboard.backend")
pytest.importorskip("PIL", reason="pictures are written by Pillow")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
QUIET = """
    --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --window-size=1300,900 --virtual-time-budget=20000
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Event files with a bit of everything."""
    folder = tmp_path_factory.mktemp("log")
    rushlight.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with SummaryWriter(folder) as writer:
        writer.add_graph(net, rushlight.randn(3, 4))
        writer.add_image("checkers", np.indices((3, 32, 32)).sum(0) // 4 % 2 * np.uint8(255), 0)
        for step in range(20):
            writer.add_scalar("valley", (step - 10) ** 2, step)
    return folder


@pytest.fixture(scope="module")
def server(log):
    """The address of a TensorBoard on these files."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["--logdir", str(log), "--host", "127.0.0.1", "--port", str(port), "--load_fast=false"]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tensorboard.main", *where],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/data/plugin/scalars/tags", "valley")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def wait_for(address, text, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            if text in answer.read().decode():
                return
        time.sleep(0.3)
    pytest.fail(f"TensorBoard did not answer with {text!r} at {address}")


def seen(address, tmp_path, name):
    """The page as a browser has it after its scripts ran, and a picture of it."""
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    picture = Path(os.environ.get("RUSHLIGHT_SCREENSHOTS", tmp_path)) / f"{name}.png"
    done = subprocess.run(
        [CHROMIUM, *QUIET.split(), profile, f"--screenshot={picture}", "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout, picture


def test_the_scalar_chart(server, tmp_path):
    page, picture = seen(f"{server}/?darkMode=false#scalars&_smoothingWeight=0", tmp_path, "scalars")
    assert "valley" in page
    assert "<canvas" in page or "<svg" in page
    assert colours(picture) > 100


def test_the_picture(server, tmp_path):
    page, picture = seen(f"{server}/#images", tmp_path, "images")
    assert "checkers" in page
    assert "individualImage" in page  # the picture itself has been asked for
    assert colours(picture) > 20


def test_the_graph(server, tmp_path):
    page, _ = seen(f"{server}/#graphs", tmp_path, "graphs")
    for name in ("Sequential", "input", "output"):
        assert f">{name}</text>" in page


def colours(picture):
    from PIL import Image

    with Image.open(picture) as opened:
        return len(opened.convert("RGB").getcolors(1 << 24))
