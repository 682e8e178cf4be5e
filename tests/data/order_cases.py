"""Ways to go through data, written for PyTorch's interface; each gives plain numbers.

`python tests/data/order_cases.py` records what PyTorch gives (it needs PyTorch).
"""

import json
import random
from pathlib import Path

import numpy as np

RECORDED = Path(__file__).with_name("ordered_by_torch.json")
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def plain(x):
    """Nested lists in place of tensors and containers."""
    if hasattr(x, "tolist"):
        return x.tolist()
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    return [plain(v) for v in x] if isinstance(x, (list, tuple)) else x


def rows(torch, count):
    return torch.utils.data.TensorDataset(torch.arange(count) * 10, torch.arange(count) * 1.5)


def two_epochs(torch, loader):
    """What two epochs give, and the next random number, which tells how many were used up."""
    epochs = [plain(list(loader)) for _ in range(2)]
    return [*epochs, torch.rand(1).item()]


@case
def shuffled_by_one(torch, data):
    return two_epochs(torch, data.DataLoader(rows(torch, 7), shuffle=True))


@case
def shuffled_in_batches(torch, data):
    return two_epochs(torch, data.DataLoader(rows(torch, 23), batch_size=5, shuffle=True))


@case
def in_order_without_the_rest(torch, data):
    return two_epochs(torch, data.DataLoader(rows(torch, 11), batch_size=4, drop_last=True))


@case
def shuffled_without_the_rest(torch, data):
    return two_epochs(torch, data.DataLoader(rows(torch, 11), batch_size=4, drop_last=True, shuffle=True))


@case
def own_generator(torch, data):
    own = torch.Generator().manual_seed(5)
    loader = data.DataLoader(rows(torch, 9), batch_size=3, shuffle=True, generator=own)
    return [two_epochs(torch, loader), torch.rand(1, generator=own).item()]


@case
def with_replacement(torch, data):
    own = torch.Generator().manual_seed(6)
    samplers = [
        data.RandomSampler(range(10), replacement=True),
        data.RandomSampler(range(10), replacement=True, num_samples=70),
        data.RandomSampler(range(10), replacement=True, num_samples=64, generator=own),
        data.RandomSampler(range(10), num_samples=25),
        data.RandomSampler(range(10), num_samples=20, generator=own),
        data.RandomSampler(range(10), generator=own),
    ]
    return [[list(s) for s in samplers] for _ in range(2)] + [torch.rand(1, generator=own).item()]


@case
def subset_and_weighted(torch, data):
    samplers = [
        data.SubsetRandomSampler([3, 1, 4, 15, 9, 2, 6]),
        data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 8),
        data.WeightedRandomSampler([0.9, 0.4, 0.05, 0.2, 0.3, 0.1], 5, replacement=False),
    ]
    return [list(s) for s in samplers]


@case
def batches_of_a_sampler(torch, data):
    batches = data.BatchSampler(data.RandomSampler(range(10)), batch_size=3, drop_last=False)
    return two_epochs(torch, data.DataLoader(rows(torch, 10), batch_sampler=batches))


@case
def single_samples(torch, data):
    return two_epochs(torch, data.DataLoader(rows(torch, 5), batch_size=None, shuffle=True))


class EagerSampler:
    """Draws at once when it is asked for an iterator, as many samplers of users do."""

    def __init__(self, torch, count):
        self.torch, self.count = torch, count

    def __iter__(self):
        return iter(self.torch.randperm(self.count).tolist())

    def __len__(self):
        return self.count


@case
def eager_sampler(torch, data):
    sampler = EagerSampler(torch, 9)
    in_batches = data.DataLoader(rows(torch, 9), batch_size=2, sampler=sampler)
    return [
        two_epochs(torch, in_batches),
        two_epochs(torch, data.DataLoader(rows(torch, 9), batch_size=None, sampler=sampler)),
    ]


@case
def eager_sampler_with_workers(torch, data):
    return two_epochs(
        torch,
        data.DataLoader(rows(torch, 9), batch_size=None, sampler=EagerSampler(torch, 9), num_workers=2),
    )


