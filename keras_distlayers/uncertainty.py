"""What the members of an ensemble agree on, and where they differ.

The functions take a mixture over members or over passes: the output of an
`ensembles.DeepEnsemble`, or what `predict_distribution(..., num_samples=)` returns. Its weights
need not be equal. The aleatoric part is the noise that each member sees in the targets; more data
does not remove it. The epistemic part is how much the members differ; more data does. The
components of one model's mixture head are not members: there, all of the variance is aleatoric.
"""

from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Independent,
    Mixture,
    MixtureSameFamily,
)

# ---------------------------------------------------------------- numbers


def aleatoric_variance(distribution: Distribution) -> Tensor:
    """The mean of the members' variances.

    With `epistemic_variance` it adds up to `distribution.variance()`:
    Var(y) = E[Var(y | member)] + Var(E[y | member]).

    Args:
        distribution: A `MixtureSameFamily` or `Mixture` over members, or a RandomVariable of one.

    Returns:
        Tensor of shape `batch_shape + event_shape`, in squared units of the target.

    Raises:
        TypeError: if `distribution` is not a mixture.
        NotImplementedError: if the members have no variance, as over classes.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kd = kdl.distributions
        >>> mixture = kd.MixtureSameFamily(
        ...     kd.Categorical(probs=[0.5, 0.5]), kd.Normal([-1.0, 1.0], [1.0, 2.0]))
        >>> float(kdl.uncertainty.aleatoric_variance(mixture))
        2.5
    """
    members = _Members(distribution, "aleatoric_variance")
    return members.average(members.statistic("variance"))


def epistemic_variance(distribution: Distribution) -> Tensor:
    """The variance of the members' means; see `aleatoric_variance`.

    Args:
        distribution: A `MixtureSameFamily` or `Mixture` over members, or a RandomVariable of one.

    Returns:
        Tensor of shape `batch_shape + event_shape`, in squared units of the target.

    Raises:
        TypeError: if `distribution` is not a mixture.
        NotImplementedError: if the members have no mean, as over classes.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kd = kdl.distributions
        >>> mixture = kd.MixtureSameFamily(
        ...     kd.Categorical(probs=[0.5, 0.5]), kd.Normal([-1.0, 1.0], [1.0, 2.0]))
        >>> float(kdl.uncertainty.epistemic_variance(mixture))
        1.0
    """
    members = _Members(distribution, "epistemic_variance")
    means = members.counted(members.statistic("mean"))
    # From the first member's, so that the result is 0 where all are equal, however large.
    means = means - ops.take(means, [0], axis=members.axis)
    center = ops.expand_dims(members.average(means), members.axis)
    return members.average(ops.square(means - center))


# ---------------------------------------------------------------- classes


def total_entropy(distribution: Distribution) -> Tensor:
    """The entropy of the mixture of the members: `expected_entropy` plus `mutual_information`.

    Args:
        distribution: A mixture over members whose distributions are `Categorical`,
            `OneHotCategorical`, `OrderedLogistic` or `Bernoulli`, or a RandomVariable of one.

    Returns:
        Tensor in nats, of shape `batch_shape`; for members that are several labels at once, such
        as those of `layers.IndependentBernoulli`, for each label: `batch_shape + event_shape`.

    Raises:
        TypeError: if `distribution` is not a mixture, or not one over classes.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kd = kdl.distributions
        >>> mixture = kd.MixtureSameFamily(
        ...     kd.Categorical(probs=[0.5, 0.5]), kd.Bernoulli(probs=[0.0, 1.0]))
        >>> round(float(kdl.uncertainty.total_entropy(mixture)), 4)
        0.6931
    """
    members = _Members(distribution, "total_entropy")
    log_probs = members.log_probs()
    return _entropy(members, log_probs) + _information(members, log_probs)


def expected_entropy(distribution: Distribution) -> Tensor:
    """The mean of the members' entropies: the aleatoric part of `total_entropy`.

    Arguments, shapes and errors are those of `total_entropy`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kd = kdl.distributions
        >>> mixture = kd.MixtureSameFamily(
        ...     kd.Categorical(probs=[0.5, 0.5]), kd.Bernoulli(probs=[0.0, 1.0]))
        >>> float(kdl.uncertainty.expected_entropy(mixture))
        0.0
    """
    members = _Members(distribution, "expected_entropy")
    return _entropy(members, members.log_probs())


def mutual_information(distribution: Distribution) -> Tensor:
    """How much the label says of the member: the epistemic part of `total_entropy`.

    It is the mean of KL(member || mixture), never negative, 0 where all members agree, and at
    most the logarithm of their number. Also known as BALD. Arguments, shapes and errors are those
    of `total_entropy`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kd = kdl.distributions
        >>> mixture = kd.MixtureSameFamily(
        ...     kd.Categorical(probs=[0.5, 0.5]), kd.Bernoulli(probs=[0.0, 1.0]))
        >>> round(float(kdl.uncertainty.mutual_information(mixture)), 4)
        0.6931

    Source: Houlsby et al. (2011), arXiv 1112.5745.
    """
    members = _Members(distribution, "mutual_information")
    return _information(members, members.log_probs())


