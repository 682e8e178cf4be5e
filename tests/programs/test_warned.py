"""Warnings name the line of the user's program, and come once for each line."""

import subprocess
import sys
import warnings

import pytest

import rushlight as torch
from rushlight import nn
from rushlight.kernels import attributes
from rushlight.nn import functional as F

CASES = [
    lambda: nn.MSELoss(size_average=False),
    lambda: F.mse_loss(torch.ones(2), torch.ones(2), size_average=False),
    lambda: F.mse_loss(torch.ones(2, 1), torch.ones(2)),
    lambda: nn.MSELoss()(torch.ones(2, 1), torch.ones(2)),
    lambda: F.softmax(torch.ones(2)),
    lambda: nn.Softmax()(torch.ones(2)),
    lambda: torch.ones(2)[torch.ones(2, dtype=torch.uint8)],
    lambda: F.grid_sample(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 1, 2)),
    lambda: torch.ones(1).std(),
    lambda: torch.ones(2, 2, 2).T,
    lambda: nn.utils.clip_grad_norm([torch.ones(1, requires_grad=True)], 1.0),
    lambda: nn.NLLLoss2d(),
    lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2), 1),
    lambda: nn.Transformer(4, 2, 1, 1, 8),
]


@pytest.mark.parametrize("mistake", CASES)
def test_a_warning_names_the_line_of_the_program(mistake):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mistake()
    assert [w.filename for w in told] == [__file__]


PROGRAM = """
import rushlight as torch
from rushlight.utils.data import DataLoader
x = torch.tensor(1.5, requires_grad=True)
for _ in range(3):
    float(x), int(x)
    "%f" % x
loader = DataLoader(torch.arange(4), num_workers=200, batch_size=4)
from rushlight import nn
for _ in range(2):
    nn.Softmax()(torch.ones(2))
    next(iter(DataLoader(torch.arange(2), num_workers=1)))
"""


def test_each_line_is_told_once(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    told = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True).stderr
    assert told.count("Converting a tensor with requires_grad=True") == 1
    assert told.count("will create 200 worker processes") == 1
    assert told.count("Implicit dimension choice") == 1
    assert f"{program}:" in told
    assert "rushlight/" not in told


def without_recording(x):
    with torch.no_grad():
        return float(x)


NUMBERS = [
    (float, 1),
    (lambda x: torch.tensor([x, x]), 1),
    (int, 0),
    (without_recording, 0),
    (torch.Tensor.item, 0),
]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("convert", "times"), NUMBERS)
def test_numbers_that_lose_their_gradient_are_told_once(convert, times, native, monkeypatch):
    (attributes.install if native else attributes.remove)()
    monkeypatch.setitem(torch.Tensor.tolist.__globals__, "_told", [])
    x = torch.tensor(2.0, requires_grad=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        convert(x), convert(x)
    assert len(told) == times
