"""Heads over labels: integers, one-hot vectors, and labels that have an order."""

import keras
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers._core.ops import cumsum
from keras_distlayers.layers.parametric import (
    ParametricHead,
    as_event,
    checked_event_size,
    positive_scale,
)


class _LabelHead(ParametricHead):
    """What heads over integer labels share: their one argument."""

    _fewest = 1

    def __init__(
        self,
        num_categories,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        self.num_categories = checked_event_size(
            type(self).__name__, num_categories, "num_categories", self._fewest
        )
        num_params = self.params_size(num_categories)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)

    def get_config(self):
        return {**super().get_config(), "num_categories": self.num_categories}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Categorical(_LabelHead):
    """A head for one integer label an example: a classifier whose targets are integers.

    The last axis of the input holds the logits, one a label. Draws are int32 labels and carry
    no gradient. `losses.NegativeLogLikelihood` takes targets of shape `batch_shape`, integers
    or floats that are whole numbers; it is then the cross-entropy. Labels have no mean:
    `convert_to_tensor_fn="mode"` gives the most likely one.

    Args:
        num_categories: K; the labels are 0, ..., K - 1.
        convert_to_tensor_fn: As for `Head`, but for `"mean"`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (K,)`.

    Output shape: `batch_shape`.

    Raises:
        ValueError: if `num_categories` is no positive int, or the input's last axis is not K.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.Categorical(4)(keras.ops.zeros((5, 4)))
        >>> tuple(rv.shape), [round(float(x), 4) for x in rv.prob([0, 1, 2, 3, 0])][:2]
        ((5,), [0.25, 0.25])

    Source: `keras_distlayers.distributions.Categorical`.
    """

    raw_parameters = ("logits",)

    @staticmethod
    def params_size(num_categories):
        """The number of raw parameters: one a label."""
        return num_categories

    def make_distribution(self, inputs):
        return kd.Categorical(logits=inputs)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class OrderedLogistic(_LabelHead):
    """A head for one label an example, the labels in an order: ratings, grades, stages.

    The last axis of the input holds loc, then the first cutpoint, then K - 2 raw increments;
    each cutpoint is the one before it plus softplus(raw) + 1e-5. The distribution depends on loc less
    the first cutpoint alone: the first cutpoint is free too, so that a bias of its own moves
    all labels. Draws are int32 labels and carry no gradient.

    Args:
        num_categories: K, at least 2; the labels are 0, ..., K - 1.
        convert_to_tensor_fn: As for `Head`, but for `"mean"`, which labels do not have.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (K,)`.

    Output shape: `batch_shape`.

    Raises:
        ValueError: if `num_categories` is no int of at least 2, or the input's last axis is
            not K.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.OrderedLogistic(3)(keras.ops.zeros((5, 3)))
        >>> [round(float(rv.prob(k)[0]), 4) for k in range(3)]
        [0.5, 0.1667, 0.3333]

    Source: `keras_distlayers.distributions.OrderedLogistic`.
    """

    raw_parameters = ("loc", "the first cutpoint", "increments of the next: softplus + 1e-5")
    _fewest = 2

    @staticmethod
    def params_size(num_categories):
        """The number of raw parameters: loc, and one for each of the K - 1 cutpoints."""
        return num_categories

    def make_distribution(self, inputs):
        # The cutpoints alone would round a gap between large ones away.
        gaps = positive_scale(inputs[..., 2:])
        cutpoints = cumsum(ops.concatenate([inputs[..., 1:2], gaps], axis=-1), -1)
        return kd.OrderedLogistic(cutpoints, inputs[..., 0], gaps=gaps)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class OneHotCategorical(ParametricHead):
    """A head for one label an example, as a one-hot vector.

    The last axis of the input holds the logits, one a label, as in
    `tfp.layers.OneHotCategorical`. Draws are floats and carry no gradient, unless
    `straight_through` asks for that of the probabilities, which is biased.

    Args:
        event_size: K, the length of the vector.
        convert_to_tensor_fn: As for `Head`; `"mean"` gives the probabilities.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        straight_through: As for `keras_distlayers.distributions.OneHotCategorical`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (K,)`.

    Output shape: `batch_shape + (K,)`.

    Raises:
        ValueError: if `event_size` is no positive int, or the input's last axis is not K.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.OneHotCategorical(4)(keras.ops.zeros((5, 4)))
        >>> tuple(rv.shape), float(rv.mean()[0, 0]), float(keras.ops.sum(rv[0]))
        ((5, 4), 0.25, 1.0)

    Source: `keras_distlayers.distributions.OneHotCategorical`.
    """

    raw_parameters = ("logits",)

    def __init__(
        self,
        event_size,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        straight_through=False,
        **kwargs,
    ):
        self.event_size = checked_event_size(type(self).__name__, event_size)
        self.straight_through = straight_through
        num_params = self.params_size(event_size)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)

    @staticmethod
    def params_size(event_size):
        """The number of raw parameters: one a label."""
        return event_size

    def make_distribution(self, inputs):
        return kd.OneHotCategorical(logits=inputs, straight_through=self.straight_through)

    def get_config(self):
        own = {"event_size": self.event_size, "straight_through": self.straight_through}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class CategoricalMixtureOfOneHotCategorical(ParametricHead):
    """A head for a mixture of one-hot categorical distributions.

    The last axis of the input holds the logits of the M components, then the K logits of the
    first component, of the second, and so on, as in
    `tfp.layers.CategoricalMixtureOfOneHotCategorical`. `log_mean()` of the output is the
    logarithm of the mean probabilities. Draws are floats and carry no gradient.

    Args:
        event_size: K, the length of the vector.
        num_components: M.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (M (1 + K),)`.

    Output shape: `batch_shape + (K,)`.

    Raises:
        ValueError: if `event_size` or `num_components` is no positive int, or the input's last
            axis is not M (1 + K).

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.CategoricalMixtureOfOneHotCategorical(4, 2)(keras.ops.zeros((5, 10)))
        >>> tuple(rv.shape), round(float(rv.log_mean()[0, 0]), 4)
        ((5, 4), -1.3863)

    Source: `keras_distlayers.distributions.CategoricalMixtureOfOneHotCategorical`.
    """

    raw_parameters = ("logits of the components", "logits of the labels, of each in turn")

    def __init__(
        self,
        event_size,
        num_components,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        name = type(self).__name__
        self.event_size = checked_event_size(name, event_size)
        self.num_components = checked_event_size(name, num_components, "num_components")
        num_params = self.params_size(event_size, num_components)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)

    @staticmethod
    def params_size(event_size, num_components):
        """The number of raw parameters: M (1 + K)."""
        return num_components * (1 + event_size)

    def make_distribution(self, inputs):
        m = self.num_components
        components = as_event(inputs[..., m:], (m, self.event_size))
        return kd.CategoricalMixtureOfOneHotCategorical(inputs[..., :m], components)

    def get_config(self):
        own = {"event_size": self.event_size, "num_components": self.num_components}
        return {**super().get_config(), **own}


__all__ = [
    "Categorical",
    "CategoricalMixtureOfOneHotCategorical",
    "OneHotCategorical",
    "OrderedLogistic",
]
