"""Axes in a plain style, and colours that differ in grey as well."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from keras_distlayers._core.errors import message

# Dark blue, and vermilion: of different lightness, and the same for no kind of colour blindness.
MAIN = "#08427b"
OTHER = "#d55e00"
BAND = "0.85"
EXPECTED: dict[str, Any] = {"color": "0.4", "linestyle": "--", "linewidth": 1.0}
OBSERVED: dict[str, Any] = {"color": "black", "marker": ".", "markersize": 2.5}

# In force while a figure is made, so that the user's own stays as it is.
_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


def axes_or_new(where: str, ax: Any, size: tuple[float, float] = (4.8, 3.4)) -> Axes:
    """The Axes that were given, or those of a new figure of a size in inches."""
    if ax is None:
        return new_axes(1, size)[0]
    if isinstance(ax, Axes):
        return ax
    raise TypeError(
        message(
            f"{where}, argument `ax`",
            expected="an Axes of matplotlib, or None for a new figure",
            received=f"a {type(ax).__name__}",
        )
    )


def new_axes(count: int, size: tuple[float, float]) -> np.ndarray:
    """Axes side by side in a new figure; each has the size, in inches."""
    with plt.rc_context(_STYLE):
        width, height = size
        figure_size = (width * count, height)
        _, axes = plt.subplots(1, count, figsize=figure_size, layout="constrained", squeeze=False)
    return axes[0]


def shades(count: int) -> np.ndarray:
    """Blues from light to dark, for bands that lie on top of each other."""
    return plt.get_cmap("Blues")(np.linspace(0.2, 0.43, count))


def legend(ax: Axes, **options: Any) -> None:
    """A small legend, on white that what is below shines through."""
    ax.legend(fontsize=9, framealpha=0.7, edgecolor="none", **options)


__all__ = [
    "BAND",
    "EXPECTED",
    "MAIN",
    "OBSERVED",
    "OTHER",
    "axes_or_new",
    "legend",
    "new_axes",
    "shades",
]
