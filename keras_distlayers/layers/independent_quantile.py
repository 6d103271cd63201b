"""The head for the regression of a quantile."""

from typing import Unpack

import keras

from keras_distlayers import distributions
from keras_distlayers._core.errors import message
from keras_distlayers.layers._sizes import EventShape
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentQuantile(IndependentHead):
    """A head for the regression of a quantile: the pinball loss as a likelihood.

    The distribution is the asymmetric Laplace distribution whose quantile at `level` is `loc`.
    That is its mode, too: with `convert_to_tensor_fn="mode"` the output as a tensor is the
    quantile.

    Args:
        level: Between 0 and 1; 0.5 is the median.

    Raises:
        ValueError: if `level` is not between 0 and 1.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> upper = kdl.layers.IndependentQuantile(1, level=0.9, convert_to_tensor_fn="mode")
        >>> float(keras.ops.convert_to_tensor(upper(keras.ops.ones((1, 2))))[0, 0])
        1.0

    Source: `keras_distlayers.distributions.AsymmetricLaplace`.
    """

    distribution_class = distributions.AsymmetricLaplace
    parameters = {"loc": Real(), "scale": Positive()}
    distribution_arguments = ("level",)

    def __init__(
        self,
        event_shape: EventShape = (),
        level: float = 0.5,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        self.level = _checked_level(level)
        super().__init__(event_shape, convert_to_tensor_fn, **options)


def _checked_level(level: float) -> float:
    if 0.0 < level < 1.0:
        return float(level)
    raise ValueError(
        message(
            "IndependentQuantile, argument `level`",
            expected="a number between 0 and 1",
            received=f"level={level}",
        )
    )


__all__ = ["IndependentQuantile"]
