"""The monotone rational-quadratic spline."""

from typing import NamedTuple, Self

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import clip, cumsum, maximum
from keras_distlayers._core.parameterized import parameter_dtype
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise

_SMALLEST_SHARE = 1e-3
_SMALLEST_SLOPE = 1e-3


class _Bin(NamedTuple):
    """The numbers of a value's bin."""

    left: Tensor
    width: Tensor
    bottom: Tensor
    height: Tensor
    start_slope: Tensor
    end_slope: Tensor

    def mean_slope(self) -> Tensor:
        return self.height / self.width

    def slope_difference(self) -> Tensor:
        """The slopes at both ends less twice the mean slope."""
        return self.start_slope + self.end_slope - 2.0 * self.mean_slope()


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class RationalQuadraticSpline(Elementwise):
    """A monotone spline of K bins on [-bound, bound]; outside it y = x.

    With s = h / w the mean slope of a bin of width w and height h whose ends have the slopes
    a and b, and z = (x - left) / w:
    y = bottom + h (s z^2 + a z (1 - z)) / (s + (a + b - 2 s) z (1 - z)). The slopes at the
    two outermost ends are 1, those of the tails.

    Args:
        widths: Of the bins, positive, shape `(..., K)`; they are scaled to fill the interval.
        heights: Likewise.
        slopes: At the K - 1 inner knots, positive, shape `(..., K - 1)`.
        bound: Half of the interval's length.

    Raises:
        ValueError: if the sizes of the last axes do not fit together, or `bound` is not positive.

    Examples:
        >>> import keras_distlayers as kdl
        >>> widths, heights, slopes = [1.0, 1.0], [1.0, 3.0], [2.0]
        >>> spline = kdl.bijectors.RationalQuadraticSpline(widths, heights, slopes, bound=2.0)
        >>> [round(float(y), 4) for y in spline.forward([-5.0, -2.0, 0.0, 2.0])]
        [-5.0, -2.0, -1.0, 2.0]

    Source: Durkan, Bekasov, Murray and Papamakarios, Neural Spline Flows (2019), section 3.1
    and appendix A.1.
    """

    parameter_ndims = {"widths": 1, "heights": 1, "slopes": 1}
    event_axes = {"widths": "K", "heights": "K", "slopes": "K-1"}
    static_names = ("bound",)
    is_increasing = True

    widths: Tensor
    heights: Tensor
    slopes: Tensor
    bound: float

    def __init__(
        self, widths: Tensor, heights: Tensor, slopes: Tensor, bound: float = 3.0
    ) -> None:
        if not bound > 0.0:
            raise ValueError(
                message(
                    "RationalQuadraticSpline, argument `bound`",
                    expected="a positive number",
                    received=f"bound={bound!r}",
                )
            )
        super().__init__(widths=widths, heights=heights, slopes=slopes, bound=float(bound))

    @classmethod
    def from_raw(cls, raw: Tensor, bound: float = 3.0) -> Self:
        """The spline of any 3 K - 1 numbers, such as those of a Dense layer.

        The widths and heights are shares of the interval by softmax, each at least 0.001; the
        slopes are by softplus, at least 0.001.

        Args:
            raw: Shape `(..., 3 K - 1)`.
            bound: As for the class.

        Raises:
            ValueError: if the last axis is of another length.
        """
        raw = ops.convert_to_tensor(raw, parameter_dtype([raw]))
        bins, remainder = divmod(raw.shape[-1] + 1, 3)
        if remainder or not bins:
            raise ValueError(
                message(
                    "RationalQuadraticSpline.from_raw",
                    expected="3 K - 1 raw numbers on the last axis",
                    received=f"shape={tuple(raw.shape)}",
                )
            )
        widths, heights = _shares(raw[..., :bins]), _shares(raw[..., bins : 2 * bins])
        slopes = _SMALLEST_SLOPE + ops.softplus(raw[..., 2 * bins :])
        return cls(widths, heights, slopes, bound)

    def _bins(self, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """The left ends of the bins and their sizes, scaled to the interval."""
        sizes = 2.0 * self.bound * sizes / ops.sum(sizes, axis=-1, keepdims=True)
        return cumsum(sizes, -1) - sizes - self.bound, sizes

    def _bin_of(self, value: Tensor, *, by_height: bool) -> _Bin:
        """The bin of each value, an x or, by height, a y."""
        left, widths = self._bins(self.widths)
        bottom, heights = self._bins(self.heights)
        one = ops.ones_like(self.slopes[..., :1]) if self.slopes.shape[-1] else widths / widths
        start_slopes = ops.concatenate([one, self.slopes], axis=-1)
        end_slopes = ops.concatenate([self.slopes, one], axis=-1)
        inner_knots = (bottom if by_height else left)[..., 1:]
        # A mask in place of an index: a gather's gradient is a slow scatter.
        index = ops.sum(ops.cast(value[..., None] >= inner_knots, "int32"), axis=-1)
        is_bin = index[..., None] == ops.arange(widths.shape[-1], dtype="int32")
        columns = (left, widths, bottom, heights, start_slopes, end_slopes)
        return _Bin(*(ops.sum(ops.where(is_bin, c, 0.0), axis=-1) for c in columns))

    def _clipped(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Where the spline acts, and the values moved into the interval, for safe gradients."""
        return ops.abs(value) < self.bound, clip(value, -self.bound, self.bound)

    def _forward(self, x: Tensor) -> Tensor:
        is_inside, clipped = self._clipped(x)
        b = self._bin_of(clipped, by_height=False)
        z = (clipped - b.left) / b.width
        product = z * (1.0 - z)
        numerator = b.height * (b.mean_slope() * z * z + b.start_slope * product)
        y = b.bottom + numerator / (b.mean_slope() + b.slope_difference() * product)
        return ops.where(is_inside, y, x)

    def _inverse(self, y: Tensor) -> Tensor:
        """The root of a quadratic equation that lies in [0, 1], in its stable form."""
        is_inside, clipped = self._clipped(y)
        b = self._bin_of(clipped, by_height=True)
        rise = clipped - b.bottom
        curvature = rise * b.slope_difference()
        quadratic = b.height * (b.mean_slope() - b.start_slope) + curvature
        linear = b.height * b.start_slope - curvature
        constant = -b.mean_slope() * rise
        discriminant = linear * linear - 4.0 * quadratic * constant
        root = ops.sqrt(maximum(discriminant, 1e-30))  # positive but for rounding
        z = 2.0 * constant / (-linear - root)
        return ops.where(is_inside, b.left + b.width * z, y)

    def _log_slope(self, x: Tensor) -> Tensor:
        is_inside, clipped = self._clipped(x)
        b = self._bin_of(clipped, by_height=False)
        z = (clipped - b.left) / b.width
        product = z * (1.0 - z)
        numerator = b.end_slope * z * z + 2.0 * b.mean_slope() * product
        numerator = numerator + b.start_slope * (1.0 - z) ** 2
        denominator = b.mean_slope() + b.slope_difference() * product
        log_slope = 2.0 * ops.log(b.mean_slope()) + ops.log(numerator) - 2.0 * ops.log(denominator)
        return ops.where(is_inside, log_slope, 0.0)


def _shares(raw: Tensor) -> Tensor:
    """Positive numbers that sum to 1, none below the smallest share."""
    # Not ops.softmax, which warns of an axis of one entry.
    shares = ops.exp(raw - ops.logsumexp(raw, axis=-1, keepdims=True))
    return _SMALLEST_SHARE + (1.0 - _SMALLEST_SHARE * raw.shape[-1]) * shares


__all__ = ["RationalQuadraticSpline"]
