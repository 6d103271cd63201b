"""The layer that transforms a distribution by a masked autoregressive flow."""

from typing import Any

import keras

from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers.autoregressive_network import AutoregressiveNetwork
from keras_distlayers.layers.random_variable_layer import RandomVariableLayer
from keras_distlayers.random_variable import RandomVariable


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class AutoregressiveTransform(SavedArguments, RandomVariableLayer):
    """Transforms a distribution by a masked autoregressive flow.

    The input is a RandomVariable x, and so is the output y, with y_i = x_i exp(s_i) + t_i. The
    shifts t and log-scales s are `made(y)`, so that t_i and s_i depend only on the entries of y
    before the i-th. `bijectors.MaskedAutoregressive` has the details; its log-scales are
    bounded softly. As a tensor, the output is the transform of the tensor that x is.

    The density costs one pass of the network, a draw d of them.

    Args:
        made: An `AutoregressiveNetwork` with `params=2`.
        log_scale_limit: The largest log-scale, as in `bijectors.MaskedAutoregressive`.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Input shape: that of a RandomVariable over vectors.

    Output shape: the same.

    Raises:
        TypeError: if `made` is not an `AutoregressiveNetwork`, or the input not a RandomVariable.
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

    def __init__(
        self, made: AutoregressiveNetwork, log_scale_limit: float = 5.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.made = _checked_made(self.name, made)
        self.log_scale_limit = float(log_scale_limit)

    def build(self, input_shape: Any) -> None:
        if not self.made.built:
            self.made.build(input_shape)
        self.built = True

    def transform(self, distribution: kd.Distribution) -> kd.TransformedDistribution:
        """The distribution of the transformed variable, for the network's present weights."""
        bijector = kb.MaskedAutoregressive(self.made.network(), self.log_scale_limit)
        base = distribution.unwrapped()
        return kd.TransformedDistribution(base, bijector).seeded_by(base.default_seed)

    def call_random_variable(
        self, rv: RandomVariable, mask: Tensor | None = None, training: bool | None = None
    ) -> RandomVariable:
        distribution = self.transform(rv.distribution)
        value_and_log_prob = distribution.value_and_log_prob(rv.tensor, rv.log_prob(rv))
        return RandomVariable(distribution, *value_and_log_prob)


def _checked_made(name: str, made: Any) -> AutoregressiveNetwork:
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


__all__ = ["AutoregressiveTransform"]
