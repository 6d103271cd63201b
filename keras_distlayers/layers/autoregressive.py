"""The masked autoregressive network, and the layer that transforms a distribution by it."""

import itertools

import keras
import numpy as np

from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
from keras_distlayers.layers._dense_network import DenseNetworkLayer
from keras_distlayers.layers.kl_divergence_add_loss import _Box
from keras_distlayers.layers.parametric import checked_event_shape
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.symbolic import SymbolicRandomVariable, infer


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class AutoregressiveNetwork(DenseNetworkLayer):
    """A dense network whose i-th outputs depend on the inputs before the i-th alone (MADE).

    Each unit has a degree, and sees the units of the layer before whose degree is no larger
    (in the last layer: smaller). Masks on the kernels see to that. The arguments are those of
    `tfp.bijectors.AutoregressiveNetwork`.

    Args:
        params: How many numbers come out for each entry of the event; 2 for shift and
            log-scale.
        event_shape: d, or `(d,)`; None takes it from the input.
        hidden_units: The widths of the hidden layers.
        input_order: `"left-to-right"`, `"right-to-left"`, or a permutation of 1 ... d: the
            place of each entry.
        activation: Of the hidden layers: a name, a function or None.
        use_bias: Whether there are biases.
        kernel_initializer: Of the kernels.
        bias_initializer: Of the biases.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Input shape: `batch_shape + (d,)`.

    Output shape: `batch_shape + (d, params)`.

    Raises:
        ValueError: if `event_shape` has another rank than 1, or is not the input's, or
            `input_order` is none.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> made = kdl.layers.AutoregressiveNetwork(params=2, hidden_units=[8], activation="relu")
        >>> tuple(made(keras.ops.ones((5, 3))).shape)
        (5, 3, 2)

    Source: Germain, Gregor, Murray and Larochelle, MADE: Masked Autoencoder for Distribution
    Estimation (2015), section 4.
    """

    def __init__(
        self,
        params,
        event_shape=None,
        hidden_units=None,
        input_order="left-to-right",
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(
            params, hidden_units or (), activation, use_bias,
            kernel_initializer, bias_initializer, **kwargs,
        )  # fmt: skip
        self.event_shape = None
        if event_shape is not None:
            self.event_shape = checked_event_shape(type(self).__name__, event_shape)
        self.input_order = input_order if isinstance(input_order, str) else list(input_order)

    def build(self, input_shape):
        event_size = input_shape[-1]
        if self.event_shape not in (None, (event_size,)):
            raise ValueError(
                message(
                    f"AutoregressiveNetwork '{self.name}'",
                    expected=f"vectors of event_shape={self.event_shape}",
                    received=f"shape={tuple(input_shape)}",
                )
            )
        self.masks = self._masks(event_size)
        self.build_weights(event_size, event_size)

    def _masks(self, event_size):
        """For each kernel, which entries stay."""
        first = _degrees_of_input(self, event_size)
        degrees = [first]
        for units in self.hidden_units:
            degrees.append(_degrees_of_hidden(units, event_size, degrees[-1].min()))
        masks = [a[:, None] <= b for a, b in itertools.pairwise(degrees)]
        last = degrees[-1][:, None] < first
        return [*masks, np.repeat(last, self.params, axis=-1)]

    def get_config(self):
        config = {"event_shape": self.event_shape, "input_order": self.input_order}
        return {**super().get_config(), **config}


MADE = AutoregressiveNetwork


def _degrees_of_input(layer, event_size):
    places = list(range(1, event_size + 1))
    orders = {"left-to-right": places, "right-to-left": places[::-1]}
    order = layer.input_order
    order = orders.get(order) if isinstance(order, str) else order
    if order is None or sorted(order) != places:
        raise ValueError(
            message(
                f"AutoregressiveNetwork '{layer.name}', argument `input_order`",
                expected=f"'left-to-right', 'right-to-left' or the ints from 1 to {event_size}",
                received=f"input_order={layer.input_order!r}",
            )
        )
    return np.asarray(order)


def _degrees_of_hidden(units, event_size, least):
    """The inner ones of `units + 2` points spread evenly from 0 to d - 1, rounded up.

    As in TFP, so that the weights of its networks fit. None is less than the least of the
    layer before: such a unit would see nothing.
    """
    inner = np.arange(1, units + 1) * (event_size - 1) / (units + 1)
    return np.maximum(min(least, event_size - 1), np.ceil(inner).astype("int32"))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class AutoregressiveTransform(keras.layers.Layer):
    """Transforms a distribution by a masked autoregressive flow.

    The input is a RandomVariable x; the output is one as well, of the distribution of the y with
    y_i = x_i exp(s_i) + t_i, where shift and log-scale come from `made(y)` and depend on the
    entries before the i-th alone: `bijectors.MaskedAutoregressive`, whose log-scales are
    bounded softly. As a tensor it is the transform of the tensor that x is.

    The density costs one pass of the network, the draw d of them.

    Args:
        made: An `AutoregressiveNetwork` with `params=2`.
        log_scale_limit: As for `bijectors.MaskedAutoregressive`.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Input shape: that of a RandomVariable over vectors.

    Output shape: the same.

    Raises:
        TypeError: if `made` is no `AutoregressiveNetwork`, or the input no RandomVariable.
        ValueError: if `made.params` is not 2.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> made = kdl.layers.AutoregressiveNetwork(params=2, hidden_units=[8], activation="relu")
        >>> model = keras.Sequential([
        ...     keras.Input((4,)),
        ...     kdl.layers.MultivariateNormalDiag(2),
        ...     kdl.layers.AutoregressiveTransform(made),
        ... ])
        >>> rv = model(keras.ops.zeros((5, 4)))
        >>> type(rv.distribution).__name__, tuple(rv.log_prob(rv).shape)
        ('TransformedDistribution', (5,))

    Source: Papamakarios, Pavlakou and Murray, Masked Autoregressive Flow for Density
    Estimation (2017).
    """

    def __init__(self, made, log_scale_limit=5.0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.made = _checked_made(self.name, made)
        self.log_scale_limit = float(log_scale_limit)

    def build(self, input_shape):
        if not self.made.built:
            self.made.build(input_shape)
        self.built = True

    def transform(self, distribution):
        """The distribution of the transformed variable, for the network's weights as they are now."""
        bijector = kb.MaskedAutoregressive(self.made.network(), self.log_scale_limit)
        base = distribution.unwrapped()
        return kd.TransformedDistribution(base, bijector).seeded_by(base._default_seed)

    def __call__(self, inputs, **kwargs):
        # Layer.__call__ would turn the RandomVariable into its draw. A keyword that is no
        # array goes through untouched, so the variable travels inside a box.
        if isinstance(inputs, RandomVariable):
            return super().__call__(inputs, boxed=_Box(inputs), **kwargs)
        return super().__call__(inputs, **kwargs)

    def call(self, inputs, boxed=None):
        if boxed is None:
            raise self._no_random_variable(inputs)
        distribution = self.transform(boxed.content)
        return RandomVariable(distribution, distribution.bijector.forward(boxed.content.tensor))

    def _no_random_variable(self, inputs):
        return TypeError(
            message(
                f"AutoregressiveTransform '{self.name}'",
                expected="the RandomVariable that a head returns",
                received=f"a tensor of shape {tuple(inputs.shape)}",
                fix="Put the layer right behind a head of keras_distlayers.layers.",
            )
        )

    def compute_output_spec(self, inputs, boxed=None):
        if not isinstance(inputs, SymbolicRandomVariable):
            # A nested model's output: whether it is a RandomVariable shows as the graph runs.
            return keras.KerasTensor(inputs.shape, inputs.dtype)
        head = _Transformed(self, inputs._head)
        spec = infer(lambda x: head.distribution(x).sample(), inputs._inputs)
        return SymbolicRandomVariable(spec.shape, spec.dtype, head, inputs._inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        made = keras.saving.serialize_keras_object(self.made)
        config = {"made": made, "log_scale_limit": self.log_scale_limit}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        made = keras.saving.deserialize_keras_object(config["made"])
        return super().from_config({**config, "made": made})


class _Transformed:
    """What a symbolic variable asks its head: the distribution for the head's inputs."""

    def __init__(self, layer, head):
        self.layer, self.head = layer, head

    def distribution(self, inputs):
        return self.layer.transform(self.head.distribution(inputs))


def _checked_made(name, made):
    where = f"AutoregressiveTransform '{name}', argument `made`"
    if not isinstance(made, AutoregressiveNetwork):
        raise TypeError(
            message(
                where, expected="an AutoregressiveNetwork", received=f"a {type(made).__name__}"
            )
        )
    if made.params != 2:
        raise ValueError(
            message(
                where,
                expected="a network with params=2, for shift and log-scale",
                received=f"params={made.params}",
            )
        )
    return made


__all__ = ["MADE", "AutoregressiveNetwork", "AutoregressiveTransform"]
