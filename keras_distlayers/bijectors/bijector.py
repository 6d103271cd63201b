"""The base class of the bijectors: shapes, checks, and what follows from two hooks."""

import abc
import math
from typing import Any

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.parameterized import Parameterized
from keras_distlayers._core.typing import Shape, Tensor

REAL_LINE = (-math.inf, math.inf)


class Bijector(Parameterized, abc.ABC):
    """A smooth invertible function of events, one for each entry of a batch.

    Its parameters work like those of a `Distribution`: tensors whose leading axes are a batch,
    which broadcasts with the leading axes of a value. Pytrees, slices (`bijector[0]`), configs and
    `.keras` files include them.

    A bijector of your own names its parameters and writes the hooks `_forward_and_log_det(x)` and
    `_inverse_and_log_det(y)`; one that acts on each entry alone derives from `Elementwise`. It
    also sets `event_ndims`, `event_size`, `domain`, `codomain`, `is_affine` and `is_increasing`,
    as far as their defaults do not hold.

    Args:
        **arguments: The arguments of the subclass's constructor, by name: those that
            `parameter_ndims`, `component_names` and `static_names` declare.

    Raises:
        ValueError: if a parameter has too few axes, or if the batch axes do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> double = kdl.bijectors.Scale(2.0)
        >>> [float(y) for y in double.forward([1.0, 3.0])]
        [2.0, 6.0]
        >>> [round(float(d), 4) for d in double.forward_log_det_jacobian([1.0, 3.0])]
        [0.6931, 0.6931]
    """

    @property
    def event_ndims(self) -> int:
        """How many of the last axes of a value the function takes together."""
        return 0

    @property
    def event_size(self) -> int | None:
        """The size of the event's last axis, where the parameters fix it."""
        return None

    @property
    def domain(self) -> tuple[float, float]:
        """The interval that the entries of x lie in."""
        return REAL_LINE

    @property
    def codomain(self) -> tuple[float, float]:
        """The interval that the entries of y lie in."""
        return REAL_LINE

    @property
    def covers_reals(self) -> bool:
        """Whether every real number, or vector of them, is some y."""
        return self.codomain == REAL_LINE

    @property
    def is_affine(self) -> bool:
        """Whether it is x -> A x + b, which maps means to means."""
        return False

    @property
    def is_increasing(self) -> Any:
        """True, False, or a tensor with the answer for each entry; None where x has no order."""
        return None

    # ---------------------------------------------------------------- values

    def forward(self, x: Tensor) -> Tensor:
        """The value y at x, of the broadcast shape of x and the batch.

        Args:
            x: Tensor whose last `event_ndims` axes are the event.

        Raises:
            ValueError: if the event does not have the size that the parameters have.
        """
        return self._forward_and_log_det(self._as_input(x, "forward"))[0]

    def inverse(self, y: Tensor) -> Tensor:
        """The x whose value is y; see `forward`."""
        return self._inverse_and_log_det(self._as_input(y, "inverse"))[0]

    def forward_log_det_jacobian(self, x: Tensor) -> Tensor:
        """The log-determinant log |det dy/dx| at x: one number per event."""
        return self._forward_and_log_det(self._as_input(x, "forward_log_det_jacobian"))[1]

    def inverse_log_det_jacobian(self, y: Tensor) -> Tensor:
        """The log-determinant log |det dx/dy| at y: one number per event."""
        return self._inverse_and_log_det(self._as_input(y, "inverse_log_det_jacobian"))[1]

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(forward(x), forward_log_det_jacobian(x))` at the cost of one of the two."""
        return self._forward_and_log_det(self._as_input(x, "forward_and_log_det"))

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """`(inverse(y), inverse_log_det_jacobian(y))` at the cost of one of the two."""
        return self._inverse_and_log_det(self._as_input(y, "inverse_and_log_det"))

    def image(self, lower: float | Tensor, upper: float | Tensor) -> tuple[Any, Any]:
        """Bounds for the entries of y where those of x lie between two bounds."""
        if is_number(lower) and is_number(upper) and (lower, upper) == self.domain:
            return self.codomain
        if self.is_increasing is None:
            return REAL_LINE
        ends = self.forward(lower), self.forward(upper)
        return minimum(*ends), maximum(*ends)

    # ---------------------------------------------------------------- hooks of a bijector

    @abc.abstractmethod
    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The value y at a tensor x, and log |det dy/dx|."""

    @abc.abstractmethod
    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The x of a tensor y, and log |det dx/dy|."""

    # ---------------------------------------------------------------- checks

    def _as_input(self, x: Tensor, method: str) -> Tensor:
        """The value as a tensor, or an error."""
        x = ops.convert_to_tensor(x, self._input_dtype(x))
        shape = shapes.static_shape(x)
        size: Shape = (None,) * self.event_ndims
        if self.event_size is not None:
            size = (self.event_size,)
        if not shapes.event_matches(shape, size):
            raise ValueError(
                message(
                    f"{type(self).__name__}.{method}",
                    expected=f"a last axis of {size[0] or 'any size'}",
                    received=f"shape={shape}",
                )
            )
        return x

    def _input_dtype(self, x: Tensor) -> str:
        """That of the parameters; without any, that of a tensor of floats."""
        if self._tensors():
            return self.dtype
        if ops.is_tensor(x) or isinstance(x, keras.KerasTensor):
            dtype = keras.backend.standardize_dtype(x.dtype)
            if keras.backend.is_float_dtype(dtype):
                return dtype
        return keras.config.floatx()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_shape={self.batch_shape})"


def is_number(bound: Any) -> bool:
    """Whether a bound is a Python float, not a tensor."""
    return isinstance(bound, float)


def checked_bijector(where: str, value: Any) -> Bijector:
    """The value, or an error that names the argument."""
    if isinstance(value, Bijector):
        return value
    raise TypeError(
        message(
            where,
            expected="a keras_distlayers bijector",
            received=f"a {type(value).__name__}",
        )
    )


__all__ = ["REAL_LINE", "Bijector", "checked_bijector", "is_number"]
