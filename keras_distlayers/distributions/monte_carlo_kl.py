"""The KL divergence by Monte Carlo, with a gradient for every distribution."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import maximum, mean, minimum
from keras_distlayers._core.sameness import is_same
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.invert import Invert
from keras_distlayers.distributions._special import TINY
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.distributions.path_log_prob import draw_with_score_log_prob
from keras_distlayers.distributions.transformed_distribution import TransformedDistribution


def monte_carlo_kl(
    a: Distribution, b: Distribution, num_samples: int, tensor_is_draw: bool = False
) -> Tensor:
    """The mean of log a(x) - log b(x) over draws x of a, in nats.

    Its expectation is KL(a || b), and the expectation of its gradient is that of KL(a || b),
    whether or not draws of a have a gradient; see `kl_at_draws`.

    Args:
        a: A `Distribution`, or a RandomVariable.
        b: A `Distribution` over the same events.
        num_samples: How many draws.
        tensor_is_draw: Whether a is a RandomVariable whose tensor is a sample of it. One draw is
            then that one, if it can be.

    Returns:
        Tensor of the broadcast `batch_shape`.
    """
    base, pulled_back = _without_bijector(a.unwrapped(), b.unwrapped())
    if num_samples == 1 and tensor_is_draw and base is a.unwrapped():
        return kl_at_draws(a, b, a)
    seed = a.unwrapped().default_seed
    if _has_path(base):
        draws, log_a = base.sample_and_log_prob(num_samples, seed)
        return _mean_over_draws(log_a - pulled_back.log_prob(_inside(draws, base)), base)
    draws, log_a = draw_with_score_log_prob(base, (num_samples,), seed)
    return _mean_with_score(log_a, pulled_back.log_prob(_inside(draws, base)), base)


def kl_at_draws(a: Distribution, b: Distribution, draws: Tensor) -> Tensor:
    """The mean of log a(x) - log b(x) over given draws x of a, in nats.

    Where the draws have no gradient by the parameters of a, the gradient is that of the score
    function, E[(log a(x) - log b(x) - c) dlog a(x)]. With several draws, c is the mean over the
    others. The value is the plain mean.

    Args:
        a: A `Distribution`, or a RandomVariable.
        b: A `Distribution` over the same events.
        draws: Of shape `sample_shape + batch_shape + event_shape`; a itself for its own draw.

    Source: Mohamed et al., Journal of Machine Learning Research 21 (2020), section 4; the mean
    over the others: Kool, van Hoof and Welling (2019), Buy 4 REINFORCE samples, get a baseline
    for free; without the score of log a itself: Roeder, Wu and Duvenaud (2017).
    """
    if _has_path(a):
        return _mean_over_draws(a.log_prob(draws) - b.log_prob(_inside(draws, a)), a)
    fixed = ops.stop_gradient(ops.convert_to_tensor(draws))
    # That of its own draw is kept, with the score as its gradient where the draw has none.
    log_a = a.log_prob(draws if draws is a and not a.reparameterized else fixed)
    return _mean_with_score(log_a, b.log_prob(_inside(fixed, a)), a)


def _mean_with_score(log_a: Tensor, log_b: Tensor, a: Distribution) -> Tensor:
    """The mean of log a - log b at draws without a gradient, with that of the score function."""
    fixed_log_a = ops.stop_gradient(log_a)
    ratio = fixed_log_a - log_b
    score = log_a - fixed_log_a  # 0 with a gradient
    return _mean_over_draws(ratio + _weight(ops.stop_gradient(ratio), a) * score, a)


def _has_path(a: Distribution) -> bool:
    """Whether the gradient through a draw is that of the divergence.

    At an atom the log ratio jumps, which the gradient through a draw does not see.
    """
    return a.reparameterized and not a.has_atoms


def _inside(draws: Tensor, a: Distribution) -> Tensor:
    """The draws; the next number inside the support in place of one that has rounded to its bound.

    There the log_prob with a draw is exact, but a prior of another family has no density.
    """
    if not a.keeps_preimage:
        return draws
    draws, support = ops.convert_to_tensor(draws), a.support
    dtype = keras.backend.standardize_dtype(draws.dtype)
    lower, upper = _moved(support.lower, dtype, 1.0), _moved(support.upper, dtype, -1.0)
    return minimum(maximum(draws, lower), upper)


def _moved(bound: Tensor, dtype: str, direction: float) -> Tensor:
    """A bound moved by a rounding; an infinite one as it is."""
    bound = ops.convert_to_tensor(bound, dtype)
    is_finite = ops.isfinite(bound)
    finite = ops.where(is_finite, bound, 0.0)
    step = maximum(ops.abs(finite) * float(np.finfo(dtype).eps), TINY)
    return ops.where(is_finite, finite + direction * step, bound)


def _sample_axes(values: Tensor, a: Distribution) -> tuple[int, ...]:
    return tuple(range(len(values.shape) - len(a.batch_shape)))


def _mean_over_draws(values: Tensor, a: Distribution) -> Tensor:
    axes = _sample_axes(values, a)
    return mean(values, axis=axes) if axes else values


def _weight(ratio: Tensor, a: Distribution) -> Tensor:
    """The factor of each draw's score: its log ratio less the mean over the other draws."""
    axes = _sample_axes(ratio, a)
    n = 1
    for axis in axes:
        n *= ratio.shape[axis] or 1  # a number of draws that is not known yet counts as one
    if n > 1:
        ratio = (ratio - mean(ratio, axis=axes)) * (n / (n - 1))
    # An infinite divergence is the value, and has no gradient: infinity times 0 would be NaN.
    return ops.where(ops.isfinite(ratio), ratio, ops.zeros_like(ratio))


def _without_bijector(a: Distribution, b: Distribution) -> tuple[Distribution, Distribution]:
    """Two distributions with the same divergence, without a bijector that both share.

    Where draws of a have no gradient, all its bijectors move to b, inverted, so that the score
    is that of the distribution that was drawn from.
    """
    while (transformed := _as_transformed(a)) is not None:
        other = _as_transformed(b)
        if other is not None and is_same(transformed.bijector, other.bijector):
            a, b = transformed.base, other.base
        elif not a.reparameterized:
            a, b = transformed.base, TransformedDistribution(b, Invert(transformed.bijector))
        else:
            break
    return a, b


def _as_transformed(a: Distribution) -> TransformedDistribution | None:
    """The distribution, if it is a transformed one; Independent goes inside the transform."""
    if isinstance(a, TransformedDistribution):
        return a
    if isinstance(a, Independent):
        inner = _as_transformed(a.distribution)
        if inner is not None:
            base = Independent(inner.base, a.reinterpreted_batch_ndims)
            return TransformedDistribution(base, inner.bijector)
    return None


__all__ = ["kl_at_draws", "monte_carlo_kl"]
