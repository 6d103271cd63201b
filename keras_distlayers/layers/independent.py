"""Heads over events of any shape whose entries are independent of each other."""

import keras
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers.layers.parametric import (
    ParametricHead,
    as_event,
    checked_event_shape,
    event_count,
    positive_scale,
)


class IndependentHead(ParametricHead):
    """What these heads share: the event's shape, and the sum over it.

    A subclass names the raw parameters of an entry, and makes the distribution of the entries from that
    many tensors of the event's shape. The last axis of the input holds the first parameter of
    all entries, then the second of all, and so on.
    """

    def __init__(
        self,
        event_shape=(),
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        self.event_shape = checked_event_shape(type(self).__name__, event_shape)
        num_params = self.params_size(event_shape)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)

    @classmethod
    def params_size(cls, event_shape=()):
        """The number of raw parameters: one of each kind an entry."""
        return len(cls.raw_parameters) * event_count(event_shape)

    def entries(self, *raw):
        """The distribution of the entries, for raw parameters of shape `batch_shape + event_shape`."""
        raise NotImplementedError(f"{type(self).__name__} must define entries(...)")

    def make_distribution(self, inputs):
        parts = ops.split(inputs, len(self.raw_parameters), axis=-1)
        distribution = self.entries(*(as_event(part, self.event_shape) for part in parts))
        return kd.Independent(distribution, len(self.event_shape))

    def get_config(self):
        return {**super().get_config(), "event_shape": self.event_shape}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentBernoulli(IndependentHead):
    """A head for an event of independent Bernoulli entries, such as black and white pixels.

    The last axis of the input holds the logits, one per entry. Draws are floats 0.0 and 1.0
    and carry no gradient.

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
        >>> rv = kdl.layers.IndependentBernoulli((28, 28, 1))(keras.ops.zeros((5, 784)))
        >>> [tuple(x.shape) for x in (rv, rv.mode(), rv.log_prob(keras.ops.ones((5, 28, 28, 1))))]
        [(5, 28, 28, 1), (5, 28, 28, 1), (5,)]

    Source: `keras_distlayers.distributions.Bernoulli`.
    """

    raw_parameters = ("logits",)

    def entries(self, logits):
        return kd.Bernoulli(logits=logits)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentNormal(IndependentHead):
    """A head for an event of independent normal entries.

    The last axis of the input holds loc for all entries, then the raw scale for all; the
    scale is softplus(raw) + 1e-5.

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
        >>> rv = kdl.layers.IndependentNormal((2, 3))(keras.ops.zeros((5, 12)))
        >>> tuple(rv.shape), tuple(rv.log_prob(keras.ops.ones((5, 2, 3))).shape)
        ((5, 2, 3), (5,))

    Source: `keras_distlayers.distributions.Normal`.
    """

    raw_parameters = ("loc", "scale: softplus + 1e-5")

    def entries(self, loc, raw_scale):
        return kd.Normal(loc, positive_scale(raw_scale))


__all__ = ["IndependentBernoulli", "IndependentNormal"]
