"""Pictures of predicted distributions, with matplotlib.

Each function draws into the Axes `ax`, or into those of a new figure, and returns them; none calls
`plt.show`. Numbers that were not observed, NaN in the value, are left out. The colours differ for
colour-blind readers and in grey.

Bands of pictures of calibration are simultaneous: where the distributions are right, the whole
curve is inside with the probability `band`, or a little more if there are few observations. They
hold for observations that are independent, given the distributions.
"""

try:
    import matplotlib as _  # noqa: F401 - to say how to get it
except ImportError as error:
    raise ImportError(
        "keras_distlayers.plots: expected the package `matplotlib`, which is not installed. "
        'Install it with `pip install "keras-distlayers[plots]"`.'
    ) from error

from keras_distlayers.plots.calibration import (
    coverage,
    pit_ecdf_difference,
    pit_histogram,
    reliability,
)
from keras_distlayers.plots.image_grids import images, latent_traversal, reconstructions
from keras_distlayers.plots.predictions import density, fan_chart, intervals
from keras_distlayers.plots.training import history

__all__ = [
    "coverage",
    "density",
    "fan_chart",
    "history",
    "images",
    "intervals",
    "latent_traversal",
    "pit_ecdf_difference",
    "pit_histogram",
    "reconstructions",
    "reliability",
]
