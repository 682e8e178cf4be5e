"""Random tensors: the same numbers as PyTorch's from the same seed, generators, states, refusals."""

from __future__ import annotations

import pickle

import pytest

import rushlight as rl
from support.expressions import check, lines_of

EXPRESSIONS = lines_of("""
torch.rand(10)
torch.rand(2, 3, dtype=torch.float64)
torch.rand((2, 2))
torch.rand(())
torch.rand(4, dtype=torch.float16)
torch.randn(3)
torch.randn(20)
torch.randn(5, 5, dtype=torch.complex64)
torch.randn(40, dtype=torch.bfloat16)
torch.randn(0)
torch.randint(10, (5,))
torch.randint(3, 10, (5,), dtype=torch.float32)
torch.randint(low=1, high=3, size=(4,))
torch.randint(high=3, size=[2])
torch.randperm(10)
torch.randperm(5, dtype=torch.int32)
torch.randperm(0)
torch.normal(torch.zeros(5), 2.)
torch.normal(1., 2., (5,))
torch.normal(0., torch.ones(3))
torch.normal(g, 1.).requires_grad
torch.bernoulli(torch.full((5,), .5))
torch.bernoulli(g * .5)
torch.bernoulli(x, .5)
torch.multinomial(torch.tensor([1., 2, 3]), 2)
torch.multinomial(torch.ones(2, 3), 5, replacement=True)
torch.poisson(torch.tensor([1., 20.]))
torch.poisson(g)
torch.binomial(torch.tensor([10., 50.]), torch.tensor([.5, .3]))
x.multinomial(2)
torch.rand_like(x.t())
torch.randn_like(torch.ones(8, 4).t())
torch.randint_like(i, 5)
torch.randint_like(x, 2, 5)
torch.rand_like(x, dtype=torch.float64)
x.uniform_()
x.uniform_(1, 2)
x.t().uniform_(to=3)
torch.zeros(8, 4).t().normal_(1, 2)
torch.zeros(8, 4).normal_()
i.random_(3)
i.random_()
i.random_(2, 5)
x.geometric_(.3)
x.bernoulli_(.3)
x.bernoulli_(torch.full((3,), .5))
x.exponential_(.3)
x.cauchy_()
x.log_normal_()
(g * 2).uniform_()
x[:, 1].uniform_()
torch.rand(3, generator=torch.Generator().manual_seed(5))
torch.rand(3, requires_grad=True)
torch.rand(2, out=torch.empty(0))
torch.manual_seed(3).initial_seed()
torch.get_rng_state().shape
# what is refused
torch.rand(2, dtype=torch.int64)
torch.randint(5, 2, (2,))
torch.randint(5)
torch.randint(5.5, (2,))
torch.normal(0., 1.)
torch.normal(x, -torch.ones(3))
torch.empty(0).uniform_(3, 1)
i.uniform_()
g.normal_()
torch.bernoulli(i)
torch.bernoulli(torch.tensor([2.]))
torch.randperm(-1)
torch.multinomial(i, 1)
torch.multinomial(torch.ones(2), 3)
torch.rand(2, generator=3)
torch.Generator(device='cuda')
torch.set_rng_state(torch.zeros(3))
torch.default_generator.set_state([1])
x.exponential_(-1)
x.uniform_(foo=1)
e.uniform_()
""")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_outcome_is_that_of_pytorch(expression):
    check(expression, rl)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_record_is_still_true(expression):
    check(expression, pytest.importorskip("torch"))


def test_states_go_back_and_forth():
    rl.manual_seed(1)
    before = rl.get_rng_state()
    first = rl.rand(5).tolist()
    rl.set_rng_state(before)
    assert rl.rand(5).tolist() == first
    generator = rl.Generator()
    generator.set_state(before)
    assert rl.rand(5, generator=generator).tolist() == first
    assert generator.device == rl.device("cpu")


def test_generators_pickle_where_they_stand():
    generator = rl.Generator().manual_seed(3)
    rl.randn(5, generator=generator)
    twin = pickle.loads(pickle.dumps(generator))
    assert rl.rand(4, generator=twin).tolist() == rl.rand(4, generator=generator).tolist()


def test_forked_stream_leaves_the_default_one_alone():
    rl.manual_seed(4)
    expected = rl.rand(3).tolist()
    rl.manual_seed(4)
    with rl.random.fork_rng():
        rl.rand(100)
    assert rl.rand(3).tolist() == expected


def test_state_of_pytorch_is_understood():
    torch = pytest.importorskip("torch")
    torch.manual_seed(9)
    torch.randn(7)
    rl.set_rng_state(rl.from_numpy(torch.get_rng_state().numpy()))
    assert rl.randn(5).tolist() == torch.randn(5).tolist()


def test_seed_is_new_each_time():
    assert rl.seed() != rl.seed()
    assert rl.initial_seed() == rl.default_generator.initial_seed()
    rl.manual_seed(0)


def test_samplers_have_a_gradient_of_zero():
    p = rl.full((4,), 0.5, requires_grad=True)
    (rl.bernoulli(p) * p).sum().backward()
    assert set(p.grad.tolist()) <= {0.0, 1.0}
    x = rl.ones(3, requires_grad=True)
    y = x * 2
    y.uniform_()
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0]


def test_refilling_keeps_what_backward_needs():
    x = rl.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    with rl.no_grad():
        y.normal_()
    z.backward()
    assert x.grad.tolist() == [4.0, 6.0]
