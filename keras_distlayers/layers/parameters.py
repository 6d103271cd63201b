"""How a raw parameter becomes a parameter of a distribution, and how it comes back."""

import abc
from collections.abc import Callable

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers._core.typing import Tensor


class ParameterTransform(abc.ABC):
    """The base class of what turns a raw parameter, any real number, into a parameter.

    A head declares one for each parameter of its distribution. Write your own where none of
    the package's fits: a function of the raw parameter, its inverse, and a formula for the
    documentation.

    Attributes:
        formula: The parameter as a function of `raw`, in words.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> class Probability(kdl.layers.ParameterTransform):
        ...     formula = "sigmoid(raw)"
        ...     def forward(self, raw):
        ...         return keras.ops.sigmoid(raw)
        ...     def inverse(self, value):
        ...         return keras.ops.log(value) - keras.ops.log1p(-value)
        >>> float(Probability().forward(0.0))
        0.5
    """

    formula: str

    @abc.abstractmethod
    def forward(self, raw: Tensor) -> Tensor:
        """The parameter for a raw parameter; finite, with a finite gradient, for any real."""

    @abc.abstractmethod
    def inverse(self, value: Tensor) -> Tensor:
        """The raw parameter that gives `value`: where an initializer is to start a head."""


class Real(ParameterTransform):
    """A parameter that may be any real number: the raw parameter itself.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.layers.Real().forward(-1.5)
        -1.5
    """

    formula = "raw"

    def forward(self, raw: Tensor) -> Tensor:
        return raw

    def inverse(self, value: Tensor) -> Tensor:
        return value


class Positive(ParameterTransform):
    """A positive parameter, such as a scale: softplus(raw) + 1e-5.

    Smooth, and linear for large raw parameters, so that gradients neither vanish nor explode
    there. The floor keeps it above zero however small the raw parameter is.

    Args:
        floor: The smallest value; the parameter is above it.

    Examples:
        A head that starts with all its scales at 0.1:

        >>> import keras
        >>> import keras_distlayers as kdl
        >>> raw_scale = float(kdl.layers.Positive().inverse(0.1))
        >>> bias = kdl.layers.BlockwiseInitializer(
        ...     ["zeros", keras.initializers.Constant(raw_scale)], [3, 3]
        ... )
        >>> model = keras.Sequential([
        ...     keras.Input((4,)),
        ...     keras.layers.Dense(6, bias_initializer=bias),
        ...     kdl.layers.IndependentNormal(3),
        ... ])
        >>> stddev = keras.ops.convert_to_numpy(model(keras.ops.zeros((1, 4))).stddev())
        >>> round(float(stddev[0, 0]), 4)
        0.1
    """

    def __init__(self, floor: float = 1e-5) -> None:
        self.floor = float(floor)
        self.formula = f"softplus(raw) + {_short(self.floor)}"

    def forward(self, raw: Tensor) -> Tensor:
        return ops.softplus(_as_floats(raw)) + self.floor

    def inverse(self, value: Tensor) -> Tensor:
        """The raw parameter that gives `value`, which has to be above the floor."""
        above = _as_floats(value) - self.floor
        return above + ops.log(-ops.expm1(-above))


class PositiveSquare(Positive):
    """The square of a positive number: a variance whose scale is softplus(raw) + 1e-5.

    Examples:
        >>> from keras_distlayers.layers.parameters import PositiveSquare
        >>> PositiveSquare().formula
        '(softplus(raw) + 1e-5) ** 2'
    """

    def __init__(self, floor: float = 1e-5) -> None:
        super().__init__(floor)
        self.formula = f"({self.formula}) ** 2"

    def forward(self, raw: Tensor) -> Tensor:
        return ops.square(super().forward(raw))

    def inverse(self, value: Tensor) -> Tensor:
        return super().inverse(ops.sqrt(_as_floats(value)))


class LogRate(ParameterTransform):
    """The logarithm of a rate, which grows slowly above 40, where no counts are.

    The rate is exp(raw) up to there, as in `tfp.layers`, and goes on along the tangent,
    exp(40) (1 + raw - 40): its square is still a float32, so that losses, gradients and an
    optimizer's squares of them stay finite.

    Examples:
        >>> from keras_distlayers.layers.parameters import LogRate
        >>> [round(float(LogRate().forward(raw)), 2) for raw in (2.0, 1e4)]
        [2.0, 49.21]
    """

    formula = "raw; above 40 it is 40 + log(1 + raw - 40)"
    _TANGENT_FROM = 40.0

    def forward(self, raw: Tensor) -> Tensor:
        raw = _as_floats(raw)
        excess = ops.relu(raw - self._TANGENT_FROM)
        return raw - excess + ops.log1p(excess)

    def inverse(self, value: Tensor) -> Tensor:
        value = _as_floats(value)
        excess = ops.relu(value - self._TANGENT_FROM)
        return value - excess + ops.expm1(excess)


class LowerTriangular(ParameterTransform):
    """A lower triangle with a positive diagonal, from a vector of its entries.

    The vector of length d (d + 1) / 2 fills the triangle in the order of
    `tfp.math.fill_triangular`: [1, 2, 3, 4, 5, 6] fills [[4, 0, 0], [6, 5, 0], [3, 2, 1]].

    Args:
        diagonal: The transform of the entries on the diagonal.

    Examples:
        >>> import keras
        >>> from keras_distlayers.layers.parameters import LowerTriangular
        >>> tuple(LowerTriangular().forward(keras.ops.zeros((5, 6))).shape)
        (5, 3, 3)
    """

    def __init__(self, diagonal: ParameterTransform | None = None) -> None:
        self.diagonal = diagonal or Positive()
        self.formula = f"a lower triangle with {self.diagonal.formula} on its diagonal"

    def forward(self, raw: Tensor) -> Tensor:
        raw = _as_floats(raw)
        matrix = linalg.fill_triangular(raw, linalg.triangular_root(raw.shape[-1]))
        return linalg.with_diagonal(matrix, self.diagonal.forward(linalg.diagonal(matrix)))

    def inverse(self, value: Tensor) -> Tensor:
        value = _as_floats(value)
        diagonal = self.diagonal.inverse(linalg.diagonal(value))
        return linalg.triangular_entries(linalg.with_diagonal(value, diagonal))


def starts_at(value: float, transform: ParameterTransform) -> Callable[..., Tensor]:
    """An initializer of a raw parameter, whose parameter begins with a value.

    A function, and no number: Keras may build a layer where tensors have no values yet.
    """
    return lambda shape, dtype: transform.inverse(ops.full(shape, value, dtype=dtype))


def _as_floats(x: Tensor) -> Tensor:
    """A tensor; of ints, Python's or others, one of Keras's default floats."""
    x = ops.convert_to_tensor(x)
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype))
    return x if is_float else ops.cast(x, keras.config.floatx())


def _short(number: float) -> str:
    """A number as people write it: 1e-5, not 1e-05."""
    return f"{number:g}".replace("e-0", "e-")


__all__ = [
    "LogRate",
    "LowerTriangular",
    "ParameterTransform",
    "Positive",
    "PositiveSquare",
    "Real",
    "starts_at",
]
