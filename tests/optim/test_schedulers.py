"""Every scheduler gives PyTorch's learning rates, momenta and states, epoch by epoch."""

import copy
import itertools
import math
import warnings

import pytest

import rushlight

EPOCHS = 40


class Halving:
    """A function that can be saved."""

    def __init__(self):
        self.base = 0.5

    def __call__(self, epoch):
        return self.base**epoch


CASES = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "LambdaLR of each group": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (1 + e), Halving()]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9),
    "StepLR": lambda s, o: s.StepLR(o, 7, gamma=0.3),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 9, 9, 20], gamma=0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=6),
    "LinearLR": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.8, total_iters=11),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, total_iters=15, power=2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, T_max=9, eta_min=0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, T_mult=2, eta_min=0.001),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, 0.2, step_size_up=4, step_size_down=7),
    "CyclicLR triangular2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.2, 4, mode="triangular2"),
    "CyclicLR exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 4, mode="exp_range", gamma=0.97),
    "CyclicLR scale_fn": lambda s, o: s.CyclicLR(
        o, 0.01, 0.2, 4, scale_fn=lambda x: 1 / x, scale_mode="cycle"
    ),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=EPOCHS + 1),
    "OneCycleLR linear, three phases": lambda s, o: s.OneCycleLR(
        o, [0.5, 0.3], epochs=7, steps_per_epoch=6, anneal_strategy="linear", three_phase=True, pct_start=0.4
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.StepLR(o, 4)], milestones=[5, 20]
    ),
    "SequentialLR with restarts": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=6), s.CosineAnnealingLR(o, 30)], milestones=[6]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)]),
    "SWALR": lambda s, o: s.SWALR(o, 0.02, anneal_epochs=8),
    "SWALR linear": lambda s, o: s.SWALR(o, [0.02, 0.3], anneal_epochs=5, anneal_strategy="linear"),
}


class Names:
    """The schedulers of a library, those for averaged weights among them."""

    def __init__(self, lib):
        self.lib = lib

    def __getattr__(self, name):
        home = self.lib.optim.swa_utils if name == "SWALR" else self.lib.optim.lr_scheduler
        return getattr(home, name)


def two_groups(lib, kind="SGD", lr=0.1):
    groups = [
        {"params": [lib.nn.Parameter(lib.ones(1))]},
        {"params": [lib.nn.Parameter(lib.ones(1))], "lr": 0.4},
    ]
    return getattr(lib.optim, kind)(groups, lr=lr, **({"momentum": 0.9} if kind == "SGD" else {}))


def course(scheduler, optimizer, epochs=EPOCHS):
    """The rates and momenta of each epoch."""
    rows = []
    for _ in range(epochs):
        momenta = [g.get("momentum", g.get("betas", (0,))) for g in optimizer.param_groups]
        momenta = [m[0] if isinstance(m, tuple) else m for m in momenta]
        rows += [float(g["lr"]) for g in optimizer.param_groups] + momenta + scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    return rows


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", CASES)
def test_against_torch(name, kind):
    torch = pytest.importorskip("torch")
    ours, theirs = two_groups(rushlight, kind), two_groups(torch, kind)
    a, b = CASES[name](Names(rushlight), ours), CASES[name](Names(torch), theirs)
    assert course(a, ours) == pytest.approx(course(b, theirs), rel=1e-13)
    ignored = {"_scale_fn_ref", "_is_initial", "_get_lr_called_within_step"}
    assert set(a.state_dict()) - ignored == set(b.state_dict()) - ignored


@pytest.mark.parametrize("name", CASES)
def test_a_state_goes_on_where_it_was_left(name):
    whole, first, second = (two_groups(rushlight) for _ in range(3))
    expected = course(CASES[name](Names(rushlight), whole), whole)
    a = CASES[name](Names(rushlight), first)
    begun = course(a, first, 13)
    b = CASES[name](Names(rushlight), second)
    b.load_state_dict(copy.deepcopy(a.state_dict()))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert begun + course(b, second, EPOCHS - 13) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", ["StepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR", "OneCycleLR"])
def test_a_rate_that_is_a_tensor_is_changed_in_place(name):
    rate = rushlight.tensor(0.1, dtype=rushlight.float64)
    p = [rushlight.nn.Parameter(rushlight.ones(1))]
    optimizer, plain = rushlight.optim.Adam(p, lr=rate), rushlight.optim.Adam(p, lr=0.1)
    names = Names(rushlight)
    a, b = CASES[name](names, optimizer), CASES[name](names, plain)
    for _ in range(20):
        assert rate.item() == pytest.approx(plain.param_groups[0]["lr"], rel=1e-12)
        for part in (optimizer, plain, a, b):
            part.step()
    assert optimizer.param_groups[0]["lr"] is rate


