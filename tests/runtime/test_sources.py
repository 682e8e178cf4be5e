"""A kernel on the disk is not used any more once a line that wrote it has changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from rushlight.runtime import session, sources

PROGRAM = """
import sys
import rushlight as torch
from rushlight.nn import functional as F
from rushlight.runtime import native, sources

build = native._load_or_build
hashed = native.source_hash
roots = []

def watched(name, key, generate, symbols):
    files = set()
    def look(frame, event, argument):
        if event == "call":
            files.add(frame.f_globals.get("__name__", ""))
    def generated():
        sys.setprofile(look)
        try:
            return generate()
        finally:
            sys.setprofile(None)
    code = build(name, key, generated, symbols)
    missing = {f for f in files if f.startswith("rushlight.")} - sources.closure(roots[-1])
    print(name, len(files), *sorted(missing))
    return code

native._load_or_build = watched
native.source_hash = lambda modules: roots.append(modules) or hashed(modules)

x = torch.rand(8, 16, 24, 24, requires_grad=True)
net = torch.nn.Sequential(
    torch.nn.Conv2d(16, 16, 3, padding=1), torch.nn.BatchNorm2d(16), torch.nn.GELU(), torch.nn.MaxPool2d(2),
    torch.nn.Conv2d(16, 8, 5, 2), torch.nn.Flatten(), torch.nn.Linear(128, 10),
)
optimizer = torch.optim.Adam(net.parameters())
F.cross_entropy(net(x), torch.arange(8)).backward()
optimizer.step()
lstm = torch.nn.LSTM(32, 64, batch_first=True)
lstm(torch.rand(16, 8, 32))[0].sum().backward()
q = torch.rand(2, 4, 128, 32, requires_grad=True)
F.scaled_dot_product_attention(q, q, q, is_causal=True).sum().backward()
torch.rand(100_000).sort()
torch.rand(1000, 200).cumsum(1)
torch.rand(1000, 200).t().contiguous()
torch.rand(20_000, 8)[torch.randint(0, 20_000, (30_000,))]
torch.rand(300, 300) @ torch.rand(300, 300)
F.embedding_bag(torch.randint(0, 50, (40, 9)), torch.rand(50, 64))
F.grid_sample(x, torch.rand(8, 30, 30, 2) * 2 - 1, align_corners=False)
F.interpolate(x, scale_factor=2, mode="bilinear")
torch.rand(64, 1000).softmax(-1).topk(5)
"""


@pytest.mark.skipif(not session.available(), reason="there is nothing to generate kernels with")
def test_whatever_runs_to_write_a_kernel_is_hashed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program], env={"RUSHLIGHT_CACHE": "off", "PYTHONPATH": str(source_folder())},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kernels = [line.split() for line in done.stdout.splitlines()]
    assert len(kernels) > 30
    assert all(int(count) > 1 for _, count, *_ in kernels)
    assert {name: missing for name, _, *missing in kernels if missing} == {}


def test_what_a_generator_imports_counts():
    found = sources.closure(("rushlight.kernels.llvm.winograd",))
    assert {f"rushlight.{name}" for name in ("runtime.ir", "runtime.values", "kernels.llvm.blocked")} <= found
    assert "rushlight.tensor.core" not in found


def test_a_changed_line_changes_the_hash(monkeypatch):
    names = ("rushlight.kernels.llvm.winograd",)
    before, read = sources.source_hash(names), sources._read
    changed = lambda name: (read(name)[0], read(name)[1] + b"\n" * name.endswith("runtime.values"))  # noqa: E731
    for each in (sources.source_hash, sources._digest, sources._imported):
        each.cache_clear()
    monkeypatch.setattr(sources, "_read", changed)
    try:
        assert sources.source_hash(names) != before
    finally:
        for each in (sources.source_hash, sources._digest, sources._imported):
            each.cache_clear()


def source_folder() -> Path:
    return Path(sources.__file__).parents[2]
