"""The one table of heads: what each is called, and how it is made with further options."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

import keras_distlayers as kdl

FLOOR = 1e-5


@keras.saving.register_keras_serializable("tests")
def make_normal(t):
    return kdl.distributions.Normal(t[..., 0], ops.softplus(t[..., 1]) + FLOOR)


@dataclasses.dataclass(frozen=True)
class Row:
    """A head of the table.

    Attributes:
        name: What tests of it are called.
        make: Makes the head; keywords are those that every head takes.
        size: The length of the last axis of its input, where the head does not say it.
    """

    name: str
    make: Callable[..., kdl.layers.Head]
    size: int | None = None

    @property
    def num_params(self) -> int:
        return self.size or self.make().num_params


def row(head: type, *arguments: Any, name: str = "", size: int | None = None, **options) -> Row:
    """A head of a class, called by the class's name and by that of the row, if any."""
    return Row(
        f"{head.__name__}-{name}" if name else head.__name__,
        lambda **more: head(*arguments, **options, **more),
        size,
    )


def row_of_component(head: type, *arguments: Any, component: Callable, name: str = "") -> Row:
    """A head around another one, which is made with it, not as tests are collected."""
    return Row(
        f"{head.__name__}-{name}" if name else head.__name__,
        lambda **more: head(*arguments, component(), **more),
    )


# Events of two entries, wherever nothing else is meant: on JAX each primitive is compiled anew
# for a new shape, and that is where the time goes.
HEADS = (
    row(kdl.layers.MultivariateNormalTriL, 2),
    row(kdl.layers.MultivariateNormalDiag, 2),
    row(kdl.layers.MultivariateNormalLowRank, 2, 1),
    row(kdl.layers.IndependentNormal, 2),
    row(kdl.layers.IndependentNormal, (2, 1), name="matrix"),
    row(kdl.layers.IndependentNormal, name="scalar"),
    row(kdl.layers.IndependentBernoulli, (2, 2, 1), name="image"),
    row(kdl.layers.IndependentBernoulli, 2),
    row(kdl.layers.IndependentPoisson, 2),
    row(kdl.layers.IndependentPoisson, name="scalar"),
    row(kdl.layers.IndependentNegativeBinomial, 2),
    row_of_component(
        kdl.layers.ZeroInflated,
        component=lambda: kdl.layers.IndependentPoisson(2),
        name="Poisson",
    ),
    row_of_component(
        kdl.layers.ZeroInflated,
        component=kdl.layers.IndependentNegativeBinomial,
        name="NegativeBinomial",
    ),
    row(kdl.layers.Categorical, 3),
    row(kdl.layers.OrderedLogistic, 4),
    row(kdl.layers.OneHotCategorical, 2),
    row(kdl.layers.CategoricalMixtureOfOneHotCategorical, 2, 2),
    row(kdl.layers.IndependentLogistic, 2),
    row(kdl.layers.IndependentLaplace, 2),
    row(kdl.layers.IndependentStudentT, 2),
    row(kdl.layers.IndependentLogNormal, 2),
    row(kdl.layers.IndependentExponential, 2),
    row(kdl.layers.IndependentGamma, 2),
    row(kdl.layers.IndependentBeta, 2),
    row(kdl.layers.IndependentVonMises, 2),
    row(kdl.layers.IndependentTruncatedNormal, 2, -1.0, 2.0),
    row(kdl.layers.IndependentTruncatedNormal, 2, name="half"),
    row(kdl.layers.IndependentCensoredNormal, 2, -0.5),
    row(kdl.layers.IndependentQuantile, 2, level=0.3),
    row_of_component(
        kdl.layers.MixtureSameFamily, 2, component=lambda: kdl.layers.MultivariateNormalTriL(2)
    ),
    row(kdl.layers.MixtureNormal, 2, 2),
    row(kdl.layers.MixtureLogistic, 2),
    row(kdl.layers.IndependentQuantizedLogisticMixture, 2, 2, low=0, high=5),
    row(kdl.layers.Dirichlet, 2),
    row_of_component(
        kdl.layers.Standardized, component=lambda: kdl.layers.MultivariateNormalDiag(2)
    ),
    row(kdl.layers.DistributionLambda, make_normal, size=2),
)

HEAD = {head.name: head for head in HEADS}
