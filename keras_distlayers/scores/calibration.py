"""Whether probabilities are what they say."""

from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import cumsum, largest, maximum, minimum
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.mixture import Mixture
from keras_distlayers.distributions.mixture_same_family import MixtureSameFamily
from keras_distlayers.scores.arguments import (
    checked_distribution,
    checked_value,
)
from keras_distlayers.scores.labels import (
    binary_outcome,
    is_binary,
    label_distribution,
    label_probabilities,
    one_hot_value,
)

Binning: TypeAlias = Literal["uniform", "equal_mass"]


def expected_calibration_error(
    distribution: Any, value: Tensor, num_bins: int = 15, binning: Binning = "uniform"
) -> Tensor:
    """The mean distance between confidence and accuracy, over bins of the confidence.

    Of several labels, the confidence is the probability of the most probable one, and the
    accuracy the share of values that are that label. Of `Bernoulli` they are the probability of 1
    and the share of ones. A bin has its upper end and not its lower one; the first has 0 too.

    The result depends on the bins, and it is not a proper score: it may rise where the fit gets
    better. Look at `log_score` or `brier` beside it.

    Args:
        distribution: A `Distribution` or a `RandomVariable` over labels or one-hot vectors.
        value: The labels, in the shape of a draw. All of them count as one data set.
        num_bins: How many bins.
        binning: `"uniform"`: bins of equal width. `"equal_mass"`: bins with about as many values
            each, whose ends are quantiles of the confidences.

    Returns:
        A scalar tensor, from 0 to 1.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if it is not one over labels, if the shape of the value does not fit, or if an
            argument is not one of the above.

    Examples:
        >>> import keras_distlayers as kdl
        >>> bernoulli = kdl.distributions.Bernoulli(probs=[0.0, 0.25, 0.25, 1.0])
        >>> float(kdl.scores.expected_calibration_error(bernoulli, [0, 0, 1, 1]))
        0.125

    Source: Naeini, Cooper and Hauskrecht, AAAI (2015); Guo et al., On Calibration of Modern Neural
    Networks (2017).
    """
    where = "expected_calibration_error"
    num_bins = checked_size(where, "num_bins", num_bins, 1)
    confidence, is_right = confidence_and_outcome(where, distribution, value)
    confidence, is_right = ops.reshape(confidence, (-1,)), ops.reshape(is_right, (-1,))
    edges = bin_edges(where, confidence, num_bins, binning)
    totals = bin_totals(confidence, is_right, ops.ones_like(confidence), edges)
    return calibration_error(totals)


def confidence_and_outcome(where: str, distribution: Any, value: Tensor) -> tuple[Tensor, Tensor]:
    """For each label that is observed, a probability and whether it came true, as a number."""
    distribution = checked_distribution(where, distribution)
    value = checked_value(where, distribution, value)
    labels = label_distribution(where, distribution)
    probs = label_probabilities(labels)
    if is_binary(labels):
        value, confidence = binary_outcome(value), probs[..., 1]
        return confidence + ops.zeros_like(value), value + ops.zeros_like(confidence)
    is_label = one_hot_value(labels, value)
    is_top = ops.one_hot(ops.argmax(probs, axis=-1), probs.shape[-1], dtype=probs.dtype)
    is_right = ops.sum(is_top * is_label, axis=-1)
    return largest(probs, axis=-1) + ops.zeros_like(is_right), is_right


def uniform_edges(num_bins: int, dtype: str) -> Tensor:
    """The ends between bins of equal width."""
    return ops.convert_to_tensor(np.arange(1, num_bins) / num_bins, dtype)


def bin_edges(where: str, confidence: Tensor, num_bins: int, binning: Binning) -> Tensor:
    """The ends between bins of confidences of shape `(n,)`."""
    shares = uniform_edges(num_bins, keras.backend.standardize_dtype(confidence.dtype))
    if checked_binning(where, binning) == "uniform" or num_bins == 1:
        return shares
    return ops.quantile(confidence, shares)


def checked_binning(where: str, binning: Binning) -> Binning:
    """One of the words of `Binning`, or an error."""
    if binning in ("uniform", "equal_mass"):
        return binning
    raise ValueError(
        message(
            f"{where}, argument `binning`",
            expected="'uniform' or 'equal_mass'",
            received=f"binning={binning!r}",
        )
    )


def bin_totals(confidence: Tensor, is_right: Tensor, weights: Tensor, edges: Tensor) -> Tensor:
    """Of each bin the sums of weights, confidences and outcomes, of shape `(3, num_bins)`.

    Args:
        confidence: Shape `(n,)`.
        is_right: Likewise.
        weights: Likewise.
        edges: The ends between bins, ascending.
    """
    # Not by a product with the number of bins, which rounds.
    index = ops.sum(ops.cast(confidence[:, None] > edges, "int32"), axis=-1)
    terms = ops.stack([weights, weights * confidence, weights * is_right], axis=-1)
    return ops.transpose(ops.segment_sum(terms, index, edges.shape[0] + 1))


