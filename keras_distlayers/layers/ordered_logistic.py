"""The head of an ordered logistic distribution."""

import keras
from keras import ops

from keras_distlayers import distributions
from keras_distlayers._core.ops import cumsum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._label_head import LabelHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class OrderedLogistic(LabelHead):
    """A head for one label per example, the labels in an order: ratings, grades, stages.

    Each cutpoint is the one before it plus a gap. The distribution depends only on `loc` less
    the first cutpoint. That one is free, too, so that a bias of its own moves all labels.
    Draws are int32 labels and carry no gradient.

    Args:
        num_categories: K, at least 2; the labels are 0, ..., K - 1.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.OrderedLogistic(3)(keras.ops.zeros((5, 3)))
        >>> [round(float(rv.prob(k)[0]), 4) for k in range(3)]
        [0.5, 0.1667, 0.3333]

    Source: `keras_distlayers.distributions.OrderedLogistic`.
    """

    parameters = {"loc": Real(), "first_cutpoint": Real(), "gaps": Positive()}
    minimum_sizes = {"num_categories": 2}

    @classmethod
    def params_size(cls, num_categories: int) -> int:
        """The number of raw parameters: loc, and one for each of the K - 1 cutpoints."""
        return super().params_size(num_categories)

    @classmethod
    def raw_shapes(cls, num_categories: int) -> dict[str, tuple[int, ...]]:
        return {"loc": (), "first_cutpoint": (1,), "gaps": (num_categories - 2,)}

    @classmethod
    def from_parameters(
        cls, loc: Tensor, first_cutpoint: Tensor, gaps: Tensor
    ) -> distributions.OrderedLogistic:
        # The cutpoints alone would round a gap between large ones away.
        cutpoints = cumsum(ops.concatenate([first_cutpoint, gaps], axis=-1), -1)
        return distributions.OrderedLogistic(cutpoints, loc, gaps=gaps)


__all__ = ["OrderedLogistic"]
