"""The base of the layers that have the names and the arguments of `tfp.layers`."""

from typing import Any, ClassVar

import keras

from keras_distlayers._core.foreign_arguments import RefusesForeignArguments
from keras_distlayers.layers.default_weight_distributions import DefaultMeanFieldNormal
from keras_distlayers.layers.variational import Variational


class NamedAsInTFP(RefusesForeignArguments, Variational):
    """A `Variational` around a layer that it makes itself.

    Its config has the arguments of the `Variational` that it is.

    Attributes:
        layer_class: The Keras layer inside.
        estimator_name: The estimator.
    """

    saved_as = Variational
    layer_class: ClassVar[type[keras.layers.Layer]]
    estimator_name: ClassVar[str] = "reparameterization"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        # Of this class: Keras finds the weights in a file by the name of the class.
        layer = cls.__new__(cls)
        arguments = {name: value for name, value in config.items() if name != "dtype"}
        Variational.__init__(layer, **keras.saving.deserialize_keras_object(arguments))
        return layer


def posterior_and_kernel(kernel_posterior_fn: Any) -> tuple[Any, dict[str, Any]]:
    """The posterior, and the arguments of the layer inside for its kernel, which is the mean."""
    if isinstance(kernel_posterior_fn, DefaultMeanFieldNormal):
        return kernel_posterior_fn.of_scale(), kernel_posterior_fn.of_kernel()
    return kernel_posterior_fn or "mean_field_normal", {}


__all__ = ["NamedAsInTFP", "posterior_and_kernel"]
