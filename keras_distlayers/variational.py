"""Whole models with distributions over their weights: made from plain ones, and made plain."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.layers.parameters import Positive
from keras_distlayers.layers.variational import (
    NormalAroundWeights,
    UncertainWeights,
    Variational,
    is_kernel,
)
from keras_distlayers.layers.weight_posteriors import MeanFieldNormalPosterior, WeightPosterior

_SMALLEST_STDDEV = 1e-4


def from_deterministic(
    model: keras.Model,
    dataset_size: float,
    *,
    relative_stddev: float | None = None,
    prior_stddev: float | None = None,
    **options: Any,
) -> keras.Model:
    """A copy of a model in which each layer with a kernel or embeddings is `layers.Variational`.

    The weights are the means of the posteriors, so a trained model predicts at the mean what it
    did. The copy is not compiled. Layers keep their names.

    Args:
        model: A Sequential or Functional model, built or trained, with others nested inside.
        dataset_size: The number of training examples.
        relative_stddev: Where it is given, each weight begins with this factor times its
            magnitude as its standard deviation, at least 1e-4, as in MOPED; 0.1 is usual. None
            for the same standard deviation everywhere.
        prior_stddev: Where it is given, the prior of each weight is normal around the weight
            that the model has, with this standard deviation, as in MOPED; 1 is usual. Only for
            a trained model: around random weights such a prior says something wrong.
        **options: Of `layers.Variational`: `estimator`, `prior`, `weights`, `weight` and the
            rest.

    Raises:
        ValueError: if the model is not built; if `relative_stddev` is given for a posterior that
            is not mean-field, or `prior_stddev` beside `prior`; if `posterior` or `prior` is a
            layer of your own, which all would share; as `layers.Variational` and
            `keras.models.clone_model` do.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([
        ...     keras.Input((3,)),
        ...     keras.layers.Dense(8, "relu"),
        ...     keras.layers.Dense(2),
        ...     kdl.layers.IndependentNormal(1),
        ... ])
        >>> bayesian = kdl.variational.from_deterministic(model, dataset_size=1000)
        >>> [type(layer).__name__ for layer in bayesian.layers]
        ['Variational', 'Variational', 'IndependentNormal']

    Source: Krishnan, Subedar and Tickoo, Specifying Weight Priors in Bayesian Deep Neural
    Networks with Empirical Bayes (2020), section 3.
    """
    if not model.built:
        raise ValueError(
            message(
                "from_deterministic, argument `model`",
                expected="a model that is built, whose layers have weights",
                received=f"'{model.name}', which is not",
                fix="Begin it with keras.Input, or call it once.",
            )
        )

    _check_not_shared(options)
    if prior_stddev is not None:
        _check_one_prior(prior_stddev, options)

    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = type(layer).from_config(layer.get_config())
        if isinstance(layer, Variational) or not any(map(is_kernel, layer.trainable_variables)):
            return copy
        if prior_stddev is not None:
            weights = UncertainWeights(layer, options.get("weights", "kernel"))
            own = {
                "prior": NormalAroundWeights(
                    weights.size, prior_stddev, dtype=layer.variable_dtype
                )
            }
        else:
            own = {}
        return Variational(copy, dataset_size, name=layer.name, **options, **own)

    def copy_weights(old: keras.layers.Layer, new: keras.layers.Layer) -> None:
        if not isinstance(new, Variational) or isinstance(old, Variational):
            new.set_weights(old.get_weights())
            return
        new.layer.set_weights(old.get_weights())
        if relative_stddev is not None:
            _set_relative_stddev(new, relative_stddev)
        if prior_stddev is not None:
            new.prior.loc.assign(new.weight_distribution().mean())

    return _cloned(model, convert, copy_weights)


def mean(model: keras.Model) -> keras.Model:
    """A copy of a model with plain layers, whose weights are the means of the posteriors.

    Args:
        model: A Sequential or Functional model with `layers.Variational` inside.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.Variational(keras.layers.Dense(2), 1000)
        >>> model = keras.Sequential([keras.Input((3,)), layer])
        >>> [type(layer).__name__ for layer in kdl.variational.mean(model).layers]
        ['Dense']
    """
    return _plain(model, lambda layer: layer.weight_distribution().mean())


def draw(model: keras.Model, seed: Seed = None) -> keras.Model:
    """A copy of a model with plain layers, whose weights are one draw of the posteriors.

    It is one function of all that the posterior holds likely: predictions at several inputs, or
    at several times, belong together.

    Args:
        model: A Sequential or Functional model with `layers.Variational` inside.
        seed: An int for the same draw each time; None for a new one.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.Variational(keras.layers.Dense(2), 1000)
        >>> model = keras.Sequential([keras.Input((3,)), layer])
        >>> function = kdl.variational.draw(model, seed=1)
        >>> x = keras.ops.ones((1, 3))
        >>> bool(keras.ops.all(function(x) == function(x)))
        True
    """
    # One generator: layers of equal shapes would have equal draws of one number.
    generator = None if seed is None else keras.random.SeedGenerator(seed)
    return _plain(model, lambda layer: layer.weight_distribution().sample(seed=generator))


def _plain(model: keras.Model, weights_of: Callable[[Variational], Tensor]) -> keras.Model:
    def convert(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, Variational):
            return layer.plain_layer(weights_of(layer))
        return type(layer).from_config(layer.get_config())

    def copy_weights(old: keras.layers.Layer, new: keras.layers.Layer) -> None:
        if not isinstance(old, Variational):
            new.set_weights(old.get_weights())

    return _cloned(model, convert, copy_weights)


def _cloned(
    model: keras.Model,
    convert: Callable[[keras.layers.Layer], keras.layers.Layer],
    copy_weights: Callable[[keras.layers.Layer, keras.layers.Layer], None],
) -> keras.Model:
    """Keras's clone with converted layers, whose weights are copied once they are there."""
    pairs = []

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        pairs.append((layer, convert(layer)))
        return pairs[-1][1]

    copy = keras.models.clone_model(model, clone_function=clone, recursive=True)
    for old, new in pairs:
        copy_weights(old, new)
    return copy


