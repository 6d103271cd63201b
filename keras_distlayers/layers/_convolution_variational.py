"""What the convolutions with uncertain weights share that `tfp.layers` has names for."""

from typing import Any

from keras_distlayers._core.shapes import checked_size
from keras_distlayers.layers._named_as_in_tfp import NamedAsInTFP, posterior_and_kernel


class ConvolutionVariational(NamedAsInTFP):
    """The arguments of the layers that differ in the number of axes and in the estimator."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = "channels_last",
        dilation_rate: Any = 1,
        activation: Any = None,
        activity_regularizer: Any = None,
        kernel_posterior_fn: Any = None,
        kernel_prior_fn: Any = None,
        seed: int | None = None,
        *,
        dataset_size: float,
        use_bias: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        posterior, of_kernel = posterior_and_kernel(kernel_posterior_fn)
        super().__init__(
            self.layer_class(
                checked_size(type(self).__name__, "filters", filters),
                kernel_size,
                strides=strides,
                padding=padding,
                data_format=data_format,
                dilation_rate=dilation_rate,
                activation=activation,
                activity_regularizer=activity_regularizer,
                use_bias=use_bias,
                dtype=dtype,
                **of_kernel,
            ),
            dataset_size,
            self.estimator_name,
            posterior,
            kernel_prior_fn or "standard_normal",
            seed=seed,
            name=name,
        )


__all__ = ["ConvolutionVariational"]
