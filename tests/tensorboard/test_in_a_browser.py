"""A running TensorBoard shows our curves, pictures and graph in a real browser, driven by ChromeDriver.

`RUSHLIGHT_SCREENSHOTS=folder` keeps what the browser saw.
"""

import base64
import contextlib
import json
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
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(DRIVER is None, reason="ChromeDriver is not installed")
QUIET = """
    --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --window-size=1300,900
"""
# what the page shows: its text, its pictures' widths and the points of its lines, inside of components too
LOOK = """
const seen = {text: [], pictures: [], lines: []};
(function look(node) {
    if (node.nodeType === 3) seen.text.push(node.nodeValue);
    if (node.localName === "img") seen.pictures.push(node.naturalWidth);
    if (node.localName === "path") seen.lines.push((node.getAttribute("d") || "").split(/[LC]/).length);
    if (node.shadowRoot) look(node.shadowRoot);
    node.childNodes.forEach(look);
})(document.documentElement);
return {...seen, text: seen.text.join("|")};
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
    port = free_port()
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


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(address, text, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            if text in answer.read().decode():
                return
        time.sleep(0.3)
    pytest.fail(f"TensorBoard did not answer with {text!r} at {address}")


@pytest.fixture(scope="module")
def browser():
    """A window of a browser."""
    port = free_port()
    process = subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    window = None
    try:
        wait_for(f"http://127.0.0.1:{port}/status", "ready")
        window = Window(f"http://127.0.0.1:{port}")
        yield window
    finally:
        if window is not None:
            window.close()
        process.terminate()
        process.wait(10)


class Window:
    """What WebDriver's protocol lets one do."""

    def __init__(self, driver):
        self.at = f"{driver}/session"
        options = {"goog:chromeOptions": {"args": QUIET.split()}}
        self.at += "/" + self.ask("POST", "", {"capabilities": {"alwaysMatch": options}})["sessionId"]

    def ask(self, method, place, body=None):
        data = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.at + place, data, kind, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def until(self, address, there, name, seconds=60):
        """Opens a page and waits until it shows what it should; what it shows then."""
        self.ask("POST", "/url", {"url": "about:blank"})
        self.ask("POST", "/url", {"url": address})
        end = time.monotonic() + seconds
        while True:
            shown = self.ask("POST", "/execute/sync", {"script": LOOK, "args": []})
            if there(shown):
                break
            assert time.monotonic() < end, f"{name}: the page shows {shown['text'][-2000:]}"
            time.sleep(0.5)
        if "RUSHLIGHT_SCREENSHOTS" in os.environ:
            picture = base64.b64decode(self.ask("GET", "/screenshot"))
            Path(os.environ["RUSHLIGHT_SCREENSHOTS"], f"{name}.png").write_bytes(picture)
        return shown

    def close(self):
        self.ask("DELETE", "")


def test_the_scalar_chart(server, browser):
    browser.until(
        f"{server}/#scalars&_smoothingWeight=0",
        lambda shown: "valley" in shown["text"] and max(shown["lines"], default=0) >= 20,  # a point a step
        "scalars",
    )


def test_the_picture(server, browser):
    browser.until(
        f"{server}/#images",
        lambda shown: "checkers" in shown["text"] and 32 in shown["pictures"],  # it has been loaded
        "images",
    )


def test_the_graph(server, browser):
    boxes = {"Sequential", "input", "output"}
    browser.until(f"{server}/#graphs", lambda shown: boxes <= set(shown["text"].split("|")), "graph")
