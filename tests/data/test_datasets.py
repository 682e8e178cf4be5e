"""Datasets and samplers: what they give, and what they say when they cannot."""

import numpy as np
import pytest

import rushlight
from rushlight.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    StackDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)


class Squares(Dataset[int]):
    def __init__(self, count=5):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return index**2


class AtOnce(Squares):
    """Gives many samples in one go, and counts how often it was asked to."""

    asked = 0

    def __getitems__(self, indices):
        self.asked += 1
        return [i**2 for i in indices]


class Count(IterableDataset[int]):
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self):
        return self.count


def test_tensor_dataset():
    x, y = rushlight.rand(4, 2), rushlight.arange(4)
    dataset = TensorDataset(x, y)
    assert len(dataset) == 4
    assert dataset[1][1] == 1
    assert rushlight.equal(dataset[2][0], x[2])
    assert rushlight.equal(dataset[1:3][1], y[1:3])


def test_tensor_dataset_by_its_old_names():
    x, y = rushlight.rand(3), rushlight.rand(3)
    dataset = TensorDataset(data_tensor=x, target_tensor=y)
    assert dataset.tensors == (x, y)
    assert (dataset.data_tensor, dataset.target_tensor) == (x, y)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((rushlight.ones(2), rushlight.ones(3)), AssertionError, r"Size mismatch between tensors.*\[2, 3\]"),
        ((np.ones(2),), TypeError, "argument 0 is ndarray.*as_tensor"),
        ((rushlight.ones(2), rushlight.tensor(1)), IndexError, "argument 1 is a number"),
    ],
)
def test_what_a_tensor_dataset_refuses(arguments, error, text):
    with pytest.raises(error, match=text):
        TensorDataset(*arguments)


def test_stack():
    assert StackDataset(Squares(), Squares())[2] == (4, 4)
    named = StackDataset(a=Squares(), b=AtOnce())
    assert named[3] == {"a": 9, "b": 9}
    assert named.__getitems__([1, 2]) == [{"a": 1, "b": 1}, {"a": 4, "b": 4}]
    assert StackDataset(Squares(), AtOnce()).__getitems__([3]) == [(9, 9)]
    for wrong in (lambda: StackDataset(), lambda: StackDataset(Squares(), b=Squares())):
        with pytest.raises(ValueError, match="positional"):
            wrong()
    with pytest.raises(ValueError, match=r"\[5, 4\]"):
        StackDataset(Squares(), Squares(4))


def test_stack_notices_missing_samples():
    class Short(AtOnce):
        def __getitems__(self, indices):
            return []

    with pytest.raises(ValueError, match="asked for 2 samples and gave 0"):
        StackDataset(Short()).__getitems__([1, 2])


def test_concatenation():
    both = Squares(3) + Squares(4)
    assert isinstance(both, ConcatDataset)
    assert [both[i] for i in range(7)] == [0, 1, 4, 0, 1, 4, 9]
    assert both[-1] == 9
    assert both.cumulative_sizes == [3, 7]
    with pytest.raises(ValueError, match="-8 of 7"):
        both[-8]
    with pytest.raises(IndexError):
        both[7]
    with pytest.raises(AssertionError, match="ChainDataset"):
        ConcatDataset([Squares(), Count(3)])
    with pytest.raises(AssertionError, match="empty"):
        ConcatDataset([])
    with pytest.warns(FutureWarning):
        assert both.cummulative_sizes == [3, 7]


def test_chain():
    chain = Count(2) + Count(3)
    assert isinstance(chain, ChainDataset)
    assert list(chain) == [0, 1, 0, 1, 2]
    assert len(chain) == 5
    with pytest.raises(AssertionError, match="Squares"):
        list(ChainDataset([Squares()]))


def test_subset():
    part = Subset(AtOnce(), [4, 1])
    assert [part[0], part[1], len(part)] == [16, 1, 2]
    assert part.__getitems__([1, 0]) == [1, 16]
    assert part.dataset.asked == 1
    with pytest.raises(NotImplementedError, match="__getitems__"):
        type("Mine", (Subset,), {"__getitem__": lambda self, i: 0})(Squares(), [1])


def test_random_split():
    parts = random_split(range(10), [3, 7], generator=rushlight.Generator().manual_seed(1))
    assert sorted([*parts[0], *parts[1]]) == list(range(10))
    assert [len(p) for p in random_split(range(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    with pytest.raises(ValueError, match=r"add up to 9, and there are 10 samples"):
        random_split(range(10), [4, 5])
    with pytest.raises(ValueError, match="index 0 is not between 0 and 1"):
        random_split(range(10), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="index 1 is 0"):
        random_split(range(3), [0.99, 0.01])


def test_base_classes_say_what_to_define():
    with pytest.raises(NotImplementedError, match="Bare has no __getitem__"):
        type("Bare", (Dataset,), {})()[0]
    with pytest.raises(NotImplementedError, match="__iter__"):
        iter(Sampler())


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: BatchSampler([1], 0, False), ValueError),
        (lambda: BatchSampler([1], True, False), ValueError),
        (lambda: BatchSampler([1], 2, 0), ValueError),
        (lambda: RandomSampler([]), ValueError),
        (lambda: RandomSampler([1], num_samples=-1), ValueError),
        (lambda: RandomSampler([1], replacement=1), TypeError),
        (lambda: WeightedRandomSampler([1.0], 0), ValueError),
        (lambda: WeightedRandomSampler([[1.0]], 1), ValueError),
        (lambda: WeightedRandomSampler([1.0], 1, replacement=None), ValueError),
        (lambda: DistributedSampler([1], 2, 2), ValueError),
    ],
)
def test_what_samplers_refuse(make, error):
    with pytest.raises(error):
        make()


def test_lengths():
    assert len(SequentialSampler(range(4))) == 4
    assert len(BatchSampler(range(5), 2, False)) == 3
    assert len(BatchSampler(range(5), 2, True)) == 2
    assert len(RandomSampler(range(3), num_samples=8)) == 8


def test_two_iterators_of_one_sampler():
    sampler = RandomSampler(range(50))
    rushlight.manual_seed(3)
    alone = [list(sampler), list(sampler)]
    rushlight.manual_seed(3)
    first, second = iter(sampler), iter(sampler)
    together = list(zip(first, second))
    assert [list(x) for x in zip(*together)] == alone
