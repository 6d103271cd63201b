"""The head of a mixture of the distribution of any other head."""

from typing import Any, Unpack

import keras

from keras_distlayers.layers._component import Component
from keras_distlayers.layers._mixture_reader import RAW_PARAMETERS, MixtureReader
from keras_distlayers.layers._sizes import checked_size
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.parametric_head import ParametricHead, ReaderHead


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MixtureSameFamily(ReaderHead):
    """A head for a mixture of the distribution of another head.

    As `tfp.layers.MixtureSameFamily`.

    Args:
        num_components: K, the number of components.
        component_layer: The head of one component, such as `MultivariateNormalTriL(2)`. It
            only says how raw parameters are read and is never called. What stands for the
            tensor, the regularizer and the seed are those of this head.

    Input shape: `batch_shape + (K (1 + m),)`, where m is `component_layer.num_params`.

    Output shape: `batch_shape + event_shape`, with the event shape of `component_layer`.

    Raises:
        TypeError: if `component_layer` is not a `ParametricHead`.
        ValueError: if `num_components` is not a positive integer, or if `component_layer` has
            a regularizer.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.MixtureSameFamily(5, kdl.layers.MultivariateNormalTriL(2))
        >>> rv = head(keras.ops.zeros((8, head.num_params)))
        >>> head.num_params, tuple(rv.shape), tuple(rv.covariance().shape)
        (30, (8, 2), (8, 2, 2))

    Source: `keras_distlayers.distributions.MixtureSameFamily`.
    """

    raw_parameters = RAW_PARAMETERS

    def __init__(
        self,
        num_components: int,
        component_layer: ParametricHead,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        name = type(self).__name__
        self.num_components = checked_size(name, "num_components", num_components)
        self._component = Component(component_layer, name, "component_layer")
        reader = MixtureReader(self.num_components, self._component.reader)
        super().__init__(reader, convert_to_tensor_fn, **options)

    @staticmethod
    def params_size(num_components: int, component_params_size: int) -> int:
        """The number of raw parameters: K (1 + that of a component)."""
        name = "MixtureSameFamily"
        component = checked_size(name, "component_params_size", component_params_size)
        return checked_size(name, "num_components", num_components) * (1 + component)

    @classmethod
    def _reader_of_sizes(
        cls, num_components: int, component_layer: ParametricHead
    ) -> MixtureReader:
        size = checked_size(cls.__name__, "num_components", num_components)
        component = Component(component_layer, cls.__name__, "component_layer")
        return MixtureReader(size, component.reader)

    def get_config(self) -> dict[str, Any]:
        component = self._component.get_config()
        own = {"num_components": self.num_components, "component_layer": component}
        return {**super().get_config(), **own}


__all__ = ["MixtureSameFamily"]