def test_known_rates():
    optimizer = two_groups(rushlight)
    scheduler = rushlight.optim.lr_scheduler.StepLR(optimizer, 2)
    rates = []
    for _ in range(5):
        rates.append(optimizer.param_groups[1]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.4, 0.4, 0.04, 0.04, 0.004])
    optimizer = two_groups(rushlight)
    scheduler = rushlight.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)
    rates = []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.05 * (1 + math.cos(math.pi * k / 4)) for k in range(5)])


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "cooldown"), list(itertools.product(["min", "max"], ["rel", "abs"], [0, 3]))
)
def test_plateaus(mode, threshold_mode, cooldown):
    def run(lib):
        optimizer = two_groups(lib)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode,
            0.5,
            2,
            threshold=0.01,
            threshold_mode=threshold_mode,
            cooldown=cooldown,
            min_lr=[0.01, 0.1],
        )
        rates = []
        for k in range(EPOCHS):
            measure = (1 / (1 + k) if k < 12 else 0.09) * (1 if mode == "min" else -1)
            scheduler.step(measure)
            rates += scheduler.get_last_lr()
        return rates, scheduler.state_dict()

    rates, state = run(rushlight)
    assert rates[0] == 0.1
    assert rates[-2:] == [0.0125 if rates[-2] > 0.01 else 0.01, 0.1]
    torch = pytest.importorskip("torch")
    assert (rates, state) == run(torch)


def test_an_epoch_may_be_named():
    torch = pytest.importorskip("torch")

    def run(lib, name):
        optimizer = two_groups(lib)
        scheduler = CASES[name](Names(lib), optimizer)
        optimizer.step()
        with pytest.warns(UserWarning, match="deprecated"):
            scheduler.step(6)
        return scheduler.get_last_lr()

    for name in ("StepLR", "MultiStepLR", "LinearLR", "ConstantLR", "PolynomialLR", "CosineAnnealingLR"):
        assert run(rushlight, name) == pytest.approx(run(torch, name), rel=1e-13)
    optimizer = two_groups(rushlight)
    scheduler = CASES["CosineAnnealingWarmRestarts"](Names(rushlight), optimizer)
    scheduler.step(7.5)
    assert scheduler.T_cur == 2.5
    assert scheduler.T_i == 10


def test_the_order_of_steps_matters():
    optimizer = two_groups(rushlight)
    scheduler = rushlight.optim.lr_scheduler.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
    optimizer = two_groups(rushlight)
    scheduler = rushlight.optim.lr_scheduler.StepLR(optimizer, 2)
    optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()
    with pytest.warns(UserWarning, match="get_last_lr"):
        scheduler.get_lr()


def test_a_schedule_of_the_users_own():
    class Inverse(rushlight.optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / (1 + self.last_epoch) for base in self.base_lrs]

    optimizer = two_groups(rushlight)
    scheduler = Inverse(optimizer)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda s, o: s.StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (lambda s, o: s.StepLR(o, 1, last_epoch=4), KeyError, "initial_lr.*Load the optimizer's state"),
        (lambda s, o: s.LambdaLR(o, [lambda e: 1]), ValueError, "Expected 2 lr_lambdas"),
        (lambda s, o: s.ConstantLR(o, 2.0), ValueError, "between 0 and 1. It is 2.0"),
        (lambda s, o: s.LinearLR(o, 0.0), ValueError, "Starting multiplicative factor"),
        (lambda s, o: s.OneCycleLR(o, 0.1), ValueError, "how long the training is"),
        (lambda s, o: s.OneCycleLR(o, 0.1, total_steps=-2), ValueError, "positive integer total_steps"),
        (lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"), ValueError, "mode is invalid.*'square'"),
        (lambda s, o: s.CyclicLR(o, [0.1], 0.2), ValueError, "base_lr must have the same length"),
        (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]), ValueError, "0 milestones and not 1"),
        (lambda s, o: s.ChainedScheduler([]), ValueError, "at least one scheduler"),
        (lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), ValueError, "step it apart"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.5), ValueError, "Factor should be < 1.0"),
        (lambda s, o: s.ReduceLROnPlateau(o, mode="low"), ValueError, "mode low is unknown"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(rushlight.optim.lr_scheduler, two_groups(rushlight))
