"""Families over labels and counts."""

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.supports import integers


def check_exactly_one(family: str, **arguments) -> None:
    """Raises ValueError unless one of two arguments is given."""
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            message(
                family,
                expected=f"exactly one of {' and '.join(f'`{name}`' for name in arguments)}",
                received="both" if given else "neither",
            )
        )


class _LogitsOrProbs(Distribution):
    """A discrete family that takes either logits or probabilities."""

    def __init__(self, logits=None, probs=None):
        check_exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(logits=logits, probs=probs)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Bernoulli(_LogitsOrProbs):
    """The Bernoulli distribution of a coin that shows 1 with probability `probs`.

    log p(x) = x logits - log(1 + exp(logits)), in nats, straight from the logits: no
    probability is formed, let alone clipped. Values between 0 and 1 are taken as in a binary
    cross-entropy. Draws are floats 0.0 and 1.0; they carry no gradient.

    Args:
        logits: log(p / (1 - p)); any shape.
        probs: p, in place of `logits`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Bernoulli(logits=[-1e4, 0.0, 1e4])
        >>> [round(float(x), 4) for x in distribution.log_prob([1.0, 0.0, 1.0])]
        [-10000.0, -0.6931, 0.0]

    Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions, ch. 3.
    """

    parameter_ndims = {"logits": 0, "probs": 0}

    @property
    def support(self):
        return integers(0, 1, relaxed=True)

    def _sample(self, sample_shape, seed):
        uniform = keras.random.uniform(
            (*sample_shape, *self.dynamic_shape()), dtype=self.dtype, seed=seed
        )
        return ops.cast(uniform < self._mean(), self.dtype)

    def _log_prob(self, value):
        if self.logits is None:
            log_one, log_zero = self._log_probs()
            return _weighted(value, log_one) + _weighted(1.0 - value, log_zero)
        return value * self.logits - ops.softplus(self.logits)

    def _mean(self):
        return ops.sigmoid(self.logits) if self.probs is None else self.probs

    def _mode(self):
        # Not by the probability, which rounds to 1/2 for small logits.
        more_ones = self.probs > 0.5 if self.logits is None else self.logits > 0.0
        return ops.cast(more_ones, self.dtype)

    def _variance(self):
        return self._mean() * self._complement()

    def _stddev(self):
        # By logarithms: p is below float32 before its square root is.
        log_one, log_zero = self._log_probs()
        return ops.exp(0.5 * (log_one + log_zero))

    def _complement(self):
        """1 - p, without the cancellation where p is near 1."""
        return ops.sigmoid(-self.logits) if self.probs is None else 1.0 - self.probs

    def _log_probs(self):
        """log(p) and log(1 - p)."""
        if self.logits is None:
            return ops.log(self.probs), ops.log1p(-self.probs)
        return -ops.softplus(-self.logits), -ops.softplus(self.logits)

    def _entropy(self):
        log_one, log_zero = self._log_probs()
        return -_weighted(self._mean(), log_one) - _weighted(self._complement(), log_zero)

    def _cdf(self, value):
        below_one = ops.where(value < 0.0, 0.0, self._complement())
        return ops.where(value < 1.0, below_one, 1.0)

    def _survival_function(self, value):
        above_zero = ops.where(value < 1.0, self._mean(), 0.0)
        return ops.where(value < 0.0, 1.0, above_zero)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Categorical(_LogitsOrProbs):
    """The categorical distribution over the labels 0, ..., K - 1.

    log p(k) = logits[k] - log(sum_j exp(logits[j])), in nats; minus infinity for a label
    outside the range. Draws are int32 labels; they carry no gradient.

    Args:
        logits: Unnormalized log probabilities, shape `(..., K)`.
        probs: Probabilities that sum to 1 over the last axis, in place of `logits`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Categorical(probs=[0.25, 0.5, 0.25])
        >>> int(distribution.mode()), round(float(distribution.entropy()), 4)
        (1, 1.0397)

    Source: Johnson, Kotz and Balakrishnan, Discrete Multivariate Distributions, ch. 35.
    """

    parameter_ndims = {"logits": 1, "probs": 1}

    @property
    def _event_dtype(self):
        return "int32"

    @property
    def support(self):
        return integers(0, self.num_categories - 1)

    @property
    def num_categories(self) -> int:
        """K, the number of labels."""
        (parameter,) = self._tensors().values()
        return parameter.shape[-1]

    def _labels(self):
        return ops.arange(self.num_categories, dtype="int32")

    def _log_probs(self):
        """The log probabilities of all labels, shape `(..., K)`."""
        if self.logits is None:
            return ops.log(self.probs)
        return ops.log_softmax(self.logits, axis=-1)

    def _probs(self):
        return ops.exp(self._log_probs()) if self.probs is None else self.probs

    def _sample(self, sample_shape, seed):
        log_probs = self._log_probs()
        batch = tuple(ops.shape(log_probs))[:-1]
        rows = ops.reshape(log_probs, (-1, self.num_categories))
        draws = keras.random.categorical(rows, shapes.size(sample_shape), dtype="int32", seed=seed)
        return ops.reshape(ops.transpose(draws), (*sample_shape, *batch))

    def _log_prob(self, value):
        inside = ops.logical_and(value >= 0, value < self.num_categories)
        chosen = value[..., None] == self._labels()
        log_prob = ops.sum(ops.where(chosen, self._log_probs(), 0.0), axis=-1)
        return ops.where(inside, log_prob, -float("inf"))

    def _mode(self):
        # Not of the normalized logits, which are equal where two are nearly.
        given = self.logits if self.probs is None else self.probs
        return ops.cast(ops.argmax(given, axis=-1), "int32")

    def _mean(self):
        raise self._unavailable("mean", "labels have no arithmetic")

    def _variance(self):
        raise self._unavailable("variance", "labels have no arithmetic")

    def _entropy(self):
        return -ops.sum(_weighted(self._probs(), self._log_probs()), axis=-1)

    def _cdf(self, value):
        return self._mass(self._labels() <= value[..., None])

    def _survival_function(self, value):
        # Not 1 - cdf: the rounding of that is below zero at the last label.
        return self._mass(self._labels() > value[..., None])

    def _mass(self, is_counted):
        """The probability of the labels that are counted."""
        return ops.sum(self._probs() * ops.cast(is_counted, self.dtype), axis=-1)


def _weighted(p, log_q):
    """P log(q), which is 0 where p is 0, whatever q is."""
    return p * ops.where(p == 0.0, 0.0, log_q)


@register_kl(Bernoulli, Bernoulli)
def _(a, b):
    """P log(p / q) + (1 - p) log((1 - p) / (1 - q))."""
    (a_one, a_zero), (b_one, b_zero) = a._log_probs(), b._log_probs()
    return _weighted(a._mean(), a_one - b_one) + _weighted(a._complement(), a_zero - b_zero)


@register_kl(Categorical, Categorical)
def _(a, b):
    """sum_k p_k log(p_k / q_k)."""
    if a.num_categories != b.num_categories:
        raise ValueError(
            message(
                "kl_divergence",
                expected=f"two categorical distributions over {a.num_categories} labels",
                received=f"distribution_b with {b.num_categories} labels",
            )
        )
    return ops.sum(_weighted(a._probs(), a._log_probs() - b._log_probs()), axis=-1)
