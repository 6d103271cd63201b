"""Numbers to report: means, standard deviations, quantiles and intervals of a model's output."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution, Mixture, interval
from keras_distlayers.distributions.intervals import IntervalKind, checked_coverage, checked_kind
from keras_distlayers.ensembles import DeepEnsemble
from keras_distlayers.prediction.whole_data import predict_distribution


def predict_mean(model: keras.Model, x: Any, **options: Any) -> Any:
    """The mean of the output's distribution for each row.

    Args:
        model: As for `predict_distribution`.
        x: The inputs.
        **options: Those of `predict_distribution`: `batch_size`, `num_samples`, `verbose`.

    Returns:
        An array of shape `batch_shape + event_shape`; the structure of the model's outputs with
        an array for each, if it has several.

    Raises:
        NotImplementedError: if the distribution has no mean in closed form.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([keras.Input((4,)), kdl.layers.IndependentNormal(2)])
        >>> kdl.predict_mean(model, keras.ops.ones((10, 4)), verbose=0).shape
        (10, 2)
    """
    return _of_each(predict_distribution(model, x, **options), lambda d: _array(d.mean()))


def predict_stddev(model: keras.Model, x: Any, **options: Any) -> Any:
    """The standard deviation of the output's distribution for each row; see `predict_mean`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([keras.Input((4,)), kdl.layers.IndependentNormal(2)])
        >>> kdl.predict_stddev(model, keras.ops.ones((10, 4)), verbose=0).shape
        (10, 2)
    """
    return _of_each(predict_distribution(model, x, **options), lambda d: _array(d.stddev()))


def predict_quantiles(model: keras.Model, x: Any, probs: Sequence[float], **options: Any) -> Any:
    """Quantiles of each entry of the output for each row.

    Args:
        model: As for `predict_distribution`.
        x: The inputs.
        probs: The probabilities.
        **options: Those of `predict_distribution`.

    Returns:
        An array of shape `batch_shape + event_shape + (len(probs),)`.

    Raises:
        ValueError: if a probability is not between 0 and 1.
        NotImplementedError: if the distribution has no marginals, or those no cdf, in closed form.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([keras.Input((4,)), kdl.layers.IndependentNormal(2)])
        >>> kdl.predict_quantiles(model, keras.ops.ones((10, 4)), [0.1, 0.5, 0.9], verbose=0).shape
        (10, 2, 3)
    """
    given = np.asarray(probs, "float64")
    if given.ndim != 1 or not ((given >= 0.0) & (given <= 1.0)).all():
        raise ValueError(
            message(
                "predict_quantiles, argument `probs`",
                expected="a list of numbers between 0 and 1",
                received=f"probs={probs}",
            )
        )

    def quantiles(distribution: Distribution) -> np.ndarray:
        marginals = distribution.marginals()
        p = ops.reshape(
            ops.convert_to_tensor(given, marginals.dtype), (-1, *(1,) * len(marginals.batch_shape))
        )
        return np.moveaxis(_array(marginals.quantile(p)), 0, -1)

    return _of_each(predict_distribution(model, x, **options), quantiles)


def predict_interval(
    model: keras.Model,
    x: Any,
    coverage: float = 0.9,
    kind: IntervalKind = "equal_tailed",
    of: Literal["observation", "mean"] = "observation",
    **options: Any,
) -> Any:
    """The interval that the model gives a probability of `coverage`, for each row.

    Args:
        model: As for `predict_distribution`.
        x: The inputs.
        coverage: The probability, between 0 and 1.
        kind: `"equal_tailed"`, or `"highest_density"` for the shortest one; see
            `distributions.interval`.
        of: `"observation"`: where a new target will be. `"mean"`: where its mean is, for a model
            that does not know it exactly: the means of the components of an ensemble, or of
            `num_samples` passes. The second is much smaller, and holds no share of the targets.
        **options: Those of `predict_distribution`.

    Returns:
        Two arrays of shape `batch_shape + event_shape`, the lower and the upper ends.

    Raises:
        ValueError: if `coverage` is not between 0 and 1, if `kind` or `of` is another word, or,
            for `of="mean"`, if there are neither members nor passes.
        NotImplementedError: if the distribution has no marginals, or those no cdf, in closed form.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([keras.Input((4,)), kdl.layers.IndependentNormal(2)])
        >>> lower, upper = kdl.predict_interval(model, keras.ops.ones((10, 4)), verbose=0)
        >>> lower.shape, bool((lower < upper).all())
        ((10, 2), True)
    """
    coverage = checked_coverage("predict_interval", coverage)
    checked_kind("predict_interval", kind)
    if of not in ("observation", "mean"):
        raise ValueError(
            message(
                "predict_interval, argument `of`",
                expected="'observation' or 'mean'",
                received=f"of={of!r}",
            )
        )

    # The components of a mixture head are no guesses of one mean.
    if of == "mean" and options.get("num_samples") is None and not isinstance(model, DeepEnsemble):
        raise ValueError(
            message(
                "predict_interval, argument `of`",
                expected="'observation', for a model with one distribution for each row",
                received="of='mean'",
                fix="Predict with a DeepEnsemble, or pass `num_samples` for a model that is "
                "random as it predicts.",
            )
        )

    def ends(distribution: Distribution) -> tuple[np.ndarray, np.ndarray]:
        if of == "mean":
            return _interval_of_means(distribution, coverage, kind)
        lower, upper = interval(distribution, coverage, kind)
        return _array(lower), _array(upper)

    return _of_each(predict_distribution(model, x, **options), ends)


def _interval_of_means(
    distribution: Any, coverage: float, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Of the means of the equally weighted components of a prediction."""
    axis = len(distribution.batch_shape)
    if isinstance(distribution, Mixture):
        batch = distribution.dynamic_batch_shape()
        means = np.stack([_array(d.expand(batch).mean()) for d in distribution.components], axis)
    else:
        means = _array(distribution.components_distribution.mean())
    means = np.sort(means, axis=axis)
    if kind == "equal_tailed":
        below = 0.5 * (1.0 - coverage)
        lower, upper = np.quantile(means, [below, 1.0 - below], axis=axis)
        return lower, upper
    count = means.shape[axis]
    inside = min(count, int(np.ceil(coverage * count)))
    first = np.moveaxis(means, axis, 0)
    widths = first[inside - 1 :] - first[: count - inside + 1]
    best = widths.argmin(axis=0)[None]
    lower = np.take_along_axis(first, best, axis=0)[0]
    return lower, np.take_along_axis(first, best + inside - 1, axis=0)[0]


def _of_each(outputs: Any, function: Callable[[Distribution], Any]) -> Any:
    """The function of each distribution in a structure; arrays stay what they are."""
    return keras.tree.map_structure(
        lambda output: function(output) if isinstance(output, Distribution) else output, outputs
    )


def _array(x: Tensor) -> np.ndarray:
    return ops.convert_to_numpy(x)


__all__ = ["predict_interval", "predict_mean", "predict_quantiles", "predict_stddev"]
