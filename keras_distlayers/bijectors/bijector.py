"""The base class of the bijectors: shapes, checks, and what follows from two hooks."""

import abc
import math
from typing import Any, ClassVar

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.parameterized import Parameterized

REAL_LINE = (-math.inf, math.inf)


class Bijector(Parameterized, abc.ABC):
    """A smooth invertible function of events, one for each entry of a batch.

    Its parameters work like those of a `Distribution`. They are tensors whose leading axes are a
    batch, and this batch broadcasts with the leading axes before the event. Pytrees, slices
    (`bijector[0]`), configs and `.keras` files include them.

    A subclass defines `_forward_and_log_det(x)` and `_inverse_and_log_det(y)`. A bijector that
    acts on each entry separately derives from `Elementwise`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> double = kdl.bijectors.Scale(2.0)
        >>> [float(y) for y in double.forward([1.0, 3.0])]
        [2.0, 6.0]
        >>> [round(float(d), 4) for d in double.forward_log_det_jacobian([1.0, 3.0])]
        [0.6931, 0.6931]

    Attributes:
        event_ndims: How many of the last axes of a value the function takes together.
        domain: The interval that the entries of x lie in.
        codomain: The interval that the entries of y lie in.
        is_affine: Whether it is `x -> A x + b`: it takes means to means.
    """

    event_ndims: ClassVar[int] = 0
    domain: ClassVar[tuple[float, float]] = REAL_LINE
    codomain: ClassVar[tuple[float, float]] = REAL_LINE
    is_affine: ClassVar[bool] = False

    def forward(self, x):
        """Y for x, of the broadcast shape of x and the batch.

        Args:
            x: Tensor whose last `event_ndims` axes are the event.

        Raises:
            ValueError: if the event does not have the size that the parameters have.
        """
        return self._forward_and_log_det(self._as_input(x, "forward"))[0]

    def inverse(self, y):
        """X for y."""
        return self._inverse_and_log_det(self._as_input(y, "inverse"))[0]

    def forward_log_det_jacobian(self, x):
        """Log |det dy/dx| at x, summed over the event: one number an event."""
        return self._forward_and_log_det(self._as_input(x, "forward_log_det_jacobian"))[1]

    def inverse_log_det_jacobian(self, y):
        """Log |det dx/dy| at y, summed over the event: one number an event."""
        return self._inverse_and_log_det(self._as_input(y, "inverse_log_det_jacobian"))[1]

    def forward_and_log_det(self, x):
        """`(forward(x), forward_log_det_jacobian(x))` at the cost of one of the two."""
        return self._forward_and_log_det(self._as_input(x, "forward_and_log_det"))

    def inverse_and_log_det(self, y):
        """`(inverse(y), inverse_log_det_jacobian(y))` at the cost of one of the two."""
        return self._inverse_and_log_det(self._as_input(y, "inverse_and_log_det"))

    @abc.abstractmethod
    def _forward_and_log_det(self, x):
        """Y and log |det dy/dx| for a tensor."""

    @abc.abstractmethod
    def _inverse_and_log_det(self, y):
        """X and log |det dx/dy| for a tensor."""

    @property
    def is_increasing(self) -> Any:
        """True, False, or a tensor that says it for each entry; None where x has no order."""
        return None

    @property
    def event_size(self) -> int | None:
        """The size of the event's last axis, where the parameters fix it."""
        return None

    @property
    def covers_reals(self) -> bool:
        """Whether every real number, or vector of them, is some y."""
        return self.codomain == REAL_LINE

    def image(self, lower, upper) -> tuple:
        """Bounds for the entries of y where those of x lie between two bounds."""
        is_known = isinstance(lower, float) and isinstance(upper, float)
        if is_known and (lower, upper) == self.domain:
            return self.codomain
        if self.is_increasing is None:
            return REAL_LINE
        ends = self.forward(lower), self.forward(upper)
        return minimum(*ends), maximum(*ends)

    def _as_input(self, x, method: str):
        x = ops.convert_to_tensor(x, self._input_dtype(x))
        shape = shapes.static_shape(x)
        size = (self.event_size,) if self.event_size is not None else (None,) * self.event_ndims
        if not shapes.event_matches(shape, size):
            raise ValueError(
                message(
                    f"{type(self).__name__}.{method}",
                    expected="a last axis of any size" if size[0] is None
                    else f"a last axis of {size[0]}",
                    received=f"shape={shape}",
                )
            )  # fmt: skip
        return x

    def _input_dtype(self, x) -> str:
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


__all__ = ["REAL_LINE", "Bijector"]
