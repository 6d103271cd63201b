"""The head of a multivariate normal distribution with a full covariance."""

import keras

from keras_distlayers import distributions
from keras_distlayers._core import linalg
from keras_distlayers.layers._vector_head import VectorHead
from keras_distlayers.layers.parameters import LowerTriangular, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MultivariateNormalTriL(VectorHead):
    """A head for a multivariate normal distribution with a full covariance.

    The d (d + 1) / 2 entries of the lower triangle come in the order of
    `tfp.math.fill_triangular`: [1..6] fills [[4, 0, 0], [6, 5, 0], [3, 2, 1]]. Weights trained
    with `tfp.layers.MultivariateNormalTriL` give the same distribution here.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.layers.MultivariateNormalTriL.params_size(3)
        9
        >>> rv = kdl.layers.MultivariateNormalTriL(3)(keras.ops.zeros((8, 9)))
        >>> [tuple(x.shape) for x in (rv, rv.mean(), rv.covariance(), rv.log_prob(rv))]
        [(8, 3), (8, 3), (8, 3, 3), (8,)]

    Source: `keras_distlayers.distributions.MultivariateNormalTriL`; the parameterization is
    that of Dillon et al., TensorFlow Distributions (2017).
    """

    distribution_class = distributions.MultivariateNormalTriL
    parameters = {"loc": Real(), "scale_tril": LowerTriangular()}

    @classmethod
    def params_size(cls, event_size: int) -> int:
        """The number of raw parameters: d + d (d + 1) / 2."""
        return super().params_size(event_size)

    @classmethod
    def raw_shapes(cls, event_size: int) -> dict[str, tuple[int, ...]]:
        return {"loc": (event_size,), "scale_tril": (linalg.triangular_size(event_size),)}


__all__ = ["MultivariateNormalTriL"]
