"""The monotone rational-quadratic spline."""

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import cumsum, maximum
from keras_distlayers._core.parameterized import parameter_dtype
from keras_distlayers.bijectors.elementwise import Elementwise

_LEAST_SHARE = 1e-3

_LEAST_SLOPE = 1e-3


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
        ValueError: if the sizes of the last axes do not fit together.

    Examples:
        >>> import keras_distlayers as kdl
        >>> spline = kdl.bijectors.RationalQuadraticSpline([1.0, 1.0], [1.0, 3.0], [2.0], bound=2.0)
        >>> [round(float(y), 4) for y in spline.forward([-5.0, -2.0, 0.0, 2.0])]
        [-5.0, -2.0, -1.0, 2.0]

    Source: Durkan, Bekasov, Murray and Papamakarios, Neural Spline Flows (2019), section 3.1
    and appendix A.1.
    """

    parameter_ndims = {"widths": 1, "heights": 1, "slopes": 1}
    static_names = ("bound",)
    is_increasing = True

    def __init__(self, widths, heights, slopes, bound=3.0):
        super().__init__(widths=widths, heights=heights, slopes=slopes, bound=float(bound))
        sizes = [t.shape[-1] for t in (self.widths, self.heights, self.slopes)]
        if sizes[0] != sizes[1] or sizes[2] != sizes[0] - 1:
            raise ValueError(
                message(
                    "RationalQuadraticSpline",
                    expected="K widths, K heights and K - 1 slopes on the last axes",
                    received=f"{sizes[0]}, {sizes[1]} and {sizes[2]}",
                )
            )

    @classmethod
    def from_raw(cls, raw, bound=3.0):
        """The spline of any 3 K - 1 numbers, such as those of a Dense layer.

        Shares of the interval by softmax, each at least 0.001; slopes by softplus, at least
        0.001.

        Args:
            raw: Shape `(..., 3 K - 1)`.
            bound: As for the class.

        Raises:
            ValueError: if the last axis is of another length.
        """
        raw = ops.convert_to_tensor(raw, parameter_dtype([raw]))
        bins, rest = divmod(raw.shape[-1] + 1, 3)
        if rest or not bins:
            raise ValueError(
                message(
                    "RationalQuadraticSpline.from_raw",
                    expected="3 K - 1 raw numbers on the last axis",
                    received=f"shape={tuple(raw.shape)}",
                )
            )
        shares = [_shares(raw[..., :bins]), _shares(raw[..., bins : 2 * bins])]
        return cls(*shares, _LEAST_SLOPE + ops.softplus(raw[..., 2 * bins :]), bound)

    def _knots(self, sizes):
        """The left ends of the bins and their sizes, scaled to the interval."""
        sizes = 2.0 * self.bound * sizes / ops.sum(sizes, axis=-1, keepdims=True)
        return cumsum(sizes, -1) - sizes - self.bound, sizes

    def _bin(self, value, of_heights):
        """For each value the numbers of its bin: left, w, bottom, h and the slopes at its ends."""
        left, widths = self._knots(self.widths)
        bottom, heights = self._knots(self.heights)
        one = ops.ones_like(self.slopes[..., :1]) if self.slopes.shape[-1] else widths / widths
        starts = ops.concatenate([one, self.slopes], axis=-1)
        ends = ops.concatenate([self.slopes, one], axis=-1)
        inner = (bottom if of_heights else left)[..., 1:]
        # A mask in place of an index: a gather's gradient is a slow scatter.
        index = ops.sum(ops.cast(value[..., None] >= inner, "int32"), axis=-1)
        chosen = index[..., None] == ops.arange(widths.shape[-1], dtype="int32")
        columns = (left, widths, bottom, heights, starts, ends)
        return tuple(ops.sum(ops.where(chosen, c, 0.0), axis=-1) for c in columns)

    def _inside(self, value):
        """Where the spline acts, and the values moved into the interval, for safe gradients."""
        return ops.abs(value) < self.bound, ops.clip(value, -self.bound, self.bound)

    def _forward(self, x):
        inside, clipped = self._inside(x)
        left, width, bottom, height, start, end = self._bin(clipped, of_heights=False)
        z, slope = (clipped - left) / width, height / width
        rest = z * (1.0 - z)
        y = bottom + height * (slope * z * z + start * rest) / (
            slope + (start + end - 2.0 * slope) * rest
        )
        return ops.where(inside, y, x)

    def _inverse(self, y):
        """The root of a quadratic equation that lies in [0, 1], in its stable form."""
        inside, clipped = self._inside(y)
        left, width, bottom, height, start, end = self._bin(clipped, of_heights=True)
        slope, rise = height / width, clipped - bottom
        bend = rise * (start + end - 2.0 * slope)
        a, b, c = height * (slope - start) + bend, height * start - bend, -slope * rise
        square = maximum(b * b - 4.0 * a * c, 1e-30)  # positive but for rounding
        z = 2.0 * c / (-b - ops.sqrt(square))
        return ops.where(inside, left + width * z, y)

    def _log_slope(self, x):
        inside, clipped = self._inside(x)
        left, width, _, height, start, end = self._bin(clipped, of_heights=False)
        z, slope = (clipped - left) / width, height / width
        rest = z * (1.0 - z)
        top = end * z * z + 2.0 * slope * rest + start * (1.0 - z) ** 2
        below = slope + (start + end - 2.0 * slope) * rest
        log_slope = 2.0 * ops.log(slope) + ops.log(top) - 2.0 * ops.log(below)
        return ops.where(inside, log_slope, 0.0)


def _shares(raw):
    """Positive numbers that sum to 1, none below the least."""
    # Not ops.softmax, which warns of an axis of one entry.
    shares = ops.exp(raw - ops.logsumexp(raw, axis=-1, keepdims=True))
    return _LEAST_SHARE + (1.0 - _LEAST_SHARE * raw.shape[-1]) * shares


__all__ = ["RationalQuadraticSpline"]
