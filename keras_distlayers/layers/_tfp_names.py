"""What `tfp.layers` has and this package does not, for the error of who looks for it."""

from collections.abc import Mapping

NOT_HERE: Mapping[str, str] = {
    "VariationalGaussianProcess": "Gaussian processes are not here yet. IndependentNormal after a "
    "keras.layers.Dense has a mean and a scale that vary with the input",
    "default_loc_scale_fn": "It adds variables to a layer of TFP. A posterior of another family "
    "is a function of the number of weights: lambda n: keras.Sequential([VariableLayer(2 * n), "
    "IndependentLaplace(n)])",
    "KLDivergenceRegularizer": "It is in regularizers: keras_distlayers.regularizers."
    "KLDivergenceRegularizer",
}
"""By name: what there is instead."""

__all__ = ["NOT_HERE"]
