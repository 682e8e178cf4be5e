"""A program written for several processes runs as the only one, and more than one is refused."""

import pytest

import rushlight
from rushlight import distributed as dist
from rushlight import nn


@pytest.fixture
def group():
    dist.init_process_group("gloo", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_questions_without_a_group():
    assert dist.is_available()
    assert not dist.is_initialized()
    for ask in (dist.get_rank, dist.get_world_size, dist.barrier):
        with pytest.raises(ValueError, match="has not been initialized"):
            ask()


def test_more_processes_are_refused(monkeypatch):
    with pytest.raises(NotImplementedError, match="a group of 4 processes"):
        dist.init_process_group("gloo", rank=0, world_size=4)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(NotImplementedError, match="a group of 2 processes"):
        dist.init_process_group()
    with pytest.raises(RuntimeError, match="no NCCL here"):
        dist.init_process_group("nccl", rank=0, world_size=1)
    assert not dist.is_initialized()


def test_collectives_of_one(group):
    x, out = rushlight.arange(3.0), [rushlight.zeros(3)]
    assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "gloo")
    dist.all_reduce(x, op=dist.ReduceOp.SUM)
    assert x.tolist() == [0, 1, 2]
    assert dist.all_gather(out, x, async_op=True).wait()
    assert out[0].tolist() == [0, 1, 2]
    found = [None]
    dist.all_gather_object(found, {"loss": 1})
    assert found == [{"loss": 1}]
    dist.barrier()
    with pytest.raises(ValueError, match="rank 1 is not in this group"):
        dist.broadcast(x, src=1)
    with pytest.raises(ValueError, match="twice"):
        dist.init_process_group("gloo", rank=0, world_size=1)


def test_a_training_step(group):
    net = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    data = rushlight.utils.data.TensorDataset(rushlight.randn(6, 2))
    sampler = rushlight.utils.data.distributed.DistributedSampler(data)
    (batch,) = next(iter(rushlight.utils.data.DataLoader(data, 6, sampler=sampler)))
    with net.no_sync():
        net(batch).sum().backward()
    assert list(net.state_dict()) == ["module.weight", "module.bias"]
    assert net.module.bias.grad.item() == 6
    with pytest.raises(RuntimeError, match="doesn't have any parameter"):
        nn.parallel.DistributedDataParallel(nn.ReLU())


def test_data_parallel_without_gpus():
    net = nn.DataParallel(nn.Linear(2, 1))
    assert list(net.state_dict()) == ["module.weight", "module.bias"]
    assert net(rushlight.ones(3, 2)).shape == (3, 1)
