"""A head whose distribution is a normalizing flow, conditioned by its input."""

from collections.abc import Sequence
from typing import Any, Unpack

import keras
from keras import ops

from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers._backend import backend
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._dense_network import DenseNetworkLayer
from keras_distlayers.layers._sizes import checked_shape, checked_size
from keras_distlayers.layers.head import ConvertToTensor, Head, HeadOptions

_INITIAL_SHARE = 0.1
"""The first log-scales and shifts are this share of what the initializer makes them. With all
of it, four couplings stretch a point by exp(20) in the first steps of training."""


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class ConditionalFlow(Head):
    """A head for a density of any form: couplings of standard normal numbers.

    y = f_1(f_2(... f_n(z))) for a standard normal vector z, where each f is a
    `bijectors.RealNVP` under masks that take turns; its network sees the entries under the
    mask and the layer's input. The weights are the layer's own: it takes features of any
    length. For a density without a condition, its input may be a constant.

    Log-scales are bounded softly by `log_scale_limit`, each as `limit * tanh(raw / limit)`,
    so that training does not run away. Each coupling starts close to the identity: the last
    kernel of its network is a tenth of what `kernel_initializer` makes.

    Args:
        event_size: d, the length of the vector.
        num_couplings: How many couplings; two at least for all entries to move.
        hidden_units: The widths of each network's hidden layers.
        activation: Of the hidden layers. Smooth and bounded ones train most steadily.
        log_scale_limit: The largest log-scale of one coupling.
        kernel_initializer: Of the networks' kernels.
        convert_to_tensor_fn: What the output is as a tensor: `"sample"`, or a function of the
            distribution. A flow has draws, and neither mean nor mode.

    Input shape: `batch_shape + (features,)`.

    Output shape: `batch_shape + (d,)`.

    Raises:
        ValueError: if `event_size`, `num_couplings` or one of `hidden_units` is not a positive
            integer.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.ConditionalFlow(2, hidden_units=(8,))(keras.ops.zeros((5, 3)))
        >>> [tuple(x.shape) for x in (rv, rv.log_prob(rv), rv.sample(4))]
        [(5, 2), (5,), (4, 5, 2)]

    Source: Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP (2017); with a
    condition: Winkler, Worrall, Hoogeboom and Welling (2019).
    """

    def __init__(
        self,
        event_size: int,
        num_couplings: int = 4,
        hidden_units: Sequence[int] = (64, 64),
        activation: Any = "tanh",
        log_scale_limit: float = 5.0,
        kernel_initializer: Any = "glorot_uniform",
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__(convert_to_tensor_fn, **options)
        # Where it is False, Keras warns of `jit_compile=True` and trains without.
        self.supports_jit = backend.COMPILES_FLOWS
        name = type(self).__name__
        self.event_size = checked_size(name, "event_size", event_size)
        self.num_couplings = checked_size(name, "num_couplings", num_couplings)
        self.hidden_units = list(checked_shape(name, "hidden_units", hidden_units))
        self.activation = keras.activations.get(activation)
        self.log_scale_limit = float(log_scale_limit)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.networks = [
            DenseNetworkLayer(
                2, self.hidden_units, self.activation, name=f"coupling_{i}",
                kernel_initializer=_clone(self.kernel_initializer), dtype=self.dtype_policy,
                output_gain=_INITIAL_SHARE,
            )
            for i in range(self.num_couplings)
        ]  # fmt: skip

    def build(self, input_shape: Any) -> None:
        for network in self.networks:
            if not network.built:
                network.build_weights(self.event_size + input_shape[-1], self.event_size)
        super().build(input_shape)

    def distribution(self, inputs: Any) -> kd.Distribution:
        if not self.built:
            self.build(tuple(inputs.shape))
        return super().distribution(inputs)

    def make_distribution(self, inputs: Tensor) -> kd.Distribution:
        shape, dtype = (self.event_size,), self.networks[0].kernels[0].dtype
        inputs = ops.cast(inputs, dtype)
        couplings = [
            kb.RealNVP(_mask(i, self.event_size), network.network(inputs), self.log_scale_limit)
            for i, network in enumerate(self.networks)
        ]
        base = kd.MultivariateNormalDiag(ops.zeros(shape, dtype), ops.ones(shape, dtype))
        return kd.TransformedDistribution(base, kb.Chain(couplings))


def _mask(i: int, event_size: int) -> list[bool]:
    """Every second entry, the others in the next coupling."""
    return [(i + j) % 2 == 0 for j in range(event_size)]


def _clone(initializer: Any) -> Any:
    """One with a seed would otherwise be shared, and warn that it gives the same twice."""
    is_initializer = isinstance(initializer, keras.initializers.Initializer)
    return initializer.clone() if is_initializer else initializer


__all__ = ["ConditionalFlow"]
