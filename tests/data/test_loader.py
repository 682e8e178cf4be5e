"""Loading in this process: arguments, fresh batches, and what it costs to import."""

import pickle

import pytest

import rushlight
from rushlight.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from support.paths import run_python


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(5))

    def __len__(self):
        return 3


def rows(count=6):
    return TensorDataset(rushlight.arange(2.0 * count).reshape(count, 2), rushlight.arange(count))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"num_workers": -1}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"prefetch_factor": 2}, ValueError),
        ({"prefetch_factor": -2, "num_workers": 1}, ValueError),
        ({"persistent_workers": True}, ValueError),
        ({"multiprocessing_context": "fork"}, ValueError),
        ({"multiprocessing_context": "thread", "num_workers": 1}, ValueError),
        ({"multiprocessing_context": 5, "num_workers": 1}, TypeError),
        ({"sampler": [0], "shuffle": True}, ValueError),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError),
        ({"batch_sampler": [[0]], "drop_last": True}, ValueError),
        ({"batch_size": None, "drop_last": True}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"dataset": Stream(), "shuffle": True}, ValueError),
        ({"dataset": Stream(), "sampler": [0]}, ValueError),
        ({"dataset": Stream(), "batch_sampler": [[0]]}, ValueError),
        ({"dataset": [], "shuffle": True}, ValueError),
    ],
)
def test_arguments_that_are_refused(arguments, error):
    with pytest.raises(error):
        DataLoader(**{"dataset": [1, 2], **arguments})
    if not isinstance(arguments.get("dataset"), Stream):
        loading = pytest.importorskip("torch.utils.data")
        with pytest.raises(error):
            loading.DataLoader(**{"dataset": [1, 2], **arguments})


def test_what_must_stay():
    loader = DataLoader([1, 2])
    for name in ("batch_size", "sampler", "batch_sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, None)
    loader.collate_fn = lambda batch: "mine"
    assert list(loader) == ["mine", "mine"]


def test_more_workers_than_cpus_are_warned_of():
    with pytest.warns(UserWarning, match="1000 worker processes"):
        DataLoader([1], num_workers=1000)


def test_lengths():
    assert len(DataLoader(range(7), batch_size=2)) == 4
    assert len(DataLoader(range(7), batch_size=2, drop_last=True)) == 3
    assert len(DataLoader(range(7), batch_size=None)) == 7
    assert len(DataLoader(range(7), batch_sampler=[[1], [2, 3]])) == 2
    assert len(DataLoader(Stream(), batch_size=2)) == 2
    assert len(iter(DataLoader(range(7)))) == 7


def test_a_stream_that_is_longer_than_it_says():
    loader = DataLoader(Stream(), batch_size=None)
    assert list(loader) == [0, 1, 2, 3, 4]  # nobody has asked
    assert len(loader) == 3
    with pytest.warns(UserWarning, match="reported to be 3"):
        assert list(loader) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_may_be_edited(batch_size, shuffle):
    dataset = rows()
    before = [t.clone() for t in dataset.tensors]
    for x, y in DataLoader(dataset, batch_size=batch_size, shuffle=shuffle):
        assert x.storage_offset() == 0
        assert x.untyped_storage().nbytes() == x.numel() * 4
        x.zero_()
        y += 7
    assert all(rushlight.equal(a, b) for a, b in zip(dataset.tensors, before))


def test_rows_are_read_when_they_are_asked_for():
    dataset = rows(4)
    it = iter(DataLoader(dataset))
    next(it)
    dataset.tensors[1].fill_(5)
    assert next(it)[1].item() == 5


def test_gradients_reach_tensors_of_a_dataset():
    x = rushlight.ones(3, requires_grad=True)
    for batch_size in (1, 2):
        loader = DataLoader(TensorDataset(x), batch_size=batch_size)
        sum((b * b).sum() for (b,) in loader).backward()
    assert x.grad.tolist() == [4, 4, 4]


def test_indices_of_all_kinds():
    dataset = rows(6)
    batches = [[0, -1], (2, 3), rushlight.tensor([1, 4]), [rushlight.tensor(5)]]
    got = [y.tolist() for _, y in DataLoader(dataset, batch_sampler=batches)]
    assert got == [[0, 5], [2, 3], [1, 4], [5]]
    for wrong in ([6], [-7], [0, 6]):
        with pytest.raises(IndexError):
            list(DataLoader(dataset, batch_sampler=[wrong]))


def test_subclasses_are_asked():
    class Shifted(TensorDataset):
        def __getitem__(self, index):
            return self.tensors[0][index] + 1

    class Part(Subset):
        def __getitem__(self, index):
            return super().__getitem__(index)[1] * 10

        def __getitems__(self, indices):
            return [self[i] for i in indices]

    assert next(iter(DataLoader(Shifted(rushlight.zeros(2)), batch_size=2))).tolist() == [1, 1]
    assert next(iter(DataLoader(Part(rows(), [2, 1]), batch_size=2))).tolist() == [20, 10]


def test_datasets_that_give_many_samples_at_once():
    class AtOnce(Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [(i, -i) for i in indices]

    batch = next(iter(DataLoader(AtOnce(), batch_size=3)))
    assert [t.tolist() for t in batch] == [[0, 1, 2], [0, -1, -2]]


def test_options_without_effect():
    with pytest.warns(UserWarning, match="no accelerator"):
        assert len(list(DataLoader(rows(), pin_memory=True))) == 6
    with pytest.raises(AssertionError, match="num_workers=0"):
        iter(DataLoader(rows(), timeout=1))


def test_pickle():
    loader = pickle.loads(pickle.dumps(DataLoader(rows(), batch_size=4, shuffle=True)))
    assert sorted(y for _, ys in loader for y in ys.tolist()) == list(range(6))
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(iter(loader))


def test_names_of_pytorch():
    from rushlight.utils.data._utils.collate import default_collate
    from rushlight.utils.data.dataloader import _MultiProcessingDataLoaderIter, _SingleProcessDataLoaderIter
    from rushlight.utils.data.dataset import random_split
    from rushlight.utils.data.distributed import DistributedSampler
    from rushlight.utils.data.sampler import RandomSampler

    assert isinstance(iter(DataLoader([1])), _SingleProcessDataLoaderIter)
    assert all(
        (default_collate, random_split, DistributedSampler, RandomSampler, _MultiProcessingDataLoaderIter)
    )


def test_multiprocessing_waits_until_it_is_needed():
    code = """if True:
        import sys
        import rushlight as torch
        from rushlight.utils.data import DataLoader, TensorDataset
        list(DataLoader(TensorDataset(torch.ones(3)), shuffle=True))
        print([m for m in ('multiprocessing', 'socket', 'dataclasses') if m in sys.modules])
    """
    assert run_python("-c", code).stdout == "[]\n"