def _check_not_shared(options: dict[str, Any]) -> None:
    """Refuses a layer as the posterior or the prior of several layers, which would share it."""
    for name in ("posterior", "prior"):
        value = options.get(name)
        if isinstance(value, keras.layers.Layer) and not isinstance(value, WeightPosterior):
            raise ValueError(
                message(
                    f"from_deterministic, argument `{name}`",
                    expected="what makes one for each layer",
                    received=f"{name}={value!r}",
                    fix="Pass a function of the number of weights that returns such a layer.",
                )
            )


def _check_one_prior(stddev: float, options: dict[str, Any]) -> None:
    is_positive = 0.0 < stddev < float("inf")
    if is_positive and "prior" not in options:
        return
    others = f" and prior={options['prior']!r}" if "prior" in options else ""
    raise ValueError(
        message(
            "from_deterministic, argument `prior_stddev`",
            expected="a positive number, without `prior`, whose place it takes",
            received=f"prior_stddev={stddev!r}{others}",
        )
    )


def _set_relative_stddev(layer: Variational, factor: float) -> None:
    posterior = layer.posterior_layer
    if not isinstance(posterior, MeanFieldNormalPosterior):
        raise ValueError(
            message(
                "from_deterministic, argument `relative_stddev`",
                expected="posterior='mean_field_normal'",
                received=f"posterior={posterior!r}",
            )
        )
    means = layer.weight_distribution().mean()
    stddev = maximum(factor * ops.abs(means), _SMALLEST_STDDEV)
    posterior.raw_scale.assign(Positive().inverse(stddev))


__all__ = ["draw", "from_deterministic", "mean"]
