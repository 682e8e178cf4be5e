"""Losses: values and gradients of two orders, known numbers, warnings and messages."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from tests.support.against_torch import same

import rushlight
import rushlight.nn.functional as F
from rushlight.runtime import settings

REDUCTIONS = ("mean", "sum", "none")
generator = np.random.default_rng(71)


def reals(*shape):
    return generator.standard_normal(shape)


def shares(*shape):
    return generator.uniform(0.05, 0.95, shape)


def signs(*shape):
    return generator.choice([-1.0, 1.0], shape)


OF_NUMBERS = [
    ("mse_loss", (reals(4, 3), reals(4, 3)), {}),
    ("l1_loss", (reals(4, 3), reals(4, 3)), {}),
    ("smooth_l1_loss", (reals(4, 3), reals(4, 3)), {"beta": 0.4}),
    ("smooth_l1_loss", (reals(5), reals(5)), {"beta": 0.0}),
    ("huber_loss", (reals(4, 3), reals(4, 3)), {"delta": 0.3}),
    ("binary_cross_entropy", (0.2 + shares(4, 3) / 2, shares(4, 3)), {}),
    ("binary_cross_entropy_with_logits", (reals(4, 3) * 4, shares(4, 3)), {}),
    ("kl_div", (np.log(shares(4, 3)), shares(4, 3)), {}),
    ("kl_div", (np.log(shares(4, 3)), np.log(shares(4, 3))), {"log_target": True}),
    ("poisson_nll_loss", (reals(4, 3), 3 * shares(4, 3)), {"full": True}),
    ("poisson_nll_loss", (shares(4, 3), shares(4, 3)), {"log_input": False}),
    ("gaussian_nll_loss", (reals(4, 3), reals(4, 3), shares(4, 3)), {"full": True}),
    ("margin_ranking_loss", (reals(6), reals(6), signs(6)), {"margin": 0.2}),
    ("hinge_embedding_loss", (reals(4, 3), signs(4, 3)), {"margin": 0.7}),
    ("cosine_embedding_loss", (reals(4, 3), reals(4, 3), signs(4)), {"margin": 0.1}),
    ("triplet_margin_loss", (reals(4, 3), reals(4, 3), reals(4, 3)), {"swap": True}),
    ("triplet_margin_loss", (reals(4, 3), reals(4, 3), reals(4, 3)), {"p": 3}),
    ("multilabel_soft_margin_loss", (reals(4, 3), shares(4, 3)), {}),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "arrays", "options"), OF_NUMBERS)
@pytest.mark.filterwarnings("ignore")
def test_losses_of_numbers_agree_with_pytorch_up_to_second_gradients(name, arrays, options, reduction):
    pytest.importorskip("torch")
    same(lambda f, *t: getattr(f.nn.functional, name)(*t, reduction=reduction, **options), *arrays, order=2)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weights_of_elements_have_gradients_too(name, reduction):
    pytest.importorskip("torch")
    call = lambda f, x, t, w: getattr(f.nn.functional, name)(x, t, reduction=reduction, weight=w)  # noqa: E731
    same(call, reals(3, 4), reals(3, 4), shares(3, 4), order=2)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_weights_of_binary_cross_entropies(reduction):
    pytest.importorskip("torch")

    weight, positive, truth = shares(4, 3), 3 * shares(3), signs(4, 3)

    def logits(f, x, t):
        w, p = f.from_numpy(weight.copy()), f.from_numpy(positive.copy())
        call = f.nn.functional.binary_cross_entropy_with_logits
        return call(x, t, weight=w, pos_weight=p, reduction=reduction)

    def soft(f, x):
        return f.nn.functional.soft_margin_loss(x, f.from_numpy(truth.copy()), reduction=reduction)

    same(logits, reals(4, 3), shares(4, 3), order=2)
    same(soft, reals(4, 3), order=2)


SCORES = [(6, 4), (3, 4, 5), (2, 3, 2, 3), (5,)]


def labels_for(shape):
    classes = shape[0] if len(shape) == 1 else shape[1]
    return generator.integers(0, classes, (*shape[:1], *shape[2:]) if len(shape) > 1 else ()), classes


@pytest.mark.parametrize("shape", SCORES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", [{}, {"ignore_index": 1}, {"label_smoothing": 0.2}])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_labels_agrees_with_pytorch(shape, reduction, options, weighted):
    pytest.importorskip("torch")
    labels, classes = labels_for(shape)
    labels = np.where(labels == 1, 1 if shape != (5,) else 0, labels)
    weight = shares(classes)

    def call(f, x):
        w = f.from_numpy(weight.copy()) if weighted else None
        t = f.from_numpy(np.array(labels))
        return f.nn.functional.cross_entropy(x, t, weight=w, reduction=reduction, **options)

    same(call, reals(*shape) * 3, order=2)


@pytest.mark.parametrize("shape", SCORES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_of_probabilities_agrees_with_pytorch(shape, reduction, smoothing):
    pytest.importorskip("torch")
    call = lambda f, x, t: f.nn.functional.cross_entropy(  # noqa: E731
        x, t, reduction=reduction, label_smoothing=smoothing
    )
    same(call, reals(*shape), shares(*shape), order=2)


@pytest.mark.parametrize("shape", SCORES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", [-100, 0])
def test_nll_loss_agrees_with_pytorch(shape, reduction, ignored):
    pytest.importorskip("torch")
    labels, classes = labels_for(shape)
    weight = shares(classes)

    def call(f, x):
        t, w = f.from_numpy(np.array(labels)), f.from_numpy(weight.copy())
        return f.nn.functional.nll_loss(x * x, t, weight=w, ignore_index=ignored, reduction=reduction)

    if shape == (5,) and ignored == 0:
        labels = np.array(1)
    same(call, reals(*shape), order=2)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_margins_between_classes_agree_with_pytorch(p, reduction):
    pytest.importorskip("torch")
    labels, lists = np.array([1, 0, 3]), np.array([[1, 2, -1, 0], [3, -1, 1, 1], [-1, 2, 2, 2]])
    weight = shares(4)

    def single(f, x):
        t, w = f.from_numpy(labels.copy()), f.from_numpy(weight.copy())
        return f.nn.functional.multi_margin_loss(x, t, p=p, weight=w, reduction=reduction)

    def several(f, x):
        return f.nn.functional.multilabel_margin_loss(x, f.from_numpy(lists.copy()), reduction=reduction)

    same(single, reals(3, 4), order=1)
    same(several, reals(3, 4), order=1)


def test_cross_entropy_keeps_its_digits_where_the_scores_are_extreme():
    """A sure and right answer has a tiny loss; a sure and wrong one a large one; neither is nan."""
    x = rushlight.tensor([[120.0, 0.0], [0.0, 500.0], [5.0, 0.0]], requires_grad=True)
    losses = F.cross_entropy(x, rushlight.tensor([0, 0, 0]), reduction="none")
    np.testing.assert_allclose(losses.detach().numpy(), [0.0, 500.0, 6.715348e-3], rtol=1e-5, atol=1e-30)
    losses.sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[1], [-1.0, 1.0])


def test_known_values():
    a, b = rushlight.tensor([1.0, 2.0]), rushlight.tensor([3.0, 0.5])
    assert F.mse_loss(a, b).item() == pytest.approx((4 + 2.25) / 2)
    assert F.l1_loss(a, b, reduction="sum").item() == pytest.approx(3.5)
    even = F.cross_entropy(rushlight.zeros(3, 7), rushlight.tensor([0, 3, 6]))
    assert even.item() == pytest.approx(math.log(7))
    assert F.binary_cross_entropy_with_logits(rushlight.zeros(4), rushlight.ones(4)).item() == pytest.approx(
        math.log(2)
    )


def test_nodes_have_the_names_that_pytorch_prints():
    x = rushlight.ones(3, 2, requires_grad=True)
    assert type(F.mse_loss(x, x.detach()).grad_fn).__name__ == "MseLossBackward0"
    assert type(F.cross_entropy(x, rushlight.tensor([0, 1, 1])).grad_fn).__name__ == "NllLossBackward0"


def test_nothing_ignored_leaves_nothing_to_average():
    x, t = rushlight.zeros(2, 3), rushlight.tensor([-100, -100])
    assert math.isnan(F.cross_entropy(x, t).item())
    assert F.cross_entropy(x, t, reduction="sum").item() == 0


def test_old_arguments_still_mean_what_they_did():
    a, b = rushlight.tensor([1.0, 2.0]), rushlight.tensor([3.0, 0.5])
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.mse_loss(a, b, size_average=False).item() == pytest.approx(6.25)
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.mse_loss(a, b, reduce=False).shape == (2,)


def test_a_target_of_another_size_is_warned_of():
    with pytest.warns(UserWarning, match=r"target size \(\[4\]\)"):
        F.mse_loss(rushlight.zeros(4, 1), rushlight.zeros(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.mse_loss(rushlight.zeros(4, 1), rushlight.zeros(4, 1))


MISTAKES = [
    (lambda x: F.cross_entropy(x, rushlight.tensor([0.0, 1.0])), RuntimeError, r"target\.long\(\)"),
    (lambda x: F.cross_entropy(x, rushlight.tensor([0, 3])), IndexError, "Target 3 is out of bounds"),
    (lambda x: F.cross_entropy(x, rushlight.tensor([0])), ValueError, "batch_size"),
    (lambda x: F.nll_loss(x, rushlight.tensor([0, -1])), IndexError, "Target -1"),
    (lambda x: F.mse_loss(x, x, reduction="avg"), ValueError, "avg is not a valid value"),
    (lambda x: F.binary_cross_entropy(x + 2, x), RuntimeError, "between 0 and 1"),
    (lambda x: F.binary_cross_entropy(x, x[0]), ValueError, "must be the same"),
    (lambda x: F.cross_entropy(x, x, label_smoothing=2.0), RuntimeError, "between 0.0 and 1.0"),
    (lambda x: F.triplet_margin_loss(x, x, x, margin=-1), ValueError, "greater than 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES)
def test_messages_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call(rushlight.zeros(2, 3))


@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"zero_infinity": True, "reduction": "sum"}])
def test_ctc_loss_agrees_with_pytorch(options):
    torch = pytest.importorskip("torch")
    x = torch.tensor(reals(8, 3, 5)).log_softmax(2).numpy()
    labels, lengths, times = np.array([1, 1, 4, 2, 3, 4]), [3, 0, 3], [8, 5, 7]

    def call(f, x):
        return f.nn.functional.ctc_loss(
            x, f.from_numpy(labels.copy()), f.tensor(times), f.tensor(lengths), **options
        )

    same(call, x, order=1)


def test_ctc_loss_of_one_step_is_the_likelihood_of_its_label():
    x = rushlight.tensor([[[0.2, 0.3, 0.5]]]).log()
    loss = F.ctc_loss(x, rushlight.tensor([[2]]), [1], [1])
    assert loss.item() == pytest.approx(-math.log(0.5))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_kernel_of_large_squared_errors_agrees_with_numpy(reduction):
    x, t = reals(100, 90).astype("float32"), reals(100, 90).astype("float32")
    found = []
    for mode in ("off", "auto"):
        before = settings.set_kernel_mode(mode)
        a, b = (rushlight.tensor(v, requires_grad=True) for v in (x, t))
        loss = F.mse_loss(a, b, reduction=reduction)
        loss.backward()
        found.append((loss.item(), a.grad.numpy(), b.grad.numpy()))
        settings.set_kernel_mode(before)
    for ours, numpys in zip(*found, strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=1e-5)
