"""Datasets for tests of worker processes; at the top level of a module, where other processes find them."""

import os
import signal
import time
from importlib.util import find_spec

import numpy as np

import rushlight
from rushlight.utils.data import DataLoader, Dataset

HALF = rushlight.bfloat16 if find_spec("ml_dtypes") else rushlight.float16


class Pictures(Dataset):
    """Large enough for shared memory."""

    def __init__(self, count=12):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return rushlight.full((40, 40), float(index)), index


class Calculating(Dataset):
    """Runs kernels that want threads."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return (rushlight.full((600, 600), float(index)) * 2 + 1).tanh().sum()


class Failing(Dataset):
    """Does at item 5 what `how` says."""

    def __init__(self, how):
        self.how = how

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 5:
            self.how()
        return index


class Demanding(Exception):
    """Cannot be made from a message alone."""

    def __init__(self, code, reason):
        super().__init__(code, reason)


def raise_value_error():
    raise ValueError("no picture 5")


def raise_key_error():
    raise KeyError("five")


def raise_demanding():
    raise Demanding(5, "because")


def raise_local():
    class LocalError(LookupError):
        pass

    raise LocalError("only known here")


def leave():
    os._exit(3)


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_long():
    time.sleep(60)


class Nested(Dataset):
    """Wants worker processes inside of a worker process."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return len(list(DataLoader(range(2), num_workers=1)))


class Mixed(Dataset):
    """One of everything that can be in a sample."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return index


def mixed_batch(indices):
    return {
        "half": rushlight.ones(3000, dtype=HALF),
        "truth": rushlight.ones(5, dtype=rushlight.bool),
        "number": rushlight.tensor(7),
        "none": rushlight.empty(0, 3),
        "turned": rushlight.arange(6000).reshape(60, 100).t(),
        "spread": rushlight.ones(1, 50).expand(60, 50),
        "leaf": rushlight.ones(2000, requires_grad=True),
        "array": np.arange(4000.0),
        "text": ["a", "b"] * 20000,
        "indices": indices,
        "parameter": rushlight.nn.Parameter(rushlight.ones(2)),
    }


def unsendable_batch(indices):
    weight = rushlight.ones(3, requires_grad=True)
    return weight * 2
