"""The same samples in the same order as PyTorch from the same seed, and as many random numbers used up."""

import json

import pytest

import rushlight
import rushlight.utils.data
from data.order_cases import CASES, RECORDED, run

RECORDS = json.loads(RECORDED.read_text())


@pytest.mark.parametrize("name", CASES)
def test_order_is_that_recorded_from_pytorch(name):
    assert run(name, rushlight) == RECORDS[name]


@pytest.mark.parametrize("name", CASES)
def test_record_is_what_pytorch_does(name):
    torch = pytest.importorskip("torch")
    assert run(name, torch) == RECORDS[name]
