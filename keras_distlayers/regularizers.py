"""The KL divergence to a prior, as a term of the loss."""

import inspect
from collections.abc import Callable
from typing import Any, Self, TypeAlias

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import reductions
from keras_distlayers._core.captured import untracked
from keras_distlayers._core.errors import message
from keras_distlayers._core.foreign_arguments import RefusesForeignArguments
from keras_distlayers._core.kl_weight import KLWeight
from keras_distlayers._core.saving import serialize
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution, as_distribution
from keras_distlayers.distributions.kl import closed_form_kl, kl_divergence
from keras_distlayers.distributions.monte_carlo_kl import kl_at_draws, monte_carlo_kl

Prior: TypeAlias = Distribution | keras.layers.Layer | Callable[[], Any]
"""What a regularizer keeps of `distribution_b`: a distribution, or what makes one."""


@keras.saving.register_keras_serializable("keras_distlayers.regularizers")
class KLDivergenceRegularizer(RefusesForeignArguments, KLWeight, keras.regularizers.Regularizer):
    """The KL divergence of a layer's distribution to `distribution_b`, in nats per example.

    Pass it to a head as `activity_regularizer`; the head adds the term to the loss. It is
    summed over everything that belongs to one row of the batch and averaged over rows, so
    it depends neither on the batch size nor on the number of draws.

    The term is `weight * max(KL, free_nats)`; what `callbacks.KLMonitor` shows is KL itself.

    Args:
        distribution_b: The prior, a `Distribution` over the same events, or one of another
            library (see `interop`); a function without arguments that makes one, registered
            with Keras so that it is found again as a saved model is loaded; or a Keras layer
            or model that makes one whatever its input, such as `VariableLayer` followed by a
            head, whose weights are trained, saved and loaded with those of the head.
        use_exact_kl: True for the closed form (an error where none is registered), False
            for a Monte Carlo estimate, None for the closed form where there is one.
        num_samples: The number of draws of the estimate. One draw is the layer's own, which
            the decoder sees too, if that is a sample; otherwise draws are made anew. Where draws
            have no gradient (mixtures, counts, labels), the estimate has that of the score
            function, whose noise is much smaller for several draws.
        test_points_fn: In place of `num_samples`: a function of the RandomVariable that
            returns the points, of shape `sample_shape + batch_shape + event_shape`.
        weight: The factor: a number (beta of the beta-VAE), which
            `callbacks.KLWeightScheduler` may change between epochs, or a schedule: a function
            of the training step written in `keras.ops`, such as `schedules.LinearWarmup`.
        free_nats: The number of nats per example that cost nothing.

    Raises:
        TypeError: if `distribution_b` is not one of these, or reads variables that would not be
            trained; if `weight` is a variable, or a function that reads one; when it is called,
            if a layer or a function does not make a distribution; when it is saved, if it could
            not be loaded: a distribution of another library, or a function that is not
            registered.
        ValueError: if `num_samples` is less than 1; when it is called, if the events of the
            prior have another shape, or its batch does not fit.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(keras.ops.zeros(3), 1.0)
        >>> prior = kdl.distributions.Independent(normal, 1)
        >>> kl = kdl.regularizers.KLDivergenceRegularizer(prior, weight=0.5)
        >>> ones = keras.ops.ones((8, 3))
        >>> posterior = kdl.distributions.MultivariateNormalDiag(ones, ones)
        >>> float(kl(posterior))  # half of 3 / 2 nats per example
        0.75

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), equation 3; weight:
    Higgins et al., beta-VAE (2017), equation 4; free_nats: Kingma et al., Improved Variational
    Inference with Inverse Autoregressive Flow (2016), equation 15, with one group.
    """

    def __init__(
        self,
        distribution_b: Any,
        use_exact_kl: bool | None = None,
        num_samples: int = 1,
        test_points_fn: Callable[[Any], Tensor] | None = None,
        weight: float | Callable[[Tensor], Tensor] = 1.0,
        free_nats: float = 0.0,
    ) -> None:
        KLWeight.__init__(self, 1.0 if weight is None else weight, free_nats)
        self.distribution_b = _as_prior(distribution_b)
        self.use_exact_kl = use_exact_kl
        self.num_samples = checked_size("KLDivergenceRegularizer", "num_samples", num_samples)
        self.test_points_fn = test_points_fn

    @property
    def prior_layer(self) -> keras.layers.Layer | None:
        """The layer that makes the prior; None where the prior is fixed."""
        is_layer = isinstance(self.distribution_b, keras.layers.Layer)
        return self.distribution_b if is_layer else None

    def prior(self) -> Distribution:
        """The prior as it is now, for the weights of a prior that is learned."""
        if isinstance(self.distribution_b, Distribution):
            return self.distribution_b
        if (layer := self.prior_layer) is None:
            return _made_by(self.distribution_b, self.distribution_b())
        # The layer ignores its input, which is there because Keras wants one.
        return _made_by(layer, layer(ops.zeros((1, 1))))

    def __call__(self, distribution: Any, step: Tensor = 0) -> Tensor:
        """The term of the loss at a training step: a scalar, in nats per example."""
        rows = reductions.nats_per_row(self.divergence(distribution), where=type(self).__name__)
        kl = reductions.mean_over_rows(*rows)
        return self.penalty(kl, self.weight_at(step))

    def divergence(self, distribution: Any, tensor_is_draw: bool = False) -> Tensor:
        """The KL of each entry of the batch, in nats: closed form or Monte Carlo.

        Args:
            distribution: A `Distribution`, or a RandomVariable.
            tensor_is_draw: Whether the RandomVariable's tensor is a sample of its distribution.
        """
        if not isinstance(distribution, Distribution):
            raise TypeError(
                message(
                    "KLDivergenceRegularizer",
                    expected="a distribution, as the heads of keras_distlayers.layers return",
                    received=f"a {type(distribution).__name__}",
                    fix="Pass the regularizer to a head as `activity_regularizer`.",
                )
            )
        prior = self.prior()
        _check_shapes(distribution, prior)
        if backend.only_shapes():  # where the prior's tensors are not: they would not mix
            return ops.zeros(distribution.dynamic_batch_shape(), distribution.dtype)
        if self.use_exact_kl:
            return kl_divergence(distribution, prior)
        exact = None if self.use_exact_kl is False else closed_form_kl(distribution, prior)
        return self._monte_carlo(distribution, prior, tensor_is_draw) if exact is None else exact

    def _monte_carlo(self, a: Distribution, b: Distribution, tensor_is_draw: bool) -> Tensor:
        if self.test_points_fn is not None:
            return kl_at_draws(a, b, self.test_points_fn(a))
        return monte_carlo_kl(a, b, self.num_samples, tensor_is_draw)

    def get_config(self) -> dict[str, Any]:
        weight, points, name = self.weight, self.test_points_fn, type(self).__name__
        return {
            "distribution_b": _serialized_prior(self.distribution_b),
            "use_exact_kl": self.use_exact_kl,
            "num_samples": self.num_samples,
            "test_points_fn": serialize(points, where=f"{name}, argument `test_points_fn`"),
            "weight": serialize(weight, where=f"{name}, argument `weight`")
            if callable(weight)
            else float(weight),
            "free_nats": self.free_nats,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


_PRIOR = "KLDivergenceRegularizer, argument `distribution_b`"


def _as_prior(prior: Any) -> Prior:
    distribution = as_distribution(prior)
    if distribution is not None:
        _check_is_trained(", ".join(distribution.variable_names))
        return distribution
    if isinstance(prior, keras.layers.Layer):
        return prior
    if inspect.isroutine(prior):
        _check_is_trained(untracked(prior))
        return prior
    raise TypeError(
        message(
            _PRIOR,
            expected="a distribution, a layer that makes one, or a function that makes one",
            received=f"distribution_b={prior!r}",
        )
    )


def _check_is_trained(name: str | None) -> None:
    """Refuses a prior with trainable variables that Keras would not find."""
    if name:
        raise TypeError(
            message(
                _PRIOR,
                expected="a fixed prior, or a layer whose weights Keras finds and trains",
                received=f"a prior that reads `{name}`, which would not be trained",
                fix="Make the prior a layer: keras.Sequential([VariableLayer(2 * d), "
                "IndependentNormal(d)]).",
            )
        )


def _made_by(maker: Any, result: Any) -> Distribution:
    distribution = as_distribution(result)
    if distribution is not None:
        return distribution
    is_layer = isinstance(maker, keras.layers.Layer)
    name = f"{type(maker).__name__} '{maker.name}'" if is_layer else repr(maker)
    raise TypeError(
        message(
            _PRIOR,
            expected=f"a {'layer' if is_layer else 'function'} that makes a distribution",
            received=f"{name}, which returns a {type(result).__name__}",
            fix="End a layer with a head: keras.Sequential([VariableLayer(2 * d), "
            "IndependentNormal(d)]).",
        )
    )


def _serialized_prior(prior: Prior) -> Any:
    """For a file; what could not be loaded from it is refused here, not then."""
    if inspect.isroutine(prior):
        name = keras.saving.get_registered_name(prior)
        if keras.saving.get_registered_object(name) is not prior:
            raise TypeError(
                message(
                    _PRIOR,
                    expected="a function that can be found as the model is loaded",
                    received=f"{prior!r}, which is not registered",
                    fix="Decorate it with `@keras.saving.register_keras_serializable()`.",
                )
            )
    return keras.saving.serialize_keras_object(prior)


def _check_shapes(posterior: Distribution, prior: Distribution) -> None:
    """Refuses a prior over other events, or one that differs from row to row.

    One with more axes than the batch is refused too: the KL of all rows would be that of one.
    """
    if prior.event_shape != posterior.event_shape:
        raise ValueError(
            message(
                _PRIOR,
                expected=f"a prior over the same events, event_shape={posterior.event_shape}",
                received=f"event_shape={prior.event_shape}",
            )
        )
    batch_shape = prior.batch_shape
    # The axis of the rows, and what stands to the left of it.
    leading = batch_shape[: max(0, len(batch_shape) - len(posterior.batch_shape) + 1)]
    is_longer = len(batch_shape) > max(1, len(posterior.batch_shape))
    if is_longer or any(n != 1 for n in leading):
        raise ValueError(
            message(
                _PRIOR,
                expected="one prior for all rows of the batch, such as one of batch_shape=()",
                received=f"batch_shape={batch_shape}",
                fix="Take one vector of raw parameters: VariableLayer(params_size).",
            )
        )


__all__ = ["KLDivergenceRegularizer"]
