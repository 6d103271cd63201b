"""Images: those of a data set, reconstructions, and what the entries of a latent do."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from matplotlib.axes import Axes

from keras_distlayers._core.errors import message
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Tensor
from keras_distlayers.plots._style import axes_or_new
from keras_distlayers.plots._values import as_array

# Between images, in pixels; and the inches of a small image in a new figure.
_GAP, _INCHES = 1, 0.55


def images(images: Any, num_columns: int = 10, cmap: str = "gray", ax: Axes | None = None) -> Axes:
    """Images side by side.

    Numbers from 0 to 1 are shown as they are; others are scaled by the least and the greatest.

    Args:
        images: Of shape `(n, height, width)`, or with a last axis of 1 or 3 channels. Or a
            `Distribution` or `RandomVariable` over such: its means, or draws where it has no mean.
        num_columns: How many in a row.
        cmap: The colour map of matplotlib for images of one channel. `"gray_r"` shows ink on
            paper.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes, with one image that is made of all.

    Raises:
        TypeError: if `ax` is not an Axes.
        ValueError: if the shape is not that of images.

    Examples:
        >>> import keras_distlayers as kdl
        >>> import numpy as np
        >>> ax = kdl.plots.images(np.zeros((20, 8, 8, 1)))
        >>> ax.images[0].get_array().shape
        (17, 89)
    """
    where = "plots.images"
    num_columns = checked_size(where, "num_columns", num_columns, 1)
    pixels = _as_pixels(where, images)
    num_columns = min(num_columns, len(pixels))
    rows = [pixels[i : i + num_columns] for i in range(0, len(pixels), num_columns)]
    return _draw_rows(where, ax, rows, cmap)


def reconstructions(
    images: Any,
    reconstruction: Any,
    num_images: int = 10,
    cmap: str = "gray",
    ax: Axes | None = None,
) -> Axes:
    """Images, and below each what a model made of it.

    Args:
        images: As for `images`.
        reconstruction: A model, which is called with the images that are shown. Or what it made
            of all of them: a `Distribution`, a `RandomVariable` or an array.
        num_images: How many of them to show, from the first on.
        cmap: As for `images`.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes, with one image that is made of all.

    Raises:
        TypeError: if `ax` is not an Axes.
        ValueError: if the shapes are not those of images, or differ.

    Examples:
        >>> import keras_distlayers as kdl
        >>> import numpy as np
        >>> images = np.zeros((4, 8, 8, 1), "float32")
        >>> pixels = kdl.distributions.Bernoulli(probs=images)
        >>> ax = kdl.plots.reconstructions(images, pixels)
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['data', 'model']
    """
    where = "plots.reconstructions"
    num_images = checked_size(where, "num_images", num_images, 1)
    given = as_array(images)[:num_images]
    if isinstance(reconstruction, keras.Model):
        reconstruction = reconstruction(ops.convert_to_tensor(given))
    rows = [_as_pixels(where, given), _as_pixels(where, reconstruction)[: len(given)]]
    if rows[0].shape != rows[1].shape:
        raise ValueError(
            message(
                f"{where}, argument `reconstruction`",
                expected=f"images of shape {rows[0].shape}, as those of the data",
                received=f"images of shape {rows[1].shape}",
            )
        )
    ax = _draw_rows(where, ax, rows, cmap)
    _name_rows(ax, rows[0].shape[1], ["data", "model"])
    return ax


def latent_traversal(
    decoder: Callable[[Tensor], Any],
    latent_size: int,
    dimensions: Sequence[int] | None = None,
    values: Sequence[float] = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0),
    origin: Any = None,
    cmap: str = "gray",
    ax: Axes | None = None,
) -> Axes:
    """What a decoder makes of latents that differ in one entry: a row of images for each.

    Args:
        decoder: A model, or a function, from latents of shape `(n, latent_size)` to images, or to
            a `RandomVariable` over them.
        latent_size: How many entries a latent has.
        dimensions: Which of them to change; None for the first ten.
        values: What to set the entry to, in the units of the latent.
        origin: The latent that the others are taken from, of shape `(latent_size,)`; None for
            zeros, the mean of a standard normal prior.
        cmap: As for `images`.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes, with one image that is made of all.

    Raises:
        TypeError: if `ax` is not an Axes.
        ValueError: if there is no such dimension, or if the decoder's output is not images.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> decoder = keras.Sequential([
        ...     keras.Input((2,)),
        ...     keras.layers.Dense(64),
        ...     kdl.layers.IndependentBernoulli((8, 8, 1)),
        ... ])
        >>> ax = kdl.plots.latent_traversal(decoder, latent_size=2)
        >>> ax.get_ylabel(), len(ax.get_yticks()), len(ax.get_xticks())
        ('entry of the latent', 2, 7)
    """
    where = "plots.latent_traversal"
    latent_size = checked_size(where, "latent_size", latent_size)
    dimensions = _checked_dimensions(where, dimensions, latent_size)
    latents = np.zeros((len(dimensions), len(values), latent_size), "float32")
    latents += 0.0 if origin is None else as_array(origin)
    for row, dimension in zip(latents, dimensions, strict=True):
        row[:, dimension] = values
    flat = ops.convert_to_tensor(latents.reshape(-1, latent_size))
    pixels = _as_pixels(where, decoder(flat))
    rows = list(pixels.reshape(len(dimensions), len(values), *pixels.shape[1:]))
    ax = _draw_rows(where, ax, rows, cmap)
    height, width = pixels.shape[1:3]
    _name_rows(ax, height, [str(dimension) for dimension in dimensions])
    ax.set_xticks(_centres(width, len(values)), [f"{number:g}" for number in values])
    ax.set(xlabel="value of the entry", ylabel="entry of the latent")
    return ax


def _checked_dimensions(
    where: str, dimensions: Sequence[int] | None, latent_size: int
) -> list[int]:
    if dimensions is None:
        return list(range(min(latent_size, 10)))
    if dimensions and all(0 <= dimension < latent_size for dimension in dimensions):
        return list(dimensions)
    raise ValueError(
        message(
            f"{where}, argument `dimensions`",
            expected=f"numbers from 0 to {latent_size - 1}",
            received=f"dimensions={dimensions}",
        )
    )


def _as_pixels(where: str, images: Any) -> np.ndarray:
    """Of shape `(n, height, width, channels)`, from 0 to 1."""
    pixels = as_array(_mean_or_draw(images))
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3) or not pixels.size:
        raise ValueError(
            message(
                where,
                expected="images of shape (n, height, width), or with a last axis of 1 or 3",
                received=f"an array of shape {pixels.shape}",
            )
        )
    low, high = min(0.0, float(pixels.min())), float(pixels.max())
    return (pixels - low) / ((high - low) if low < 0.0 or high > 1.0 else 1.0)


def _mean_or_draw(images: Any) -> Any:
    if not hasattr(images, "unwrapped"):
        return images
    distribution = images.unwrapped()
    try:
        return distribution.mean()
    except NotImplementedError:
        return distribution.sample(seed=0)


def _draw_rows(where: str, ax: Any, rows: list[np.ndarray], cmap: str) -> Axes:
    """Draws images in rows, of which the last one may be shorter."""
    height, width, channels = rows[0].shape[1:]
    columns = len(rows[0])
    size = (len(rows) * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP)
    canvas = np.full((*size, channels), 1.0 if channels == 3 else np.nan)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + _GAP), j * (width + _GAP)
            canvas[top : top + height, left : left + width] = image
    inches = _INCHES * columns, _INCHES * len(rows) * height / width
    ax = axes_or_new(where, ax, inches)
    ax.imshow(canvas if channels == 3 else canvas[..., 0], cmap=cmap, vmin=0.0, vmax=1.0)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0.0)
    return ax


def _name_rows(ax: Axes, height: int, names: list[str]) -> None:
    ax.set_yticks(_centres(height, len(names)), names)


def _centres(size: int, count: int) -> np.ndarray:
    return np.arange(count) * (size + _GAP) + 0.5 * (size - 1)


__all__ = ["images", "latent_traversal", "reconstructions"]
