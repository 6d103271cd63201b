"""What reads the parameters of a mixture."""

from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Categorical, MixtureSameFamily
from keras_distlayers.layers._readers import ParameterReader

RAW_PARAMETERS = ("logits of the components", "raw parameters of each component in turn")
"""The order of the last axis, in words."""


class MixtureReader(ParameterReader):
    """Reads the logits of the components, then the parameters of one after the other.

    Args:
        num_components: K, the number of components.
        component: Reads the parameters of one component.
    """

    def __init__(self, num_components: int, component: ParameterReader) -> None:
        super().__init__(num_components * (1 + component.size))
        self._num_components, self._component = num_components, component

    def to_distribution(self, raw: Tensor) -> MixtureSameFamily:
        k = self._num_components
        shape = (*tuple(ops.shape(raw))[:-1], k, self._component.size)
        components = self._component.to_distribution(ops.reshape(raw[..., k:], shape))
        return MixtureSameFamily(Categorical(logits=raw[..., :k]), components)


__all__ = ["RAW_PARAMETERS", "MixtureReader"]
