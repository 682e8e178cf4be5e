"""Probability distributions: samples, densities, entropies and divergences, all with gradients."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

_HOMES = {
    "bernoulli": "Bernoulli",
    "beta": "Beta",
    "binomial": "Binomial",
    "categorical": "Categorical",
    "cauchy": "Cauchy",
    "dirichlet": "Dirichlet",
    "distribution": "Distribution ExponentialFamily",
    "exponential": "Exponential",
    "gamma": "Gamma Chi2",
    "geometric": "Geometric",
    "gumbel": "Gumbel",
    "half_cauchy": "HalfCauchy",
    "half_normal": "HalfNormal",
    "independent": "Independent",
    "kl": "kl_divergence register_kl",
    "laplace": "Laplace",
    "log_normal": "LogNormal",
    "mixture_same_family": "MixtureSameFamily",
    "multinomial": "Multinomial",
    "multivariate_normal": "MultivariateNormal",
    "negative_binomial": "NegativeBinomial",
    "normal": "Normal",
    "one_hot_categorical": "OneHotCategorical OneHotCategoricalStraightThrough",
    "pareto": "Pareto",
    "poisson": "Poisson",
    "relaxed_bernoulli": "RelaxedBernoulli",
    "relaxed_categorical": "RelaxedOneHotCategorical",
    "studentT": "StudentT",
    "transformed_distribution": "TransformedDistribution",
    "transforms": """
        AbsTransform AffineTransform ComposeTransform ExpTransform IndependentTransform PowerTransform
        SigmoidTransform SoftmaxTransform SoftplusTransform StickBreakingTransform TanhTransform Transform
        identity_transform
    """,
    "uniform": "Uniform",
    "weibull": "Weibull",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = list(_MODULE_OF)

if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...  # the names above

else:

    def __getattr__(name: str) -> _Any:
        """Loads what is asked for: programs use a few of them."""
        if name in _MODULE_OF:
            found = getattr(_import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        elif name in _HOMES or name in ("constraints", "utils", "chi2"):
            found = _import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module 'rushlight.distributions' has no attribute '{name}'")
        globals()[name] = found
        return found
