"""What `tfp.layers` has and this package does not, for the error of who looks for it."""

from collections.abc import Mapping

NOT_HERE: Mapping[str, str] = {
    "VariationalGaussianProcess": "Gaussian processes are not here yet. IndependentNormal after a "
    "keras.layers.Dense has a mean and a scale that vary with the input",
    "default_loc_scale_fn": "A posterior holds its own scale, and the layer inside the mean: "
    "MeanFieldNormalPosterior(initial_stddev)",
    "default_mean_field_normal_fn": "It is the posterior of every layer with uncertain weights. "
    "For another scale pass kernel_posterior_fn=MeanFieldNormalPosterior(initial_stddev)",
    "default_multivariate_normal_fn": "It is the prior of every layer with uncertain weights. For "
    "another scale pass kernel_prior_fn=distributions.Normal(0.0, scale)",
    "KLDivergenceRegularizer": "It is in regularizers: keras_distlayers.regularizers."
    "KLDivergenceRegularizer",
}
"""By name: what there is instead."""

__all__ = ["NOT_HERE"]
