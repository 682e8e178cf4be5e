"""Twenty steps of each optimiser end where they ended in PyTorch 2.13: numbers recorded from there."""

import pytest

import rushlight as torch
from support.training import train

RECORDED = {
    "SGD": ({"lr": 0.1}, [1.478492224399976, -1.8316921255172145, 2.6092818147879506]),
    "SGD momentum": (
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        [6.44883671416718, -1.4850600971823127, 6.587047781103071],
    ),
    "Adam": ({"lr": 0.1}, [1.4963259097441843, -1.542227503934751, 3.0608617301011276]),
    "Adam amsgrad": (
        {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1},
        [1.373610500121957, -1.251164285981854, 2.6253427963103264],
    ),
    "AdamW": ({"lr": 0.1}, [1.4792106071468767, -1.5121350936417761, 3.008714422298746]),
    "RMSprop": (
        {"centered": True, "momentum": 0.5},
        [1.1264179444946671, -1.6731163033491427, 2.801253467683247],
    ),
    "Adagrad": ({"lr": 0.1, "lr_decay": 0.1}, [0.6424148269308008, -1.5586904145128935, 2.3189616500386903]),
    "Adadelta": ({}, [0.5288229907394346, -1.5128192536477478, 2.022938037124294]),
    "Adamax": ({}, [0.5087090605689891, -1.5001565936062895, 2.0114925859740413]),
    "NAdam": ({}, [0.5174593354722037, -1.504967473843286, 2.0146354772558857]),
    "RAdam": ({"lr": 0.1}, [0.6914576283666272, -1.617966504577097, 2.2439491773957423]),
    "ASGD": ({"lambd": 0.1, "t0": 5}, [0.5864374044206209, -1.5032379792297086, 2.020511450685258]),
    "Rprop": ({}, [0.500469011584, -1.5527927440343037, 2.0688213350400004]),
    "Adafactor": ({}, [0.6239811597372936, -1.5684021753511153, 2.084121065272841]),
}


def run(name, kwargs):
    p = torch.nn.Parameter(torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64))
    return train(torch, getattr(torch.optim, name)([p], **kwargs), [p], seed=7)[0].tolist()


@pytest.mark.parametrize("name", RECORDED)
def test_recorded(name):
    kwargs, expected = RECORDED[name]
    assert run(name.split()[0], kwargs) == pytest.approx(expected, rel=1e-12)
