"""A layer that owns the weights of a dense network, and hands the network out with them."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.bijectors.dense_network import DenseNetwork, DenseStep
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers._sizes import checked_shape, checked_size


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DenseNetworkLayer(SavedArguments, keras.layers.Layer):
    """A stack of dense layers, each kernel under a mask if there are masks.

    `network()` gives the function with the weights as tensors, read at that moment: in the
    scope of the layer that calls it, so that gradients find them, whoever takes the loss.

    Args:
        params: The length of the last axis of the output.
        hidden_units: The widths of the hidden layers.
        activation: Of the hidden layers.
        use_bias: Whether there are biases.
        kernel_initializer: Of the kernels.
        bias_initializer: Of the biases.
        output_gain: What the last kernel's first values are multiplied by.
        **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(
        self,
        params: int,
        hidden_units: Sequence[int],
        activation: Any,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        output_gain: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        name = type(self).__name__
        self.params = checked_size(name, "params", params)
        self.output_gain = float(output_gain)
        self.hidden_units = list(checked_shape(name, "hidden_units", hidden_units))
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.masks: list[Any] | None = None

    def build_weights(self, inputs: int, event_size: int) -> None:
        """Makes the weights of a network from `inputs` numbers to `event_size` times params."""
        widths = [inputs, *self.hidden_units, event_size * self.params]
        last = len(widths) - 2
        self.kernels = [
            self._weight(f"kernel_{i}", (widths[i], widths[i + 1]), self._start_of(i == last))
            for i in range(last + 1)
        ]
        self.biases = [
            self._weight(f"bias_{i}", (n,), self.bias_initializer) if self.use_bias else None
            for i, n in enumerate(widths[1:])
        ]
        self.built = True

    def _start_of(self, is_last: bool) -> Any:
        """The initializer of a kernel."""
        if not is_last or self.output_gain == 1.0:
            return self.kernel_initializer
        return lambda *args, **kwargs: self.output_gain * self.kernel_initializer(*args, **kwargs)

    def _weight(self, name: str, shape: Shape, initializer: Any) -> Any:
        # As for a head's parameters: log probabilities need float32's digits.
        dtype = "float64" if self.variable_dtype == "float64" else "float32"
        # An initializer without a seed of its own draws anew for each weight.
        return self.add_weight(
            shape=shape, initializer=initializer, name=name, dtype=dtype, autocast=False
        )

    def network(self, condition: Tensor | None = None) -> DenseNetwork:
        """The `DenseNetwork` with the weights as they are now."""
        # Not the generator itself, which torch.compile could not take along.
        return DenseNetwork(list(self._steps()), self.params, condition)

    def _steps(self) -> Iterator[DenseStep]:
        last = len(self.kernels) - 1
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            # A copy: on TensorFlow and Torch, the tensor of a variable changes along with it.
            kernel = ops.copy(kernel)
            if self.masks is not None:
                kernel = kernel * ops.cast(self.masks[i], kernel.dtype)
            bias = None if bias is None else ops.copy(bias)
            yield DenseStep(kernel, bias, None if i == last else self.activation)

    def call(self, inputs: Tensor) -> Tensor:
        return self.network()(ops.cast(inputs, self.kernels[0].dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.params)


__all__ = ["DenseNetworkLayer"]