def _entropy(members: "_Members", log_probs: Tensor) -> Tensor:
    """The mean of -sum_c p_c log(p_c)."""
    has_mass = log_probs > -float("inf")
    logs = ops.where(has_mass, log_probs, 0.0)
    terms = ops.where(has_mass, -ops.exp(logs) * logs, 0.0)
    return members.average(ops.sum(terms, axis=-1))


def _information(members: "_Members", log_probs: Tensor) -> Tensor:
    """The mean of sum_c p_c log(p_c / q_c), q being the mixture.

    As the sum of p_c (exp(r) - 1 - r) with r = log(q_c / p_c): no term is negative, and what
    rounding does to a log probability enters by its square.
    """
    log_weights = ops.expand_dims(ops.log(members.weights(ndims=len(log_probs.shape) - 1)), -1)
    log_terms = log_weights + log_probs
    has_any = ops.any(log_terms > -float("inf"), axis=members.axis, keepdims=True)
    log_terms = ops.where(has_any, log_terms, 0.0)
    log_mixture = ops.logsumexp(log_terms, axis=members.axis, keepdims=True)
    of_mixture = ops.where(has_any, ops.exp(log_mixture), 0.0)
    has_both = ops.logical_and(has_any, log_probs > -float("inf"))
    logs = ops.where(has_both, log_probs, 0.0)
    probs, ratios = ops.exp(logs), ops.where(has_both, log_mixture - logs, 0.0)
    small = minimum(ratios, 1.0)  # exp(r) is infinite where p is 0 to all digits
    of_both = ops.where(
        ratios > 1.0,
        of_mixture - probs * (1.0 + ratios),
        probs * (ops.expm1(small) - small),
    )
    terms = ops.where(has_both, of_both, of_mixture)
    return members.average(maximum(ops.sum(terms, axis=-1), 0.0))


# ---------------------------------------------------------------- the members of a mixture


class _Members:
    """The components of a mixture and their weights; tensors have the components at `axis`."""

    def __init__(self, distribution: Distribution, function: str) -> None:
        self.where = f"uncertainty.{function}, argument `distribution`"
        mixture = distribution.unwrapped() if isinstance(distribution, Distribution) else None
        if not isinstance(mixture, MixtureSameFamily | Mixture):
            raise TypeError(
                message(
                    self.where,
                    expected="a mixture over the members of an ensemble, or over passes",
                    received=f"{distribution!r}",
                    fix="Predict with a DeepEnsemble, or pass `num_samples` to "
                    "predict_distribution. Of several outputs, take one.",
                )
            )
        self.mixture = mixture
        self.axis = len(mixture.batch_shape)
        batch = mixture.dynamic_batch_shape()
        if isinstance(mixture, Mixture):
            self.parts = [part.expand(batch) for part in mixture.components]
            self.is_stacked = False
        else:
            count = mixture.mixture_distribution.num_categories
            self.parts = [mixture.components_distribution.expand((*batch, count))]
            self.is_stacked = True

    def _together(self, tensors: list[Tensor]) -> Tensor:
        return tensors[0] if self.is_stacked else ops.stack(tensors, axis=self.axis)

    def statistic(self, name: str) -> Tensor:
        """A statistic of each member."""
        try:
            return self._together([getattr(part, name)() for part in self.parts])
        except NotImplementedError as error:
            raise NotImplementedError(
                message(
                    self.where,
                    expected=f"members with a {name} in closed form",
                    received=f"{self.parts[0].family_name}",
                    fix="For classes there are total_entropy, expected_entropy and "
                    "mutual_information.",
                )
            ) from error

    def log_probs(self) -> Tensor:
        """The log probabilities of the classes for each member, the classes on the last axis."""
        return self._together([self._of_classes(part) for part in self.parts])

    def _of_classes(self, part: Distribution) -> Tensor:
        if isinstance(part, Independent):
            return self._of_classes(part.distribution)
        if isinstance(part, Bernoulli):
            return ops.stack([part.log_cdf(0.0), part.log_survival_function(0.0)], axis=-1)
        if hasattr(part, "log_probs_parameter"):
            return part.log_probs_parameter()
        raise TypeError(
            message(
                self.where,
                expected="members over classes: Categorical, OneHotCategorical, OrderedLogistic "
                "or Bernoulli",
                received=f"{part.family_name}",
                fix="For numbers there are aleatoric_variance and epistemic_variance.",
            )
        )

    def weights(self, ndims: int) -> Tensor:
        """The members' weights as a tensor of `ndims` axes."""
        weights: Categorical = self.mixture.mixture_distribution
        probs = weights.expand(self.mixture.dynamic_batch_shape()).probs_parameter()
        return ops.reshape(probs, (*tuple(ops.shape(probs)), *(1,) * (ndims - self.axis - 1)))

    def average(self, statistic: Tensor) -> Tensor:
        """The weighted mean; a member of weight 0 does not count, whatever its statistic."""
        weights = self.weights(ndims=len(statistic.shape))
        return ops.sum(weights * self.counted(statistic), axis=self.axis)

    def counted(self, statistic: Tensor) -> Tensor:
        """The statistic, with 0 for a member of weight 0, whose own may be NaN."""
        weights = self.weights(ndims=len(statistic.shape))
        return ops.where(weights == 0.0, 0.0, statistic)


__all__ = [
    "aleatoric_variance",
    "epistemic_variance",
    "expected_entropy",
    "mutual_information",
    "total_entropy",
]
