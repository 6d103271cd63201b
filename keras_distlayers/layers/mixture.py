"""Heads for mixtures: the distribution of any other head, several times over."""

import keras
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
from keras_distlayers.layers.independent import IndependentNormal
from keras_distlayers.layers.location_scale import IndependentLogistic
from keras_distlayers.layers.parametric import (
    ParametricHead,
    checked_event_shape,
    checked_event_size,
    event_count,
    positive_scale,
)


class _MixtureHead(ParametricHead):
    """What the mixtures share: logits of the components first, then the parameters of each."""

    raw_parameters = ("logits of the components", "raw parameters of each in turn")

    def __init__(self, num_components, component_params_size, *args, **kwargs):
        name = type(self).__name__
        self.num_components = checked_event_size(name, num_components, "num_components")
        super().__init__(num_components * (1 + component_params_size), *args, **kwargs)

    def components(self, raw):
        """The distribution of the components, for raw parameters `batch_shape + (components, size)`."""
        raise NotImplementedError(f"{type(self).__name__} must define components(raw)")

    def make_distribution(self, inputs):
        k = self.num_components
        leading = tuple(ops.shape(inputs))[:-1]
        raw = ops.reshape(inputs[..., k:], (*leading, k, self.num_params // k - 1))
        weights = kd.Categorical(logits=inputs[..., :k])
        return kd.MixtureSameFamily(weights, self.components(raw).unwrapped())

    def get_config(self):
        return {**super().get_config(), "num_components": self.num_components}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MixtureSameFamily(_MixtureHead):
    """A head for a mixture of the distribution of another head.

    The last axis of the input holds the logits of the K components, then the raw parameters of
    the first component, of the second, and so on. As `tfp.layers.MixtureSameFamily`.

    Args:
        num_components: K.
        component_layer: The head of one component, such as `MultivariateNormalTriL(2)`. It
            only makes the distribution: what stands for the tensor, the regularizer and the seed are
            those of this head.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (K (1 + m),)`, m the number of raw parameters of
    `component_layer`.

    Output shape: that of a draw of `component_layer`.

    Raises:
        TypeError: if `component_layer` is no head that says how many parameters it takes.
        ValueError: if the input's last axis is another.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.MixtureSameFamily(5, kdl.layers.MultivariateNormalTriL(2))
        >>> rv = head(keras.ops.zeros((8, head.num_params)))
        >>> head.num_params, tuple(rv.shape), tuple(rv.covariance().shape)
        (30, (8, 2), (8, 2, 2))

    Source: `keras_distlayers.distributions.MixtureSameFamily`.
    """

    def __init__(
        self,
        num_components,
        component_layer,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        if not isinstance(component_layer, ParametricHead):
            raise TypeError(
                message(
                    "MixtureSameFamily, argument `component_layer`",
                    expected="a ParametricHead, such as IndependentNormal(2)",
                    received=f"component_layer={component_layer!r}",
                )
            )
        size = component_layer.num_params
        super().__init__(
            num_components, size, convert_to_tensor_fn, activity_regularizer, seed, **kwargs
        )
        self.component_layer = component_layer

    @staticmethod
    def params_size(num_components, component_params_size):
        """The number of raw parameters: K (1 + that of a component)."""
        return num_components * (1 + component_params_size)

    def build(self, input_shape):
        self.component_layer.built = True  # it has no weights, and is never called
        super().build(input_shape)

    def components(self, raw):
        return self.component_layer.make_distribution(raw)

    def get_config(self):
        component_layer = keras.saving.serialize_keras_object(self.component_layer)
        return {**super().get_config(), "component_layer": component_layer}

    @classmethod
    def from_config(cls, config):
        component_layer = keras.saving.deserialize_keras_object(config["component_layer"])
        return super().from_config({**config, "component_layer": component_layer})


class _MixtureOf(_MixtureHead):
    """A mixture of a head that is known, over an event of any shape."""

    component_class: type

    def __init__(
        self,
        num_components,
        event_shape=(),
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        self.event_shape = checked_event_shape(type(self).__name__, event_shape)
        size = self.component_class.params_size(event_shape)
        super().__init__(
            num_components, size, convert_to_tensor_fn, activity_regularizer, seed, **kwargs
        )
        # Made here and not at each call: a layer owns variables, which TensorFlow refuses to
        # make inside a graph.
        self.component_layer = self.component_class(self.event_shape, seed=seed)

    @classmethod
    def params_size(cls, num_components, event_shape=()):
        """The number of raw parameters: K (1 + that of a component)."""
        return num_components * (1 + cls.component_class.params_size(event_shape))

    def build(self, input_shape):
        self.component_layer.built = True  # it has no weights, and is never called
        super().build(input_shape)

    def components(self, raw):
        return self.component_layer.make_distribution(raw)

    def get_config(self):
        return {**super().get_config(), "event_shape": self.event_shape}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MixtureNormal(_MixtureOf):
    """A head for a mixture of events of independent normal entries.

    `MixtureSameFamily(num_components, IndependentNormal(event_shape))`, as in tfp.layers.

    Args:
        num_components: K.
        event_shape: An int or a tuple.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.layers.MixtureNormal.params_size(5, event_shape=(2,))
        25
        >>> tuple(kdl.layers.MixtureNormal(5, 2)(keras.ops.zeros((8, 25))).mean().shape)
        (8, 2)

    Source: Bishop, Mixture Density Networks (1994).
    """

    component_class = IndependentNormal


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MixtureLogistic(_MixtureOf):
    """A head for a mixture of events of independent logistic entries.

    `MixtureSameFamily(num_components, IndependentLogistic(event_shape))`, as in tfp.layers.

    Args:
        num_components: K.
        event_shape: An int or a tuple.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> tuple(kdl.layers.MixtureLogistic(3, 2)(keras.ops.zeros((8, 15))).stddev().shape)
        (8, 2)

    Source: `keras_distlayers.distributions.MixtureSameFamily`.
    """

    component_class = IndependentLogistic


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentQuantizedLogisticMixture(ParametricHead):
    """A head for an event of integers, each a mixture of quantized logistics: PixelCNN++'s.

    The last axis of the input holds, for each of the n entries, the logits of the K
    components, their centres and their raw scales. Centres and scales are in units of the
    range: (low + high) / 2 + loc (high - low) / 2, and (softplus(raw) + 1e-5) (high - low) / 2.

    Args:
        num_components: K.
        event_shape: An int or a tuple; n is its number of entries.
        low: The smallest integer.
        high: The largest one.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (3 K n,)`.

    Output shape: `batch_shape + event_shape`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.IndependentQuantizedLogisticMixture(5, (8, 8, 3))
        >>> rv = head(keras.ops.zeros((2, head.num_params)))
        >>> head.num_params, tuple(rv.shape), round(float(rv.mean()[0, 0, 0, 0]), 2)
        (2880, (2, 8, 8, 3), 127.5)

    Source: Salimans, Karpathy, Chen and Kingma, PixelCNN++ (2017), section 2.1.
    """

    raw_parameters = ("logits", "loc: in half ranges", "scale: softplus + 1e-5 half ranges")

    def __init__(
        self,
        num_components,
        event_shape=(),
        low=0,
        high=255,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        name = type(self).__name__
        self.num_components = checked_event_size(name, num_components, "num_components")
        self.event_shape = checked_event_shape(name, event_shape)
        num_params = self.params_size(num_components, event_shape)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)
        self.low, self.high = int(low), int(high)

    @staticmethod
    def params_size(num_components, event_shape=()):
        """The number of raw parameters: 3 K an entry."""
        return 3 * num_components * event_count(event_shape)

    def make_distribution(self, inputs):
        shape = (*tuple(ops.shape(inputs))[:-1], *self.event_shape, 3 * self.num_components)
        logits, loc, raw_scale = ops.split(ops.reshape(inputs, shape), 3, axis=-1)
        middle, half = 0.5 * (self.low + self.high), 0.5 * (self.high - self.low)
        components = kd.QuantizedLogistic(
            middle + half * loc, half * positive_scale(raw_scale), self.low, self.high
        )
        mixture = kd.MixtureSameFamily(kd.Categorical(logits=logits), components)
        return kd.Independent(mixture, len(self.event_shape))

    def get_config(self):
        own = ("num_components", "event_shape", "low", "high")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


__all__ = [
    "IndependentQuantizedLogisticMixture",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
]
