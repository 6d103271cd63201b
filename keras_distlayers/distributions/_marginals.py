"""The entries of an event on their own: their distributions, and the density of some of them."""

from typing import Any

from keras import ops

from keras_distlayers._core.ops import broadcast_tensors
from keras_distlayers._core.typing import Tensor

_NO_MARGINALS = (
    "its marginals have no closed form here. `Independent`, the multivariate normals and their "
    "mixtures have one"
)


class Marginals:
    """A mixin of `Distribution`: `marginals`, `marginal_log_prob`, and their hooks."""

    def marginals(self: Any) -> Any:
        """The distribution of each entry of an event on its own.

        It has the statistics of scalars that a joint distribution lacks, such as quantiles.

        Returns:
            A `Distribution` over scalars, of `batch_shape + event_shape`.

        Raises:
            NotImplementedError: if the family has no marginals in closed form.

        Examples:
            >>> import keras_distlayers as kdl
            >>> distribution = kdl.distributions.MultivariateNormalTriL(
            ...     [0.0, 0.0], scale_tril=[[1.0, 0.0], [3.0, 4.0]])
            >>> marginals = distribution.marginals()
            >>> marginals.batch_shape, marginals.event_shape
            ((2,), ())
            >>> [float(scale) for scale in marginals.stddev()]
            [1.0, 5.0]
        """
        return self._marginals() if self.event_shape else self

    def _marginals(self: Any) -> Any:
        raise self._unavailable("marginals", _NO_MARGINALS)

    def marginal_log_prob(self: Any, value: Tensor, is_observed: Tensor) -> Tensor:
        """The log density of the entries of an event that were observed, in nats.

        The other entries are marginalized: independent ones are left out, those of a
        multivariate normal are integrated over exactly. They have no part in the gradient.

        Args:
            value: As for `log_prob`. What was not observed may be anything, such as NaN.
            is_observed: Booleans whose shape broadcasts with that of `value`.

        Returns:
            Tensor of the shape of `log_prob`; 0 for an event without an observed entry.

        Raises:
            NotImplementedError: if the family has no marginals in closed form.
            ValueError: as `log_prob` does.

        Examples:
            >>> import keras_distlayers as kdl
            >>> distribution = kdl.distributions.MultivariateNormalTriL(
            ...     [0.0, 0.0], scale_tril=[[1.0, 0.0], [1.0, 2.0]])
            >>> nan = float("nan")
            >>> second = distribution.marginal_log_prob([nan, 1.0], [False, True])
            >>> marginal = kdl.distributions.Normal(0.0, 5.0**0.5)
            >>> abs(float(second - marginal.log_prob(1.0))) < 1e-6
            True
        """
        value = self._as_event(value, "marginal_log_prob")
        is_observed = ops.cast(ops.convert_to_tensor(is_observed), "bool")
        value, is_observed = broadcast_tensors(value, is_observed)
        log_prob = self._marginal_log_prob(value, is_observed)
        axes = tuple(range(-len(self.event_shape), 0))
        has_entry = ops.any(is_observed, axis=axes) if axes else is_observed
        return ops.where(has_entry, log_prob, 0.0)

    def _marginal_log_prob(self: Any, value: Tensor, is_observed: Tensor) -> Tensor:
        """As `marginal_log_prob`, of any number where no entry of an event was observed."""
        if self.event_shape:
            raise self._unavailable(
                "marginal_log_prob",
                f"{_NO_MARGINALS}; a row that is missing whole can have `sample_weight` 0",
            )
        # A value that was not observed may be NaN or outside the support. To leave its term out
        # is not enough: in the gradient, 0 times infinity is NaN.
        draw = ops.stop_gradient(self.sample(seed=0))
        return self._log_prob(ops.where(is_observed, value, draw))


__all__ = ["Marginals"]
