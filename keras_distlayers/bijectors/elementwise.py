"""The base of bijectors that act on each entry alone."""

import abc

from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.bijector import Bijector


class Elementwise(Bijector):
    """The base of a bijector that acts on each entry alone, and increases or decreases.

    A bijector of your own writes the hooks `_forward(x)`, `_inverse(y)` and `_log_slope(x)`, the
    last of the shape of x or of one that broadcasts to it, and sets `is_increasing`.

    Args:
        **arguments: As for `Bijector`.

    Raises:
        ValueError: if the batch axes of the parameters do not broadcast.

    Examples:
        >>> from keras import ops
        >>> import keras_distlayers as kdl
        >>> class Cube(kdl.bijectors.Elementwise):
        ...     is_increasing = True
        ...     def _forward(self, x):
        ...         return x**3
        ...     def _inverse(self, y):
        ...         return ops.sign(y) * ops.abs(y) ** (1 / 3)
        ...     def _log_slope(self, x):
        ...         return ops.log(3 * x**2)
        >>> round(float(Cube().forward_log_det_jacobian(2.0)), 4)
        2.4849
    """

    @abc.abstractmethod
    def _forward(self, x: Tensor) -> Tensor:
        """The value y at a tensor x."""

    @abc.abstractmethod
    def _inverse(self, y: Tensor) -> Tensor:
        """The x of a tensor y."""

    @abc.abstractmethod
    def _log_slope(self, x: Tensor) -> Tensor:
        """The logarithm of |dy/dx| at x."""

    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self._forward(x)
        return y, self._log_slope(x) + ops.zeros_like(y)

    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        x = self._inverse(y)
        return x, -self._log_slope(x) + ops.zeros_like(x)


__all__ = ["Elementwise"]
