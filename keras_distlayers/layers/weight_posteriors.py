"""Posteriors over the weights of a layer: normal distributions whose mean the layer holds."""

import math
from typing import Any

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import (
    Distribution,
    Independent,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
    Normal,
)
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers._sizes import checked_size
from keras_distlayers.layers.parameters import (
    LowerTriangular,
    Positive,
    PositiveSquare,
    starts_at,
)


class WeightPosterior(SavedArguments, keras.layers.Layer):
    """The base class: it owns what a posterior has beside its mean.

    The mean is the weights of the layer that `Variational` wraps, as one vector.

    Args:
        initial_stddev: The standard deviation of each weight before training.
        **kwargs: `name` and the like, of `keras.layers.Layer`.
    """

    def __init__(self, initial_stddev: float = 0.05, **kwargs: Any) -> None:
        # autocast would round the parameters to the policy's half precision.
        super().__init__(autocast=False, **kwargs)
        if not 1e-5 < initial_stddev < float("inf"):
            raise ValueError(
                message(
                    f"{type(self).__name__}, argument `initial_stddev`",
                    expected="a number above 1e-5",
                    received=f"initial_stddev={initial_stddev!r}",
                )
            )
        self.initial_stddev = float(initial_stddev)

    def build(self, size: int) -> None:
        """Makes the variables for a vector of `size` weights."""
        raise NotImplementedError(f"{type(self).__name__} must define build(size)")

    def distribution(self, mean: Tensor) -> Distribution:
        """The distribution around a mean of shape `(size,)`; its event is that vector."""
        raise NotImplementedError(f"{type(self).__name__} must define distribution(mean)")

    def _parameter(self, name: str, size: int, initializer: Any, **options: Any) -> keras.Variable:
        # As for a head's parameters: log probabilities need float32's digits.
        dtype = "float64" if self.variable_dtype == "float64" else "float32"
        return self.add_weight(
            (size,), initializer, dtype=dtype, autocast=False, name=name, **options
        )


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MeanFieldNormalPosterior(WeightPosterior):
    """Independent normal distributions, one for each weight.

    Twice as many parameters as the layer alone.

    Args:
        initial_stddev: The standard deviation of each weight before training. Small, so that
            the mean still shows in a draw of all weights.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Raises:
        ValueError: if `initial_stddev` is not above 1e-5.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> posterior = kdl.layers.MeanFieldNormalPosterior(initial_stddev=0.1)
        >>> layer = kdl.layers.Variational(keras.layers.Dense(2), 1000, posterior=posterior)
        >>> layer.build((None, 3))
        >>> stddev = keras.ops.convert_to_numpy(layer.weight_distribution().stddev())
        >>> stddev.shape, round(float(stddev[0]), 3)
        ((6,), 0.1)

    Source: Blundell et al., Weight Uncertainty in Neural Networks (2015), section 3.2.
    """

    def build(self, size: int) -> None:
        raw = starts_at(self.initial_stddev, Positive())
        self.raw_scale = self._parameter("raw_scale", size, raw)
        self.built = True

    def distribution(self, mean: Tensor) -> Distribution:
        scale = Positive().forward(ops.convert_to_tensor(self.raw_scale))
        return Independent(Normal(mean, scale), 1)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class FullCovarianceNormalPosterior(WeightPosterior):
    """One normal distribution of all weights, with a covariance for each pair of them.

    For n weights it has n (n + 1) / 2 parameters beside the mean, so it is for layers of a few
    hundred weights, such as the last one of a network.

    Args:
        initial_stddev: The standard deviation of each weight before training; without
            correlations then.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Raises:
        ValueError: if `initial_stddev` is not above 1e-5.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.Variational(
        ...     keras.layers.Dense(2), 1000, posterior="full_covariance_normal")
        >>> layer.build((None, 3))
        >>> tuple(layer.weight_distribution().covariance().shape)
        (6, 6)
    """

    def build(self, size: int) -> None:
        def uncorrelated(shape: Any, dtype: Any) -> Tensor:
            return LowerTriangular().inverse(self.initial_stddev * ops.eye(size, dtype=dtype))

        # Not assigned: that is lost where Keras builds a model on symbols.
        entries = linalg.triangular_size(size)
        self.raw_scale_tril = self._parameter("raw_scale_tril", entries, uncorrelated)
        self.built = True

    def distribution(self, mean: Tensor) -> Distribution:
        scale_tril = LowerTriangular().forward(ops.convert_to_tensor(self.raw_scale_tril))
        return MultivariateNormalTriL(mean, scale_tril)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class LowRankNormalPosterior(WeightPosterior):
    """One normal distribution of all weights, with a covariance of low rank plus a diagonal.

    For n weights and rank r it has n (1 + r) parameters beside the mean.

    Args:
        rank: r, the number of directions in which the weights vary together.
        initial_stddev: The standard deviation of each weight before training, half of the
            variance from the diagonal.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Raises:
        ValueError: if `rank` is not a positive integer or `initial_stddev` not above 1e-5.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> posterior = kdl.layers.LowRankNormalPosterior(rank=2)
        >>> layer = kdl.layers.Variational(keras.layers.Dense(4), 1000, posterior=posterior)
        >>> layer.build((None, 3))
        >>> tuple(layer.weight_distribution().cov_factor.shape)
        (12, 2)

    Source: Tomczak, Swaroop and Turner, Efficient Low Rank Gaussian Variational Inference for
    Neural Networks (2020).
    """

    def __init__(self, rank: int = 1, initial_stddev: float = 0.05, **kwargs: Any) -> None:
        super().__init__(initial_stddev, **kwargs)
        self.rank = checked_size("LowRankNormalPosterior", "rank", rank)

    def build(self, size: int) -> None:
        variance = self.initial_stddev**2 / 2
        raw = starts_at(variance, PositiveSquare())
        # Not zeros: there the factor would have no gradient.
        factor = keras.initializers.RandomNormal(stddev=math.sqrt(variance / self.rank))
        self.raw_cov_diag = self._parameter("raw_cov_diag", size, raw)
        self.cov_factor = self._parameter("cov_factor", size * self.rank, factor)
        self.built = True

    def distribution(self, mean: Tensor) -> Distribution:
        cov_diag = PositiveSquare().forward(ops.convert_to_tensor(self.raw_cov_diag))
        cov_factor = ops.reshape(self.cov_factor, (-1, self.rank))
        return MultivariateNormalLowRank(mean, cov_factor, cov_diag)


POSTERIORS = {
    "mean_field_normal": MeanFieldNormalPosterior,
    "full_covariance_normal": FullCovarianceNormalPosterior,
    "low_rank_normal": LowRankNormalPosterior,
}
"""The posteriors that have a name, with their defaults."""

__all__ = [
    "POSTERIORS",
    "FullCovarianceNormalPosterior",
    "LowRankNormalPosterior",
    "MeanFieldNormalPosterior",
    "WeightPosterior",
]
