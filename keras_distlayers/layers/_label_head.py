"""The base of the heads over integer labels."""

from typing import Unpack

from keras_distlayers.layers._declared_head import DeclaredHead
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions


class LabelHead(DeclaredHead):
    """The base of a head over one integer label; its parameters are vectors of one per label.

    Args:
        num_categories: K; the labels are 0, ..., K - 1.
        convert_to_tensor_fn: What the output is as a tensor: `"sample"`, `"mode"`, the
            `Distribution` methods of those names, or a function of the distribution. Labels
            have no mean.

    Input shape: `batch_shape + (num_categories,)`.

    Output shape: `batch_shape`.

    Raises:
        ValueError: if `num_categories` is not an integer that is large enough.
    """

    num_categories: int

    def __init__(
        self,
        num_categories: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__({"num_categories": num_categories}, convert_to_tensor_fn, **options)

    @classmethod
    def params_size(cls, num_categories: int) -> int:
        """The number of raw parameters: one per label."""
        return cls.reader_for(num_categories=num_categories).size

    @classmethod
    def raw_shapes(cls, num_categories: int) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(cls.parameters, (num_categories,))


__all__ = ["LabelHead"]
