"""Images of digits for the examples: MNIST, or scikit-learn's digits where it is not at hand."""

import keras
import numpy as np
from keras import ops

IMAGE_SHAPE = (28, 28, 1)


def load_images(data, console):
    """Training and test images in [0, 1], shape (n, 28, 28, 1)."""
    return tuple(images for images, _ in load_labelled(data, console))


def load_labelled(data, console):
    """Images in [0, 1], shape (n, 28, 28, 1), and their labels: for training and for the test.

    Args:
        data: "mnist", "digits", or the path of an .npz file as Keras's mnist.npz.
        console: Where it is said that MNIST could not be downloaded.
    """
    if data == "mnist":
        parts = load_mnist(console)
    elif data == "digits":
        parts = load_digits()
    else:
        with np.load(data) as file:
            parts = [(file[f"x_{part}"] / 255.0, file[f"y_{part}"]) for part in ("train", "test")]
    return [(x.reshape(-1, *IMAGE_SHAPE).astype("float32"), y.astype("int32")) for x, y in parts]


def load_mnist(console):
    """MNIST from Keras's cache or download; without a network, the digits."""
    try:
        parts = keras.datasets.mnist.load_data()
    except Exception as error:
        console.print(
            f"[yellow]MNIST could not be downloaded ({str(error)[:60]}...): training on "
            "scikit-learn's bundled digits, scaled to 28 x 28, instead.[/yellow]"
        )
        return load_digits()
    return [(x / 255.0, y) for x, y in parts]


def load_digits():
    """scikit-learn's 1,797 digits of 8 x 8 pixels, enlarged to 24 x 24 inside 28 x 28."""
    from sklearn.datasets import load_digits as load

    small, y = load(return_X_y=True)
    small = small.reshape(-1, 8, 8, 1).astype("float32") / 16.0
    images = ops.image.resize(small, (24, 24), interpolation="bilinear")
    x = np.pad(ops.convert_to_numpy(images), ((0, 0), (2, 2), (2, 2), (0, 0)))
    return hold_out((x, y), 300)


def hold_out(data, size):
    """All rows but the last ones, and those."""
    x, y = data
    return (x[:-size], y[:-size]), (x[-size:], y[-size:])


class Binarized(keras.utils.PyDataset):
    """Batches of binary images: each pixel is 1 with its grey value as the probability.

    All images are drawn anew for each epoch, at once and by the backend: on a GPU, no step waits
    for NumPy or for a copy. All batches have one size, so that one compiled step serves them all;
    the images that do not fill a batch are left out, others in each epoch if they are shuffled.
    """

    def __init__(self, images, batch_size, seed, shuffle=False):
        super().__init__()
        self.images, self.shuffle = ops.convert_to_tensor(images), shuffle
        batch_size = min(batch_size, len(images))
        self.shape = (len(images) // batch_size, batch_size, *IMAGE_SHAPE)
        self.seed = keras.random.SeedGenerator(seed)
        self.on_epoch_end()

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        x = ops.take(self.batches, index, axis=0)
        return x, x

    def on_epoch_end(self):
        order = ops.arange(len(self.images))
        if self.shuffle:
            order = keras.random.shuffle(order, seed=self.seed)
        whole = order[: self.shape[0] * self.shape[1]]
        grey = ops.reshape(ops.take(self.images, whole, axis=0), self.shape)
        self.batches = self.pixels(grey)

    def pixels(self, grey):
        """The pixels of this epoch's images, for their grey values."""
        return ops.cast(keras.random.uniform(self.shape, seed=self.seed) < grey, "float32")


class Grey(Binarized):
    """Batches of images of whole grey levels from 0 to 255."""

    def pixels(self, grey):
        return ops.round(255.0 * grey)
