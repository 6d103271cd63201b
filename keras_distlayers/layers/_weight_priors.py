"""Priors over the weights of a layer, and makers of distributions over that many weights."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution, Independent, Normal
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers.default_weight_distributions import default_multivariate_normal_fn
from keras_distlayers.layers.parameters import Positive, starts_at
from keras_distlayers.regularizers import KLDivergenceRegularizer


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class LearnedScaleNormal(SavedArguments, keras.layers.Layer):
    """Normal distributions around 0 with one standard deviation, which is trained."""

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.size = size

    def build(self, input_shape: Any = None) -> None:
        one = starts_at(1.0, Positive())
        self.raw_scale = self.add_weight(
            shape=(), initializer=one, name="raw_scale", autocast=False
        )
        self.built = True

    def call(self, inputs: Tensor) -> Distribution:
        scale = Positive().forward(ops.convert_to_tensor(self.raw_scale))
        return for_each_weight(Normal(0.0, scale), self.size)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class NormalAroundWeights(SavedArguments, keras.layers.Layer):
    """Normal distributions around weights of a trained layer, which stay as they are."""

    def __init__(self, size: int, stddev: float, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.size, self.stddev = size, stddev

    def build(self, input_shape: Any = None) -> None:
        # As the posterior's parameters: log probabilities need float32's digits.
        dtype = "float64" if self.variable_dtype == "float64" else "float32"
        self.loc = self.add_weight(
            (self.size,), "zeros", dtype, trainable=False, autocast=False, name="loc"
        )
        self.built = True

    def call(self, inputs: Tensor) -> Distribution:
        return Independent(Normal(ops.convert_to_tensor(self.loc), self.stddev), 1)


PRIORS: dict[str, Callable[[int], Any]] = {
    "standard_normal": default_multivariate_normal_fn,
    "learned_scale_normal": LearnedScaleNormal,
}
"""For each name a function of the number of weights that returns what makes the prior."""


def for_each_weight(prior: Distribution, size: int) -> Distribution:
    """A prior over a vector of weights; one over numbers is that of each of them."""
    if prior.event_shape or prior.batch_shape not in ((), (size,)):
        return prior
    return Independent(prior.expand((size,)), 1)


def checked_prior(prior: Any) -> Any:
    """The argument `prior`; a distribution of another library as one of this package."""
    if isinstance(prior, str):
        if prior in PRIORS:
            return prior
        raise ValueError(
            message(
                "Variational, argument `prior`",
                expected=f"one of {sorted(PRIORS)}, a distribution, or what makes one",
                received=f"prior={prior!r}",
            )
        )
    if inspect.isroutine(prior) or isinstance(prior, keras.layers.Layer):
        return prior
    return KLDivergenceRegularizer(prior).distribution_b


def prior_maker(prior: Any, size: int) -> Any:
    """What the regularizer takes: a layer, or a function without arguments.

    A function, so that the tensors of a fixed prior are of the graph that reads them: Keras may
    build the layer in another one.
    """
    maker = PRIORS[prior] if isinstance(prior, str) else prior
    made = made_for(maker, size)
    if isinstance(made, Distribution):
        return lambda: for_each_weight(made_for(maker, size), size)
    return made


def made_for(maker: Any, size: int) -> Any:
    """A layer or a distribution as it is; what a function makes of the number of weights."""
    is_ready = isinstance(maker, keras.layers.Layer | Distribution)
    return maker if is_ready else maker(size)


__all__ = [
    "PRIORS",
    "NormalAroundWeights",
    "checked_prior",
    "for_each_weight",
    "made_for",
    "prior_maker",
]
