"""Convolutions with uncertain weights by reparameterization, as `tfp.layers` has them."""

import keras

from keras_distlayers.layers._convolution_variational import ConvolutionVariational


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Convolution1DReparameterization(ConvolutionVariational):
    """A convolution over one axis, with weights that are drawn once for all rows.

    `Variational` around a `keras.layers.Conv1D`, under the name and with the arguments of
    `tfp.layers`. The kernel is uncertain and the bias is not.

    Args:
        filters: The number of channels of the output.
        kernel_size: The size of the window.
        strides: As for `keras.layers.Conv1D`, as the next three and `activation`.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: The distance of the window's entries.
        activation: Of the outputs.
        activity_regularizer: Of the outputs.
        kernel_posterior_fn: As `posterior` of `Variational`; None for `"mean_field_normal"`.
        kernel_prior_fn: As `prior` of `Variational`; None for `"standard_normal"`.
        seed: An int for the same sequence of draws each time the layer is made.
        dataset_size: The number of training examples, by which the KL is divided.
        use_bias: Whether there is a bias.
        name: The name of the layer.
        dtype: The dtype policy of the layer inside.

    Input shape: that of `keras.layers.Conv1D`.

    Output shape: that of `keras.layers.Conv1D`.

    Raises:
        TypeError: for an argument of `tfp.layers` that does not exist here.
        ValueError: as `Variational` does.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.Convolution1DReparameterization(6, 2, dataset_size=1000)
        >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
        (2, 4, 6)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014).
    """

    layer_class = keras.layers.Conv1D
    estimator_name = "reparameterization"


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Convolution2DReparameterization(ConvolutionVariational):
    """A convolution over two axes, with weights that are drawn once for all rows.

    `Variational` around a `keras.layers.Conv2D`, under the name and with the arguments of
    `tfp.layers`. The kernel is uncertain and the bias is not.

    Args:
        filters: The number of channels of the output.
        kernel_size: The size of the window.
        strides: As for `keras.layers.Conv2D`, as the next three and `activation`.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: The distance of the window's entries.
        activation: Of the outputs.
        activity_regularizer: Of the outputs.
        kernel_posterior_fn: As `posterior` of `Variational`; None for `"mean_field_normal"`.
        kernel_prior_fn: As `prior` of `Variational`; None for `"standard_normal"`.
        seed: An int for the same sequence of draws each time the layer is made.
        dataset_size: The number of training examples, by which the KL is divided.
        use_bias: Whether there is a bias.
        name: The name of the layer.
        dtype: The dtype policy of the layer inside.

    Input shape: that of `keras.layers.Conv2D`.

    Output shape: that of `keras.layers.Conv2D`.

    Raises:
        TypeError: for an argument of `tfp.layers` that does not exist here.
        ValueError: as `Variational` does.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.Convolution2DReparameterization(6, 2, dataset_size=1000)
        >>> tuple(layer(keras.ops.ones((2, 5, 5, 3))).shape)
        (2, 4, 4, 6)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014).
    """

    layer_class = keras.layers.Conv2D
    estimator_name = "reparameterization"


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Convolution3DReparameterization(ConvolutionVariational):
    """A convolution over three axes, with weights that are drawn once for all rows.

    `Variational` around a `keras.layers.Conv3D`, under the name and with the arguments of
    `tfp.layers`. The kernel is uncertain and the bias is not.

    Args:
        filters: The number of channels of the output.
        kernel_size: The size of the window.
        strides: As for `keras.layers.Conv3D`, as the next three and `activation`.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: The distance of the window's entries.
        activation: Of the outputs.
        activity_regularizer: Of the outputs.
        kernel_posterior_fn: As `posterior` of `Variational`; None for `"mean_field_normal"`.
        kernel_prior_fn: As `prior` of `Variational`; None for `"standard_normal"`.
        seed: An int for the same sequence of draws each time the layer is made.
        dataset_size: The number of training examples, by which the KL is divided.
        use_bias: Whether there is a bias.
        name: The name of the layer.
        dtype: The dtype policy of the layer inside.

    Input shape: that of `keras.layers.Conv3D`.

    Output shape: that of `keras.layers.Conv3D`.

    Raises:
        TypeError: for an argument of `tfp.layers` that does not exist here.
        ValueError: as `Variational` does.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.Convolution3DReparameterization(6, 2, dataset_size=1000)
        >>> tuple(layer(keras.ops.ones((2, 5, 5, 5, 3))).shape)
        (2, 4, 4, 4, 6)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014).
    """

    layer_class = keras.layers.Conv3D
    estimator_name = "reparameterization"


__all__ = [
    "Convolution1DReparameterization",
    "Convolution2DReparameterization",
    "Convolution3DReparameterization",
]