def log_odds_edges(dtype: str) -> Tensor:
    """The ends between 2,000 narrow bins, which are as fine near 0 and 1 as in the middle."""
    return ops.convert_to_tensor(1.0 / (1.0 + np.exp(-np.linspace(-20.0, 20.0, 1999))), dtype)


def merged_bins(totals: Tensor, num_bins: int) -> Tensor:
    """The totals of bins of about equal mass, from those of many narrow ones.

    A narrow bin goes where the middle of its mass is.
    """
    weights = totals[0]
    mass = maximum(ops.sum(weights), float(np.finfo("float32").tiny))
    share = (cumsum(weights, 0) - 0.5 * weights) / mass
    index = minimum(ops.cast(share * num_bins, "int32"), num_bins - 1)
    # Not by `segment_sum`, which Torch cannot do as Keras builds a model.
    is_in_bin = ops.one_hot(index, num_bins, dtype=totals.dtype)
    return ops.sum(totals[:, :, None] * is_in_bin, axis=1)


def calibration_error(totals: Tensor) -> Tensor:
    """The expected calibration error, from the totals of the bins; 0 without any data."""
    weights, confidence, is_right = totals[0], totals[1], totals[2]
    tiny = float(np.finfo("float32").tiny)
    return ops.sum(ops.abs(confidence - is_right)) / maximum(ops.sum(weights), tiny)


def pit(distribution: Any, value: Tensor, seed: Seed = None) -> Tensor:
    """The probability integral transform: the cdf at the value, uniform where the model is right.

    Where a value has a mass, as a count, a label, or a bound of `CensoredNormal`, the result is
    drawn uniformly between the cdf just below it and the cdf at it. So it is uniform there too.

    Args:
        distribution: A `Distribution` or a `RandomVariable` whose entries have a cdf.
        value: Tensor whose trailing axes are `event_shape`, and whose leading axes broadcast with
            `batch_shape`.
        seed: Of the uniform draws: an int, a `keras.random.SeedGenerator`, or None.

    Returns:
        Tensor with one number from 0 to 1 for each entry of an event, of the broadcast shape.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if the shape of the value does not fit.
        NotImplementedError: if the distribution has no marginals, or those no cdf.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(0.0, 1.0)
        >>> round(float(kdl.scores.pit(normal, 1.0)), 4)
        0.8413
        >>> coin = kdl.distributions.Bernoulli(probs=0.5)
        >>> 0.5 <= float(kdl.scores.pit(coin, 1.0, seed=0)) <= 1.0
        True

    Source: Dawid, Journal of the Royal Statistical Society A 147 (1984); randomized: Czado,
    Gneiting and Held, Biometrics 65 (2009).
    """
    distribution = checked_distribution("pit", distribution)
    value = checked_value("pit", distribution, value)
    entries = distribution.marginals()
    cdf = entries.cdf(value)
    if not (entries.support.is_discrete or entries.has_atoms):
        return cdf
    mass = mass_at(entries, value)
    seed = distribution.default_seed if seed is None else seed
    shape = tuple(ops.shape(cdf + mass))
    return cdf - mass * keras.random.uniform(shape, dtype=distribution.dtype, seed=seed)


def mass_at(entries: Distribution, value: Tensor) -> Tensor:
    """The probability of a value itself."""
    support = entries.support
    if isinstance(entries, MixtureSameFamily | Mixture) and entries.has_atoms:
        # Each component may have its masses at other values.
        return _mass_of_components(entries, value)
    probability = entries.prob(value)
    if support.is_discrete:
        return probability
    if not entries.has_atoms:
        return ops.zeros_like(probability)
    is_bound = ops.logical_or(value == support.lower, value == support.upper)
    return ops.where(is_bound, probability, 0.0)


def _mass_of_components(mixture: MixtureSameFamily | Mixture, value: Tensor) -> Tensor:
    weights = mixture.mixture_distribution.probs_parameter()
    if isinstance(mixture, MixtureSameFamily):
        masses = mass_at(mixture.components_distribution, value[..., None])
        return ops.sum(weights * masses, axis=-1)
    masses = [mass_at(part, value) for part in mixture.components]
    return sum(weights[..., k] * mass for k, mass in enumerate(masses))


__all__ = [
    "Binning",
    "bin_edges",
    "bin_totals",
    "calibration_error",
    "checked_binning",
    "confidence_and_outcome",
    "expected_calibration_error",
    "mass_at",
    "pit",
    "uniform_edges",
]
