"""Heads over counts."""

import keras
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
from keras_distlayers.layers.independent import IndependentHead
from keras_distlayers.layers.parametric import (
    ParametricHead,
    as_event,
    event_count,
    positive_scale,
)

_STEEPEST_LOG_RATE = 40.0
"""Behind it the rate goes on as a line: its square is still a float32, as Adam wants it."""


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentPoisson(IndependentHead):
    """A head for an event of independent Poisson counts.

    The last axis of the input holds the log rates, one per entry. Up to 40 the rate is
    exp(raw), as in tfp.layers; above, where no counts are, it goes on along the tangent,
    exp(40) (1 + raw - 40), so that losses and gradients stay finite. Draws are floats and
    carry no gradient.

    Args:
        event_shape: The shape of one event: an int or a tuple; () for one entry an example.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (n,)`, n the number of entries of an event.

    Output shape: `batch_shape + event_shape`.

    Raises:
        ValueError: if `event_shape` has an entry below 1, or the input's last axis is not n.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentPoisson(3)(keras.ops.zeros((5, 3)))
        >>> tuple(rv.shape), tuple(rv.log_prob(keras.ops.ones((5, 3))).shape), float(rv.mean()[0, 0])
        ((5, 3), (5,), 1.0)

    Source: `keras_distlayers.distributions.Poisson`.
    """  # noqa: E501 - the example is one line

    raw_parameters = ("log_rate: logarithmic above 40",)

    def entries(self, raw):
        beyond = ops.relu(raw - _STEEPEST_LOG_RATE)
        return kd.Poisson(log_rate=raw - beyond + ops.log1p(beyond))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentNegativeBinomial(IndependentHead):
    """A head for an event of independent negative binomial counts, more spread than Poisson's.

    The last axis of the input holds the raw total_count for all entries, then the logits for
    all; total_count is softplus(raw) + 1e-5. Draws are floats and carry no gradient.

    Args:
        event_shape: The shape of one event: an int or a tuple; () for one entry an example.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (2 n,)`, n the number of entries of an event.

    Output shape: `batch_shape + event_shape`.

    Raises:
        ValueError: if `event_shape` has an entry below 1, or the input's last axis is not
            2 n.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentNegativeBinomial(3)(keras.ops.zeros((5, 6)))
        >>> tuple(rv.shape), round(float(rv.mean()[0, 0]), 4)
        ((5, 3), 0.6932)

    Source: `keras_distlayers.distributions.NegativeBinomial`.
    """

    raw_parameters = ("total_count: softplus + 1e-5", "logits")

    def entries(self, raw_total_count, logits):
        return kd.NegativeBinomial(positive_scale(raw_total_count), logits=logits)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class ZeroInflated(ParametricHead):
    """A head that adds extra zeros to the counts of another head.

    The last axis of the input holds the logits of an extra zero, one per entry, then the raw
    parameters of the other head. Draws carry no gradient.

    Args:
        count_head: The head of the counts, such as `IndependentPoisson(3)`, with independent
            entries. It only makes the distribution: what stands for the tensor, the regularizer and
            the seed are those of this head.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (n + m,)`, n the number of entries of an event, m the number of
    raw parameters of `count_head`.

    Output shape: `batch_shape + event_shape`.

    Raises:
        TypeError: if `count_head` is no `ParametricHead` with an `event_shape`.
        ValueError: if `count_head` has a regularizer, if its distribution is not one of independent
            counts, or if the input's last axis is not n + m.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.ZeroInflated(kdl.layers.IndependentNegativeBinomial(3))
        >>> rv = head(keras.ops.zeros((5, 9)))
        >>> head.num_params, tuple(rv.shape), round(float(rv.mean()[0, 0]), 4)
        (9, (5, 3), 0.3466)

    Source: `keras_distlayers.distributions.ZeroInflated`.
    """

    raw_parameters = ("logits of an extra zero", "raw parameters of count_head")

    def __init__(
        self,
        count_head,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        _check_count_head(count_head)
        num_params = self.params_size(count_head.event_shape, count_head.num_params)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)
        self.count_head = count_head
        self.event_shape = count_head.event_shape

    @staticmethod
    def params_size(event_shape, count_params_size):
        """The number of raw parameters: one per entry more than the other head has."""
        return event_count(event_shape) + count_params_size

    def build(self, input_shape):
        self.count_head.built = True  # it has no weights, and is never called
        super().build(input_shape)

    def make_distribution(self, inputs):
        n = event_count(self.event_shape)
        counts = self.count_head.make_distribution(inputs[..., n:]).unwrapped()
        entries = counts.distribution if isinstance(counts, kd.Independent) else counts
        logits = as_event(inputs[..., :n], self.event_shape)
        return kd.Independent(kd.ZeroInflated(entries, logits), len(self.event_shape))

    def get_config(self):
        count_head = keras.saving.serialize_keras_object(self.count_head)
        return {**super().get_config(), "count_head": count_head}

    @classmethod
    def from_config(cls, config):
        count_head = keras.saving.deserialize_keras_object(config["count_head"])
        return super().from_config({**config, "count_head": count_head})


def _check_count_head(head) -> None:
    """Raises unless the head says how many parameters it takes, and for which event."""
    where = "ZeroInflated, argument `count_head`"
    if not isinstance(head, ParametricHead) or not hasattr(head, "event_shape"):
        raise TypeError(
            message(
                where,
                expected="a ParametricHead with an `event_shape`, such as IndependentPoisson(3)",
                received=f"count_head={head!r}",
            )
        )
    if head.distribution_regularizer is not None:
        raise ValueError(
            message(
                where,
                expected="a head without a regularizer, for it is never called",
                received=f"activity_regularizer={head.distribution_regularizer!r}",
                fix="Give the regularizer to ZeroInflated.",
            )
        )


__all__ = ["IndependentNegativeBinomial", "IndependentPoisson", "ZeroInflated"]
