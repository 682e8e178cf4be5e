"""The same samples in the same order as PyTorch from the same seed, and as many random numbers used up."""

import json
import random

import pytest

import rushlight
import rushlight.utils.data
from data.order_cases import CASES, RECORDED, rows, run, two_epochs

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with one CPU

RECORDS = json.loads(RECORDED.read_text())


@pytest.mark.parametrize("name", CASES)
def test_order_is_that_recorded_from_pytorch(name):
    assert run(name, rushlight) == RECORDS[name]


@pytest.mark.parametrize("name", CASES)
def test_record_is_what_pytorch_does(name):
    torch = pytest.importorskip("torch")
    assert run(name, torch) == RECORDS[name]


def drawn_loader(draw, torch):
    """A loader with options drawn at random, in one of the libraries."""
    data, count = torch.utils.data, draw.randint(1, 40)
    own = torch.Generator().manual_seed(draw.randint(0, 99)) if draw.random() < 0.4 else None
    source = rows(torch, count)
    if draw.random() < 0.3:
        source, count = data.Subset(source, draw.choices(range(count), k=20)), 20
    samplers = [
        lambda: {"shuffle": True, "generator": own},
        lambda: {"shuffle": False},
        lambda: {"sampler": data.RandomSampler(source, True, draw.randint(1, 80), generator=own)},
        lambda: {"sampler": data.RandomSampler(source, False, draw.randint(1, 80), generator=own)},
        lambda: {"sampler": data.SubsetRandomSampler(draw.sample(range(count), count // 2), generator=own)},
        lambda: {"sampler": data.WeightedRandomSampler([draw.random() for _ in range(count)], 30)},
    ]
    size = draw.choice([None, 1, 1, 2, 3, 7, 64])
    drop = bool(size) and draw.random() < 0.4
    return data.DataLoader(source, batch_size=size, drop_last=drop, **draw.choice(samplers)())


@pytest.mark.parametrize("seed", range(60))
def test_any_options_give_the_order_of_pytorch(seed):
    torch = pytest.importorskip("torch")
    results = []
    for library in (rushlight, torch):
        library.manual_seed(seed)
        results.append(two_epochs(library, drawn_loader(random.Random(seed), library)))
    assert results[0] == results[1]
