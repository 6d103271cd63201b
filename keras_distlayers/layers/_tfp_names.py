"""What `tfp.layers` has and this package does not, for the error of who looks for it."""

from collections.abc import Mapping

_LAYERS_OF_RANDOM_WEIGHTS = (
    "Layers with random weights are not here yet. For the noise of the data, end the model with "
    "a head such as IndependentNormal, after a keras.layers.Dense. For what the weights leave "
    "open, train a few models from different seeds and mix their distributions by "
    "distributions.MixtureSameFamily"
)

NOT_HERE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "Convolution1DFlipout",
            "Convolution1DReparameterization",
            "Convolution2DFlipout",
            "Convolution2DReparameterization",
            "Convolution3DFlipout",
            "Convolution3DReparameterization",
            "DenseFlipout",
            "DenseLocalReparameterization",
            "DenseReparameterization",
            "DenseVariational",
        ),
        _LAYERS_OF_RANDOM_WEIGHTS,
    ),
    "VariationalGaussianProcess": "Gaussian processes are not here yet. IndependentNormal after a "
    "keras.layers.Dense has a mean and a scale that vary with the input",
    "default_loc_scale_fn": "It makes the posterior of a layer with random weights, which are not "
    "here yet. A trained distribution without inputs is VariableLayer followed by a head",
    "default_mean_field_normal_fn": "It makes the posterior of a layer with random weights, which "
    "are not here yet. A trained diagonal normal without inputs is VariableLayer(2 * n) followed "
    "by IndependentNormal(n)",
    "default_multivariate_normal_fn": "It makes the prior of a layer with random weights, which "
    "are not here yet. The standard normal over vectors is "
    "distributions.MultivariateNormalDiag(zeros)",
    "KLDivergenceRegularizer": "It is in regularizers: keras_distlayers.regularizers."
    "KLDivergenceRegularizer",
}
"""By name: what there is instead."""

__all__ = ["NOT_HERE"]
