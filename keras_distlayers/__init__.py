"""Keras 3 layers whose outputs are tensors and probability distributions at once.

    import keras_distlayers as kdl

gives every part of the package: `kdl.layers`, `kdl.distributions`, `kdl.losses` and the rest.
What registers with Keras is imported at once, so that every `.keras` file with layers of this
package loads in a fresh process; `kdl.testing`, `kdl.plots` and `kdl.interop` are imported when
they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from keras_distlayers import (
    bijectors,
    callbacks,
    distributions,
    ensembles,
    layers,
    losses,
    metrics,
    recalibration,
    regularizers,
    schedules,
    scores,
    uncertainty,
    variational,
)
from keras_distlayers.prediction import (
    predict_distribution,
    predict_interval,
    predict_mean,
    predict_quantiles,
    predict_stddev,
)
from keras_distlayers.random_variable import RandomVariable

if TYPE_CHECKING:
    from keras_distlayers import interop, plots, testing

__version__ = "0.1.0"

_ON_FIRST_USE = ("interop", "plots", "testing")


def __getattr__(name: str) -> Any:
    """Imports what brings other libraries along, such as Hypothesis or matplotlib."""
    if name in _ON_FIRST_USE:
        return importlib.import_module(f"keras_distlayers.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE})


__all__ = [
    "RandomVariable",
    "bijectors",
    "callbacks",
    "distributions",
    "ensembles",
    "interop",
    "layers",
    "losses",
    "metrics",
    "plots",
    "predict_distribution",
    "predict_interval",
    "predict_mean",
    "predict_quantiles",
    "predict_stddev",
    "recalibration",
    "regularizers",
    "schedules",
    "scores",
    "testing",
    "uncertainty",
    "variational",
]
