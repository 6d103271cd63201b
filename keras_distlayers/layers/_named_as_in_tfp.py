"""The base of the layers that have the names and the arguments of `tfp.layers`."""

from typing import Any, ClassVar

import keras

from keras_distlayers._core.foreign_arguments import RefusesForeignArguments
from keras_distlayers.layers.variational import Variational


class NamedAsInTFP(RefusesForeignArguments, Variational):
    """A `Variational` around a layer that it makes itself.

    It is saved as the `Variational` that it is.

    Attributes:
        layer_class: The Keras layer inside.
        estimator_name: The estimator.
    """

    saved_as = Variational
    layer_class: ClassVar[type[keras.layers.Layer]]
    estimator_name: ClassVar[str] = "reparameterization"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return Variational.from_config(config)


__all__ = ["NamedAsInTFP"]
