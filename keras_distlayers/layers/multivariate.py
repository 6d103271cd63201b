"""Heads over vectors with one joint distribution: multivariate normals, probabilities."""

import keras
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers._core import linalg
from keras_distlayers.layers.parametric import (
    ParametricHead,
    checked_event_size,
    positive_scale,
)


class _VectorHead(ParametricHead):
    """What these heads share: their one argument."""

    def __init__(
        self,
        event_size,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        self.event_size = checked_event_size(type(self).__name__, event_size)
        num_params = self.params_size(event_size)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)

    def get_config(self):
        return {**super().get_config(), "event_size": self.event_size}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MultivariateNormalTriL(_VectorHead):
    """A head for a multivariate normal with a full covariance.

    The last axis of the input holds loc (d numbers), then the lower triangle of the scale
    (d (d + 1) / 2) in the order of `tfp.math.fill_triangular`: [1..6] fills
    [[4, 0, 0], [6, 5, 0], [3, 2, 1]]. The diagonal is softplus(raw) + 1e-5. Weights trained
    with `tfp.layers.MultivariateNormalTriL` give the same distribution here.

    Args:
        event_size: d, the length of the vector.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`: a `KLDivergenceRegularizer` adds its KL
            divergence to the loss, in nats per example.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (params_size(d),)`.

    Output shape: `batch_shape + (d,)`.

    Raises:
        ValueError: if `event_size` is no positive int, or the input's last axis is not
            `params_size(event_size)`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.layers.MultivariateNormalTriL.params_size(3)
        9
        >>> rv = kdl.layers.MultivariateNormalTriL(3)(keras.ops.zeros((8, 9)))
        >>> [tuple(x.shape) for x in (rv, rv.mean(), rv.covariance(), rv.log_prob(rv))]
        [(8, 3), (8, 3), (8, 3, 3), (8,)]

    Source: `keras_distlayers.distributions.MultivariateNormalTriL`; the parametrization is
    that of Dillon et al., TensorFlow Distributions (2017).
    """

    raw_parameters = ("loc", "scale_tril: softplus + 1e-5 on the diagonal")

    @staticmethod
    def params_size(event_size):
        """The number of raw parameters: d + d (d + 1) / 2."""
        return event_size + linalg.triangular_size(event_size)

    def make_distribution(self, inputs):
        d = self.event_size
        raw = linalg.fill_triangular(inputs[..., d:], d)
        diagonal = positive_scale(linalg.diagonal(raw))
        return kd.MultivariateNormalTriL(inputs[..., :d], linalg.with_diagonal(raw, diagonal))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MultivariateNormalDiag(_VectorHead):
    """A head for a multivariate normal with a diagonal covariance.

    The last axis of the input holds loc (d numbers), then the raw scale (d); the scale is
    softplus(raw) + 1e-5.

    Args:
        event_size: d, the length of the vector.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (2 d,)`.

    Output shape: `batch_shape + (d,)`.

    Raises:
        ValueError: if `event_size` is no positive int, or the input's last axis is not 2 d.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.MultivariateNormalDiag(3)(keras.ops.zeros((8, 6)))
        >>> round(float(rv.stddev()[0, 0]), 4), tuple(rv.entropy().shape)
        (0.6932, (8,))

    Source: `keras_distlayers.distributions.MultivariateNormalDiag`.
    """

    raw_parameters = ("loc", "scale_diag: softplus + 1e-5")

    @staticmethod
    def params_size(event_size):
        """The number of raw parameters: 2 d."""
        return 2 * event_size

    def make_distribution(self, inputs):
        loc, raw_scale = ops.split(inputs, 2, axis=-1)
        return kd.MultivariateNormalDiag(loc, positive_scale(raw_scale))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MultivariateNormalLowRank(ParametricHead):
    """A head for a multivariate normal with the covariance W W' + diag(d).

    The last axis of the input holds loc (n numbers), the raw diagonal (n), then W row by row
    (n r); d is the square of softplus(raw) + 1e-5, a scale like the others.

    Args:
        event_size: n, the length of the vector.
        rank: r, the number of columns of W.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (n (2 + r),)`.

    Output shape: `batch_shape + (n,)`.

    Raises:
        ValueError: if a size is no positive int, or the input's last axis is another.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.MultivariateNormalLowRank(10, rank=2)(keras.ops.zeros((8, 40)))
        >>> tuple(rv.shape), tuple(rv.covariance().shape)
        ((8, 10), (8, 10, 10))

    Source: `keras_distlayers.distributions.MultivariateNormalLowRank`.
    """

    raw_parameters = ("loc", "cov_diag: the square of softplus + 1e-5", "cov_factor, row by row")

    def __init__(
        self,
        event_size,
        rank,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        self.event_size = checked_event_size(type(self).__name__, event_size)
        self.rank = checked_event_size(type(self).__name__, rank, "rank")
        num_params = self.params_size(event_size, rank)
        super().__init__(num_params, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)

    @staticmethod
    def params_size(event_size, rank):
        """The number of raw parameters: n (2 + r)."""
        return event_size * (2 + rank)

    def make_distribution(self, inputs):
        n, leading = self.event_size, tuple(ops.shape(inputs))[:-1]
        factor = ops.reshape(inputs[..., 2 * n :], (*leading, n, self.rank))
        diagonal = ops.square(positive_scale(inputs[..., n : 2 * n]))
        return kd.MultivariateNormalLowRank(inputs[..., :n], factor, diagonal)

    def get_config(self):
        return {**super().get_config(), "event_size": self.event_size, "rank": self.rank}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Dirichlet(_VectorHead):
    """A head for vectors of probabilities.

    The last axis of the input holds the raw concentrations; they are softplus(raw) + 1e-5.

    Args:
        event_size: The number of probabilities.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.Dirichlet(4)(keras.ops.zeros((8, 4)))
        >>> float(rv.mean()[0, 0])
        0.25

    Source: `keras_distlayers.distributions.Dirichlet`.
    """

    raw_parameters = ("concentration: softplus + 1e-5",)

    @staticmethod
    def params_size(event_size):
        """The number of raw parameters: one per entry."""
        return event_size

    def make_distribution(self, inputs):
        return kd.Dirichlet(positive_scale(inputs))


__all__ = [
    "Dirichlet",
    "MultivariateNormalDiag",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
]
