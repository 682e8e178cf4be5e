"""Distributions: samples from a seed, densities, moments, entropies, divergences and gradients."""

import math

import pytest

import rushlight
from rushlight.distributions import kl_divergence

COVARIANCE = "t.tensor([[2.0, 0.5], [0.5, 1.0]])"
CASES = (
    """
Normal(t.tensor([0.0, 1.5]), t.tensor([1.0, 0.3]))
Normal(0.5, 2.0)
Bernoulli(t.tensor([0.3, 0.8]))
Bernoulli(logits=t.tensor([-0.4, 2.0]))
Categorical(t.tensor([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]))
Categorical(logits=t.tensor([0.3, -1.0, 2.0]))
OneHotCategorical(t.tensor([0.2, 0.3, 0.5]))
Uniform(t.tensor([-1.0, 0.0]), t.tensor([2.0, 0.5]))
Exponential(t.tensor([0.5, 3.0]))
Laplace(t.tensor([0.0, 1.0]), t.tensor([1.0, 0.2]))
Cauchy(t.tensor([0.0]), t.tensor([1.5]))
Poisson(t.tensor([0.7, 4.0]))
Geometric(t.tensor([0.2, 0.7]))
Gamma(t.tensor([0.5, 3.0]), t.tensor([1.0, 2.0]))
Chi2(t.tensor([3.0]))
Beta(t.tensor([0.5, 3.0]), t.tensor([1.0, 2.0]))
Dirichlet(t.tensor([0.5, 1.5, 3.0]))
Binomial(7, t.tensor([0.3, 0.6]))
Multinomial(5, t.tensor([0.2, 0.3, 0.5]))
StudentT(t.tensor([3.5, 5.0]), 0.5, 2.0)
HalfNormal(t.tensor([1.0, 0.2]))
HalfCauchy(t.tensor([1.0]))
LogNormal(t.tensor([0.0, 1.0]), t.tensor([0.5, 0.2]))
Gumbel(t.tensor([0.0, 1.0]), t.tensor([1.0, 2.0]))
MultivariateNormal(t.tensor([1.0, -1.0]), COVARIANCE)
MultivariateNormal(t.zeros(2), precision_matrix=COVARIANCE)
Weibull(t.tensor([1.0, 2.0]), t.tensor([1.5, 0.8]))
Pareto(t.tensor([1.0, 2.0]), t.tensor([3.0, 2.5]))
NegativeBinomial(t.tensor([3.0, 5.0]), t.tensor([0.4, 0.2]))
RelaxedBernoulli(t.tensor([0.7]), t.tensor([0.3, 0.6]))
RelaxedOneHotCategorical(t.tensor([0.7]), t.tensor([0.2, 0.3, 0.5]))
Independent(d.Normal(t.zeros(3), t.ones(3)), 1)
TransformedDistribution(d.Normal(t.zeros(2), t.ones(2)), [d.TanhTransform()])
TransformedDistribution(d.Normal(t.zeros(2), 1.0), [d.AffineTransform(1.0, -2.0), d.SigmoidTransform()])
TransformedDistribution(d.Normal(t.zeros(2), t.ones(2)), d.StickBreakingTransform())
MixtureSameFamily(d.Categorical(t.tensor([0.3, 0.7])), d.Normal(t.tensor([-1.0, 2.0]), t.tensor([0.5, 1.0])))
""".replace("COVARIANCE", COVARIANCE)
    .strip()
    .splitlines()
)
WORDS = "mean mode variance stddev batch_shape event_shape"


def build(t, expression):
    return eval(f"d.{expression}", {"t": t, "d": t.distributions})


def close(ours, theirs, **tolerance):
    import torch

    ours, theirs = torch.as_tensor(ours.tolist()).double(), theirs.double()
    torch.testing.assert_close(ours, theirs, equal_nan=True, **{"rtol": 2e-5, "atol": 1e-6, **tolerance})


def both(expression):
    torch = pytest.importorskip("torch")
    return torch, build(rushlight, expression), build(torch, expression)


@pytest.mark.parametrize("expression", CASES)
def test_samples_and_their_densities_are_pytorchs(expression):
    torch, ours, theirs = both(expression)
    rushlight.manual_seed(3), torch.manual_seed(3)
    mine, value = ours.sample((4, 2)), theirs.sample((4, 2))
    assert tuple(mine.shape) == tuple(value.shape)
    close(mine, value)
    close(ours.log_prob(rushlight.tensor(value.tolist())), theirs.log_prob(value), rtol=1e-4, atol=1e-5)
    assert repr(ours).split("(")[0] == repr(theirs).split("(")[0]


@pytest.mark.parametrize("expression", CASES)
def test_moments_entropy_and_cdf_are_pytorchs(expression):
    torch, ours, theirs = both(expression)
    for word in WORDS.split():
        try:
            expected = getattr(theirs, word)
        except NotImplementedError:
            continue
        found = getattr(ours, word)
        assert tuple(found) == tuple(expected) if "shape" in word else close(found, expected) is None
    torch.manual_seed(0)
    value = theirs.sample()
    for method, arguments in (("entropy", ()), ("cdf", (value,)), ("enumerate_support", ())):
        try:
            expected = getattr(theirs, method)(*arguments)
        except NotImplementedError:
            continue
        close(getattr(ours, method)(*[rushlight.tensor(a.tolist()) for a in arguments]), expected)


