"""The methods of a distribution, written out for what holds one or stands for one."""

from typing import Any

from keras_distlayers._core.typing import Seed, Tensor


class DistributionMethods:
    """A mixin: each method of a `Distribution`, handed on to `call_distribution_method`.

    `RandomVariable` calls the method of the distribution that it holds; a
    `SymbolicRandomVariable` adds a node that will call it. The methods are written out, so that
    editors and type checkers see them, and so that on Torch, where a random variable is a
    `torch.Tensor`, the tensor's own `mean` does not win.
    """

    def call_distribution_method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What the distribution's method of that name gives for these arguments."""
        raise NotImplementedError

    def sample(self, sample_shape: int | tuple[int, ...] = (), seed: Seed = None) -> Tensor:
        """New draws, of shape `sample_shape + batch_shape + event_shape`."""
        return self.call_distribution_method("sample", sample_shape, seed=seed)

    def sample_and_log_prob(
        self, sample_shape: int | tuple[int, ...] = (), seed: Seed = None
    ) -> tuple[Tensor, Tensor]:
        """New draws as of `sample`, and the log_prob of each, of `sample_shape + batch_shape`.

        For a transformed distribution it is exact where a draw has rounded to a bound.
        """
        return self.call_distribution_method("sample_and_log_prob", sample_shape, seed=seed)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density, or log mass, at `value`, in nats, of shape `batch_shape`.

        The trailing axes of `value` are exactly `event_shape`; its leading axes broadcast with
        `batch_shape`.
        """
        return self.call_distribution_method("log_prob", value)

    def marginal_log_prob(self, value: Tensor, is_observed: Tensor) -> Tensor:
        """The log density of the entries of an event where `is_observed` is true, in nats."""
        return self.call_distribution_method("marginal_log_prob", value, is_observed)

    def prob(self, value: Tensor) -> Tensor:
        """The density, or mass, at `value`: `exp(log_prob(value))`."""
        return self.call_distribution_method("prob", value)

    def mean(self) -> Tensor:
        """The mean of the distribution, of shape `batch_shape + event_shape`."""
        return self.call_distribution_method("mean")

    def mode(self) -> Tensor:
        """A value of highest density, of shape `batch_shape + event_shape`."""
        return self.call_distribution_method("mode")

    def stddev(self) -> Tensor:
        """The standard deviation of each entry of the event."""
        return self.call_distribution_method("stddev")

    def variance(self) -> Tensor:
        """The variance of each entry of the event, of shape `batch_shape + event_shape`."""
        return self.call_distribution_method("variance")

    def covariance(self) -> Tensor:
        """The covariance of a vector event, of shape `batch_shape + event_shape * 2`."""
        return self.call_distribution_method("covariance")

    def entropy(self) -> Tensor:
        """The entropy in nats, of shape `batch_shape`."""
        return self.call_distribution_method("entropy")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of an event at or below `value`."""
        return self.call_distribution_method("cdf", value)

    def survival_function(self, value: Tensor) -> Tensor:
        """The probability of an event above `value`."""
        return self.call_distribution_method("survival_function", value)

    def log_cdf(self, value: Tensor) -> Tensor:
        """The logarithm of the cdf, in nats, with the digits of both tails."""
        return self.call_distribution_method("log_cdf", value)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The logarithm of the survival function, in nats, with the digits of both tails."""
        return self.call_distribution_method("log_survival_function", value)

    def quantile(self, p: Tensor) -> Tensor:
        """The value whose cdf is `p`."""
        return self.call_distribution_method("quantile", p)

    def upper_quantile(self, p: Tensor) -> Tensor:
        """The value whose survival function is `p`, with the digits of a small one."""
        return self.call_distribution_method("upper_quantile", p)

    def kl_divergence(self, other: Any) -> Tensor:
        """KL(self || other) in nats, in closed form, of the broadcast `batch_shape`."""
        return self.call_distribution_method("kl_divergence", other)

    def cross_entropy(self, other: Any) -> Tensor:
        """-E[log other(x)] for x from self, in nats."""
        return self.call_distribution_method("cross_entropy", other)


METHODS = tuple(
    name
    for name in vars(DistributionMethods)
    if not name.startswith("_") and name != "call_distribution_method"
)
"""The names of the methods that a `Distribution` and a random variable share."""

__all__ = ["METHODS", "DistributionMethods"]
