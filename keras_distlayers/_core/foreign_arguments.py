"""Arguments of other libraries' constructors, and what to write here instead."""

import inspect
from collections.abc import Collection, Mapping
from typing import Any, Self

from keras_distlayers._core.errors import message

_CAST = "Leave it out, and cast the draw: `keras.ops.cast(rv, dtype)`."
_DRAW = "Leave it out: the weights are drawn; call the layer with deterministic=True for the mean."
_KL = "Leave it out: the KL divergence is in closed form where there is one, over dataset_size."
_BIAS = "Leave it out; for an uncertain bias use layers.Variational(layer, n, weights='all')."

ADVICE: Mapping[str, str] = {
    "validate_args": "Leave it out: shapes are always checked, values never; outside the "
    "support log_prob is -inf.",
    "allow_nan_stats": "Leave it out: no statistic raises an error for a NaN.",
    "name": "Leave it out: distributions have no names.",
    "dtype": _CAST,
    "sample_dtype": _CAST,
    "test_points_reduce_axis": "Leave it out: the KL is always averaged over the points, and "
    "over the batch.",
    "kernel_posterior_tensor_fn": _DRAW,
    "bias_posterior_tensor_fn": _DRAW,
    "kernel_divergence_fn": _KL,
    "bias_divergence_fn": _KL,
    "bias_posterior_fn": _BIAS,
    "bias_prior_fn": _BIAS,
}
"""By the argument's name in TensorFlow Probability or torch.distributions."""


def refuse_foreign_arguments(
    cls: type, arguments: Mapping[str, Any], own: Collection[str] = ()
) -> None:
    """An error that says what to write, in place of Python's that names the argument alone.

    Args:
        cls: The class whose constructor was called.
        arguments: The arguments that were given by name.
        own: Those that the class has itself, beside the ones in its constructor's signature.

    Raises:
        TypeError: if an argument is another library's.
    """
    for name in arguments.keys() & ADVICE.keys() - set(own):
        if name not in inspect.signature(cls.__init__).parameters:  # type: ignore[misc]
            raise TypeError(
                message(
                    f"{cls.__name__}, argument `{name}`",
                    expected="the arguments of this class, which has no such argument",
                    received=f"{name}={arguments[name]!r}",
                    fix=ADVICE[name],
                )
            )


class RefusesForeignArguments:
    """A mixin for classes whose constructors name their arguments one by one."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Before `__init__`, where Python itself would refuse the argument."""
        refuse_foreign_arguments(cls, kwargs)
        return super().__new__(cls)


__all__ = ["ADVICE", "RefusesForeignArguments", "refuse_foreign_arguments"]