@pytest.mark.parametrize("expression", CASES)
def test_expansion_keeps_the_distribution(expression):
    _, ours, theirs = both(expression)
    shape = (3, *theirs.batch_shape)
    wide, expected = ours.expand(shape), theirs.expand(shape)
    value = theirs.sample()
    close(wide.log_prob(rushlight.tensor(value.tolist())), expected.log_prob(value), rtol=1e-4, atol=1e-5)
    assert tuple(wide.sample((2,)).shape) == tuple(expected.sample((2,)).shape)


@pytest.mark.parametrize(
    "expression",
    [
        "Normal(p, p)", "Uniform(-p, p)", "Exponential(p)", "Laplace(p, p)", "Gumbel(p, p)",
        "LogNormal(p, p)",
        "Gamma(p, p)", "StudentT(p + 2, p, p)", "MultivariateNormal(p, t.eye(2) * p)", "Cauchy(p, p)",
        "RelaxedBernoulli(p, logits=p)", "Weibull(p, p)",
    ],
)  # fmt: skip
def test_gradients_go_through_samples(expression):
    torch = pytest.importorskip("torch")
    grads = []
    for t in (rushlight, torch):
        t.manual_seed(1)
        p = t.tensor([0.7, 1.8], requires_grad=True)
        scope = {"t": t, "d": t.distributions, "p": p}
        sample = eval(f"d.{expression}", scope).rsample((5,))
        (sample * t.arange(10.0).reshape(5, 2)).sum().backward()
        grads.append(p.grad)
    close(*grads, rtol=2e-3, atol=2e-3)  # PyTorch's own gradients of gamma numbers are good to 1e-3


PAIRS = (
    """
Normal(p, q) Normal(q, p)|Bernoulli(p / 2) Bernoulli(q / 3)|Categorical(p) Categorical(q)
Gamma(p, q) Gamma(q, p)|Beta(p, q) Beta(q, p)|Dirichlet(p) Dirichlet(q)|Exponential(p) Exponential(q)
Laplace(p, q) Laplace(q, p)|Uniform(p, p + 1) Uniform(p - 1, p + q + 1)|Poisson(p) Poisson(q)
Geometric(p / 2) Geometric(q / 3)|HalfNormal(p) HalfNormal(q)|LogNormal(p, q) LogNormal(q, p)
Cauchy(p, q) Cauchy(q, p)|Binomial(5, p / 2) Binomial(5, q / 3)|Uniform(p, p + 1) Normal(q, p)
MultivariateNormal(p, t.eye(2)) MultivariateNormal(q, 2*t.eye(2))|OneHotCategorical(p) OneHotCategorical(q)
Independent(d.Normal(p,q),1) Independent(d.Normal(q,p),1)
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


@pytest.mark.parametrize("pair", PAIRS)
def test_divergences_are_pytorchs(pair):
    torch = pytest.importorskip("torch")
    found = []
    for t in (rushlight, torch):
        scope = {"t": t, "d": t.distributions, "p": t.tensor([0.7, 1.3]), "q": t.tensor([0.4, 2.0])}
        one, other = (
            pair.replace(" - ", "-").replace(" + ", "+").replace(" / ", "/").replace(", ", ",").split(" ")
        )
        found.append(t.distributions.kl_divergence(eval(f"d.{one}", scope), eval(f"d.{other}", scope)))
    close(*found)


def test_a_policy_learns_what_pays():
    """Without PyTorch too: the score-function gradient of a Categorical finds the best arm."""
    rushlight.manual_seed(0)
    logits = rushlight.zeros(3, requires_grad=True)
    optimizer = rushlight.optim.Adam([logits], lr=0.1)
    for _ in range(60):
        policy = rushlight.distributions.Categorical(logits=logits)
        arms = policy.sample((32,))
        loss = -(policy.log_prob(arms) * (arms == 2).float()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert rushlight.softmax(logits, 0)[2] > 0.9


def test_densities_known_by_heart():
    d = rushlight.distributions
    assert d.Normal(0.0, 1.0).log_prob(rushlight.tensor(0.0)).item() == pytest.approx(
        -0.5 * math.log(2 * math.pi)
    )
    assert d.Exponential(2.0).cdf(rushlight.tensor(1.0)).item() == pytest.approx(1 - math.exp(-2))
    assert d.Categorical(rushlight.ones(4)).entropy().item() == pytest.approx(math.log(4))
    assert kl_divergence(d.Normal(0.0, 1.0), d.Normal(0.0, 1.0)).item() == 0


def test_what_is_known_of_a_distribution_is_shown():
    d = rushlight.distributions
    arms = d.Categorical(rushlight.ones(3))
    assert str(arms) == "Categorical(probs: torch.Size([3]))"
    arms.log_prob(arms.sample())
    assert str(arms) == "Categorical(probs: torch.Size([3]), logits: torch.Size([3]))"
    assert str(d.Binomial(3, logits=rushlight.zeros(2))) == (
        "Binomial(total_count: torch.Size([2]), logits: torch.Size([2]))"
    )


def test_bad_parameters_and_values_are_refused():
    d = rushlight.distributions
    with pytest.raises(ValueError, match=r"parameter scale .* GreaterThan"):
        d.Normal(0.0, -1.0)
    with pytest.raises(ValueError, match="Either `probs` or `logits`"):
        d.Bernoulli()
    with pytest.raises(ValueError, match="within the support"):
        d.Bernoulli(0.5).log_prob(rushlight.tensor(0.5))
    with pytest.raises(NotImplementedError, match="register_kl"):
        kl_divergence(d.Normal(0.0, 1.0), d.Poisson(1.0))
    d.Normal(0.0, -1.0, validate_args=False)