@case
def parts_at_random(torch, data):
    whole = list(range(20))
    own = torch.Generator().manual_seed(42)
    parts = [
        *data.random_split(whole, [5, 15]),
        *data.random_split(whole, [0.3, 0.3, 0.4], generator=own),
        *data.random_split(whole, [0.55, 0.45]),
    ]
    return [list(part.indices) for part in parts]


@case
def part_of_a_part(torch, data):
    part = data.Subset(data.Subset(rows(torch, 20), [2, 3, 5, 7, 11, 13]), [5, 0, 3, 3])
    return two_epochs(torch, data.DataLoader(part, batch_size=3, shuffle=True))


@case
def distributed(torch, data):
    found = []
    for count, replicas, drop in ((10, 3, False), (10, 3, True), (9, 3, False), (2, 5, False), (2, 5, True)):
        for rank in range(replicas):
            for shuffle in (False, True):
                sampler = data.DistributedSampler(
                    range(count), replicas, rank, shuffle=shuffle, seed=3, drop_last=drop
                )
                sampler.set_epoch(2)
                found.append([len(sampler), list(sampler)])
    return found


class Draws:
    """A sample is what the random generators give just then, so it tells how a worker is seeded."""

    def __init__(self, torch):
        self.torch = torch

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index, self.torch.rand(1).item(), random.random(), float(np.random.rand())


@case
def seeds_of_workers(torch, data):
    return two_epochs(torch, data.DataLoader(Draws(torch), batch_size=2, num_workers=2))


@case
def seeds_of_persistent_workers(torch, data):
    own = torch.Generator().manual_seed(8)
    loader = data.DataLoader(
        Draws(torch), batch_size=3, shuffle=True, num_workers=2, persistent_workers=True, generator=own
    )
    return two_epochs(torch, loader)


def streams(torch, data):
    class Stream(data.IterableDataset):
        """Each worker has its own part; the parts are of different lengths."""

        def __iter__(self):
            info = data.get_worker_info()
            if info is None:
                return iter(range(10))
            return iter(range(100 * info.id, 100 * info.id + 3 + 4 * info.id))

    return Stream()


@case
def stream(torch, data):
    source = streams(torch, data)
    both = data.ChainDataset([source, source])
    return [
        two_epochs(torch, data.DataLoader(source, batch_size=4)),
        two_epochs(torch, data.DataLoader(source, batch_size=4, drop_last=True)),
        two_epochs(torch, data.DataLoader(both, batch_size=None)),
    ]


@case
def stream_in_workers(torch, data):
    source = streams(torch, data)
    loaders = [
        data.DataLoader(source, batch_size=2, num_workers=2),
        data.DataLoader(source, batch_size=2, num_workers=2, drop_last=True),
        data.DataLoader(source, batch_size=None, num_workers=2, prefetch_factor=1),
        data.DataLoader(source, batch_size=3, num_workers=2, persistent_workers=True),
    ]
    # which worker's batch comes first among late ones is a matter of time in PyTorch
    return [sorted(plain(list(loader))) for loader in loaders for _ in range(2)]


@case
def what_is_told_to_workers(torch, data):
    class Told(data.Dataset):
        mark = 0

        def __len__(self):
            return 4

        def __getitem__(self, index):
            info = data.get_worker_info()
            seed_is_next = info.seed - torch.initial_seed()
            return index, info.id, info.num_workers, seed_is_next, info.dataset.mark

    def mark(worker):
        data.get_worker_info().dataset.mark = 10 + worker

    return plain(list(data.DataLoader(Told(), batch_size=2, num_workers=2, worker_init_fn=mark)))


def run(name, torch):
    """The result of a case, from one seed."""
    torch.manual_seed(11)
    return plain(CASES[name](torch, torch.utils.data))


if __name__ == "__main__":
    import torch

    recorded = {name: run(name, torch) for name in CASES}
    RECORDED.write_text("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in recorded.items()) + "\n}\n")
