"""The networks of `mnist_ladder.py`: dense ones for a CPU, convolutions for a GPU.

Each kind has the same four functions: the encoder without its head, a plain and a residual
decoder without their last layer, and that layer, which gives each pixel its raw parameters.
"""

import math

import keras
from digit_images import IMAGE_SHAPE
from keras import layers

import keras_distlayers as kdl


def decoder(rung, preset):
    """From latents to a distribution of images."""
    networks = NETWORKS[preset.network]
    z = keras.Input((preset.latent_size,))
    h = networks.residual(z, preset) if rung.decoder == "residual" else networks.plain(z, preset)
    head = pixel_head(rung)
    raw = networks.pixels(h, head.num_params // math.prod(IMAGE_SHAPE))
    return keras.Model(z, head(raw))


def pixel_head(rung):
    """A Bernoulli for each pixel, or a mixture of two quantized logistics from 0 to 255."""
    if rung.grey:
        return kdl.layers.IndependentQuantizedLogisticMixture(2, IMAGE_SHAPE)
    return kdl.layers.IndependentBernoulli(IMAGE_SHAPE)


def encoder_body(preset, highest):
    """The encoder without its head, for pixels from 0 to `highest`."""
    image = keras.Input(IMAGE_SHAPE)
    h = layers.Rescaling(1.0 / highest, offset=-0.5)(image)
    return keras.Model(image, NETWORKS[preset.network].features(h, preset))


# ------------------------------------------------------------------------------- dense


def dense(units):
    return layers.Dense(units, activation="leaky_relu")


class DenseNetworks:
    """Hidden layers of `preset.widths` units."""

    @staticmethod
    def features(h, preset):
        h = layers.Flatten()(h)
        for units in preset.widths:
            h = dense(units)(h)
        return h

    @staticmethod
    def plain(z, preset):
        h = z
        for units in reversed(preset.widths):
            h = dense(units)(h)
        return h

    @staticmethod
    def residual(z, preset, num_blocks=3):
        """Blocks that add to what they are given, and the latents anew at each of them."""
        units = preset.widths[0]
        h = layers.Dense(units)(z)
        for _ in range(num_blocks):
            inner = layers.Concatenate()([layers.LeakyReLU()(h), z])
            h = layers.Add()([h, layers.Dense(units)(dense(preset.widths[-1])(inner))])
        return layers.LeakyReLU()(h)

    @staticmethod
    def pixels(h, params_per_pixel):
        return layers.Dense(math.prod(IMAGE_SHAPE) * params_per_pixel)(h)


# ------------------------------------------------------------------------------- convolutions


def conv(channels, strides=1, **kwargs):
    return layers.Conv2D(channels, 3, strides, padding="same", **kwargs)


def transposed(channels, strides):
    return layers.Conv2DTranspose(channels, 3, strides, padding="same")


def residual_block(h, z=None):
    """Two convolutions, added to what they are given; the latents shift all pixels alike."""
    channels = h.shape[-1]
    inner = conv(channels)(layers.Activation("silu")(h))
    if z is not None:
        shift = layers.Reshape((1, 1, channels))(layers.Dense(channels)(z))
        inner = layers.Add()([inner, shift])
    return layers.Add()([h, conv(channels)(layers.Activation("silu")(inner))])


class Convolutions:
    """`preset.widths` channels where the image has 28, 14 and 7 pixels on a side."""

    @staticmethod
    def features(h, preset):
        for level, channels in enumerate(preset.widths):
            h = conv(channels, strides=2 if level else 1)(h)
            h = residual_block(residual_block(h))
        h = layers.Flatten()(layers.Activation("silu")(h))
        return layers.Dense(512, activation="silu")(h)

    @staticmethod
    def plain(z, preset):
        h = smallest(z, preset)
        for channels in reversed(preset.widths[:-1]):
            h = layers.Activation("silu")(transposed(channels, strides=2)(h))
            h = conv(channels, activation="silu")(h)
        return h

    @staticmethod
    def residual(z, preset):
        h = residual_block(residual_block(smallest(z, preset), z), z)
        for channels in reversed(preset.widths[:-1]):
            h = transposed(channels, strides=2)(layers.Activation("silu")(h))
            h = residual_block(residual_block(h, z), z)
        return layers.Activation("silu")(h)

    @staticmethod
    def pixels(h, params_per_pixel):
        return layers.Flatten()(conv(params_per_pixel)(h))


def smallest(z, preset):
    """7 x 7 pixels, made of the latents."""
    shape = (7, 7, preset.widths[-1])
    return layers.Reshape(shape)(layers.Dense(math.prod(shape))(z))


NETWORKS = {"dense": DenseNetworks, "conv": Convolutions}
