"""The head of a multivariate normal distribution with a low-rank covariance."""

from typing import Unpack

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._declared_head import DeclaredHead
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.parameters import PositiveSquare, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MultivariateNormalLowRank(DeclaredHead):
    """A head for a multivariate normal distribution with the covariance W W' + diag(c).

    W is `cov_factor`, an n x r matrix that the input holds row by row, and c is `cov_diag`.

    Args:
        event_size: n, the length of the vector.
        rank: r, the number of columns of W.

    Input shape: `batch_shape + (params_size(event_size, rank),)`.

    Output shape: `batch_shape + (event_size,)`.

    Raises:
        ValueError: if `event_size` or `rank` is not a positive integer.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.MultivariateNormalLowRank(10, rank=2)(keras.ops.zeros((8, 40)))
        >>> tuple(rv.shape), tuple(rv.covariance().shape)
        ((8, 10), (8, 10, 10))

    Source: `keras_distlayers.distributions.MultivariateNormalLowRank`.
    """

    distribution_class = distributions.MultivariateNormalLowRank
    parameters = {"loc": Real(), "cov_diag": PositiveSquare(), "cov_factor": Real()}

    def __init__(
        self,
        event_size: int,
        rank: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        sizes = {"event_size": event_size, "rank": rank}
        super().__init__(sizes, convert_to_tensor_fn, **options)

    @classmethod
    def params_size(cls, event_size: int, rank: int) -> int:
        """The number of raw parameters: n (2 + r)."""
        return cls.reader_for(event_size=event_size, rank=rank).size

    @classmethod
    def raw_shapes(cls, event_size: int, rank: int) -> dict[str, tuple[int, ...]]:
        n = event_size
        return {"loc": (n,), "cov_diag": (n,), "cov_factor": (n, rank)}


__all__ = ["MultivariateNormalLowRank"]
