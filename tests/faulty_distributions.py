"""Faulty distributions: a function that makes one, the check that has to see it, its message."""

import keras
import numpy as np
from breaking import Exponential, broken, categorical, detour, exponential, full_normal
from keras import ops

import keras_distlayers as kdl


def right_kl(a, b):
    return Exponential(b.rate).kl_divergence(Exponential(a.rate))


def exponential_with_reversed_kl():
    distribution = exponential()
    kdl.distributions.register_kl(type(distribution), type(distribution))(right_kl)
    return distribution


def tiny_log_normal(**methods):
    """One whose draws round to 0, and one of an ordinary size."""
    return broken(kdl.distributions.TransformedDistribution, **methods)(
        kdl.distributions.Normal(np.array([-120.0, 0.0], "float32"), 1.0), kdl.bijectors.Exp()
    )


def sample_then_log_prob(self, sample_shape, seed):
    """The preimage is thrown away, and looked for again."""
    draw = self._sample(sample_shape, seed)
    return draw, self._log_prob(draw)


def without_log_det(self, sample_shape, seed):
    x, log_prob = self.distribution.sample_and_log_prob(sample_shape, seed)
    return self.bijector.forward(x), log_prob


def cached(self, rate):
    """A tensor that is not a parameter: slices, copies and gradients do not know of it."""
    Exponential.__init__(self, rate)
    self.log_rate = ops.log(self.rate)


calls = []


def count(self, value):
    calls.append(value)
    return Exponential._log_prob(self, value) + len(calls)


FAULTY_DISTRIBUTIONS = {
    "a forgotten log-determinant": (
        lambda: full_normal(_log_det_scale=lambda self: ops.zeros(self.dynamic_shape()[:-1])),
        "normalization", r"total mass of 1 .*Received",
    ),
    "a density that integrates to 2": (
        lambda: exponential(
            _log_prob=lambda self, x: Exponential._log_prob(self, x) + np.log(2.0)
        ),
        "normalization", "total mass of 1 ",
    ),
    "masses that are not normalized": (
        lambda: categorical(
            _log_prob=lambda self, x: kdl.distributions.Categorical._log_prob(self, x) - 0.1
        ),
        "normalization", "total mass of 1 ",
    ),
    "a scale for a variance": (
        lambda: exponential(_variance=lambda self: 1.0 / self.rate),
        "moments", "a variance by quadrature of 2 ",
    ),
    "a variance without the degrees of freedom, in tails too heavy for draws to tell": (
        lambda: broken(
            kdl.distributions.StudentT, _variance=lambda self: ops.square(self.scale)
        )(2.5, 0.0, 1.0),
        "moments", r"a variance by quadrature of 1 .*Received: 5",
    ),
    "draws of a vector twice too wide": (
        lambda: full_normal(
            _sample=lambda self, n, seed: 2.0
            * kdl.distributions.MultivariateNormalTriL._sample(self, n, seed)
        ),
        "moments", r"a mean of 1 .*over 20000 draws",
    ),
    "a variance for a scale": (
        lambda: exponential(_stddev=lambda self: self._variance()), "moments", "stddev",
    ),
    "a mean that is the rate": (
        lambda: exponential(_mean=lambda self: self.rate),
        "moments", "a mean by quadrature of 0.5",
    ),
    "the covariance L'L in place of LL'": (
        lambda: full_normal(
            _covariance=lambda self: ops.einsum(
                "...ji,...jk->...ik", self.scale_tril, self.scale_tril
            )
        ),
        "moments", "a covariance of",
    ),
    "draws twice too wide": (
        lambda: exponential(
            _sample=lambda self, n, seed: 2.0 * self._standard(n, seed) / self.rate
        ),
        "pit", "a share of",
    ),
    "draws with the right moments of another distribution": (
        lambda: exponential(
            _sample=lambda self, n, seed: (
                1.0
                + 3.0**0.5
                * keras.random.uniform((*n, *self.dynamic_shape()), -1.0, 1.0, seed=seed)
            ) / self.rate
        ),
        "pit", "of 20000 draws",
    ),
    "draws that never reach the last hundredth": (
        lambda: exponential(
            _sample=lambda self, n, seed: -ops.log1p(
                -0.99 * keras.random.uniform((*n, *self.dynamic_shape()), seed=seed)
            ) / self.rate
        ),
        "pit", "about 80 of 20000 draws in the upper tail",
    ),
    "draws outside the support": (
        lambda: exponential(
            _sample=lambda self, n, seed: -self._standard(n, seed) / self.rate
        ),
        "support", r"draws in the support, the real numbers from 0\.0",
    ),
    "a density outside the support": (
        lambda: exponential(_log_prob=lambda self, x: ops.log(self.rate) - self.rate * x),
        "support", r"minus infinity at -1\.0",
    ),
    "a preimage that is thrown away": (
        lambda: tiny_log_normal(_sample_and_log_prob=sample_then_log_prob),
        "support", "a log_prob above minus infinity at every draw",
    ),
    "a log_prob with a draw that lacks the log-determinant": (
        lambda: tiny_log_normal(_sample_and_log_prob=without_log_det),
        "sample_and_log_prob", "the log_prob with a draw",
    ),
    "a NaN that is hidden": (
        lambda: exponential(
            _log_prob=lambda self, x: ops.where(
                x >= 0.0, Exponential._log_prob(self, x), -np.inf
            )
        ),
        "support", "a log_prob of NaN at NaN",
    ),
    "mass on what is not a label": (
        lambda: categorical(
            _log_prob=lambda self, x: kdl.distributions.Categorical._log_prob(
                self, ops.clip(x, 0, 2)
            )
        ),
        "support", "minus infinity at",
    ),
    "a batch axis summed": (
        lambda: exponential(
            _log_prob=lambda self, x: ops.sum(Exponential._log_prob(self, x), axis=-1)
        ),
        "shapes", r"log_prob of shape \(2,\)\. Received: \(\)",
    ),
    "a sample shape after the batch": (
        lambda: exponential(
            _sample=lambda self, n, seed: ops.moveaxis(
                Exponential._sample(self, n, seed), 0, -1
            )
        ),
        "shapes", "a draw of shape",
    ),
    "an entropy of one entry": (
        lambda: exponential(_entropy=lambda self: ops.sum(1.0 - ops.log(self.rate))),
        "shapes", r"entropy\(\) of shape",
    ),
    "a mean over the wrong axis": (
        lambda: exponential(
            _log_prob=lambda self, x: Exponential(
                ops.mean(self.rate, axis=0, keepdims=True) * ops.ones_like(self.rate)
            )._log_prob(x)
            if len(self.rate.shape) else Exponential._log_prob(self, x)
        ),
        "slicing", "log_prob of",
    ),
    "a tensor that is not a parameter": (
        lambda: exponential(
            __init__=cached,
            _log_prob=lambda self, x: ops.where(x < 0.0, -np.inf, self.log_rate - self.rate * x),
        ),
        "slicing", "log_prob",
    ),
    "an event that is broadcast": (
        lambda: full_normal(
            log_prob=lambda self, x: self._log_prob(
                ops.broadcast_to(ops.convert_to_tensor(x)[..., :1], (*ops.shape(x)[:-1], 2))
                if ops.shape(x)[-1:] != (2,) else ops.convert_to_tensor(x)
            )
        ),
        "broadcasting", "a ValueError from log_prob",
    ),
    "values that depend on each other": (
        lambda: exponential(
            _log_prob=lambda self, x: Exponential._log_prob(self, x)
            + 0.0 * x + (ops.mean(x, axis=0) if len(x.shape) > 2 else 0.0)
        ),
        "broadcasting", "log_prob of a grid of values",
    ),
    "a float64 leak": (
        lambda: exponential(
            _mean=lambda self: ops.cast(1.0 / self.rate, "float64")
        ),
        "dtypes", r"mean of dtype float32\. Received: float64",
    ),
    "the largest entry, of which there is none in an empty batch": (
        lambda: exponential(
            _log_prob=lambda self, x: Exponential._log_prob(self, x) - 0.0 * ops.max(x)
        ),
        "no_rows", "",
    ),
    "a number of Keras's own dtype": (
        lambda: exponential(
            _cdf=lambda self, x: ops.cast(ops.where(x < 0.0, 0.0, 1.0), "float32")
        ),
        "float64", r"cdf in float64 of dtype float64\. Received: float32",
    ),
    "half precision": (
        lambda: exponential(
            _log_prob=lambda self, x: ops.cast(Exponential._log_prob(self, x), "float16")
        ),
        "dtypes", "log_prob of dtype float32. Received: float16",
    ),
    "one seed for all": (
        lambda: exponential(
            _sample=lambda self, n, seed: Exponential._sample(self, n, 42)
        ),
        "seed", "other draws for another seed",
    ),
    "one noise for the whole batch": (
        lambda: exponential(
            _sample=lambda self, n, seed: -ops.log1p(
                -keras.random.uniform((*n, *(1,) * len(self.batch_shape)), seed=seed)
            ) / self.rate
        ),
        "independence", "a rank correlation of neighbours on axis 0 .*Received: 1 ",
    ),
    "a seed that is ignored": (
        lambda: exponential(
            _sample=lambda self, n, seed: Exponential._sample(self, n, None)
        ),
        "seed", "the same draws for the same seed",
    ),
    "an entropy in bits": (
        lambda: exponential(
            _entropy=lambda self: Exponential._entropy(self) / np.float32(np.log(2.0))
        ),
        "entropy", "an entropy of",
    ),
    "the survival function for the cdf": (
        lambda: exponential(_cdf=lambda self, x: ops.exp(-self.rate * x)), "cdf", "never falls",
    ),
    "the cdf of another scale": (
        lambda: exponential(
            _cdf=lambda self, x: -ops.expm1(-2.0 * self.rate * ops.maximum(x, 0.0))
        ),
        "cdf", "the slope of the cdf",
    ),
    "a survival function that is the cdf": (
        lambda: exponential(_survival_function=lambda self, x: self._cdf(x)),
        "cdf", r"cdf \+ survival_function of 1 ",
    ),
    "a quantile of 1 - p": (
        lambda: exponential(_quantile=lambda self, p: -ops.log(p) / self.rate),
        "quantile", r"cdf\(quantile\(p\)\)",
    ),
    "a quantile one label too high": (
        lambda: categorical(
            _quantile=lambda self, p: ops.cast(
                1 + ops.sum(
                    ops.cast(ops.cumsum(self.probs_parameter(), -1) < p[..., None], "int32"),
                    axis=-1,
                ), "int32",
            )
        ),
        "quantile", "the first value whose cdf",
    ),
    "the mean for the mode": (
        lambda: exponential(_mode=lambda self: 1.0 / self.rate), "mode", "at the mode",
    ),
    "a KL divergence the other way round": (
        exponential_with_reversed_kl, "kl", "a KL divergence of",
    ),
    "a difference of large numbers": (
        lambda: exponential(
            _log_prob=lambda self, x: (
                Exponential._log_prob(self, x) + 1e4 * self.rate
            ) - 1e4 * self.rate
        ),
        "accuracy", "log_prob in float32 of",
    ),
    "a gradient cut by a NumPy detour": (
        lambda: exponential(
            _log_prob=lambda self, x: ops.where(
                x < 0.0, -np.inf, ops.log(detour(self.rate)) - self.rate * x
            )
        ),
        "gradients", "the gradient of log_prob",
    ),
    "a gradient that is NaN for a probability of 0": (
        lambda: broken(
            kdl.distributions.Bernoulli,
            _log_probs=lambda self: (ops.log(self.probs), ops.log1p(-self.probs)),
        )(probs=[0.3, 0.6]),
        "gradients", "a finite gradient of log_prob where `probs` is 0",
    ),
    "a draw whose gradient is cut": (
        lambda: exponential(
            _sample=lambda self, n, seed: self._standard(n, seed) / detour(self.rate)
        ),
        "reparameterization", "the draw's gradient less the score's",
    ),
    "a draw whose gradient has the wrong sign": (
        lambda: exponential(
            _sample=lambda self, n, seed: self._standard(n, seed)
            * (2.0 * ops.stop_gradient(1.0 / self.rate) - 1.0 / self.rate)
        ),
        "reparameterization", "the draw's gradient less the score's",
    ),
    "a result that depends on the number of calls": (
        lambda: exponential(_log_prob=count), "jit", "log_prob under jit",
    ),
    "draws that are all one count": (
        lambda: broken(
            kdl.distributions.Poisson,
            _sample=lambda self, n, seed: ops.full((*n, *self.dynamic_shape()), 3.0, "float32"),
        )(rate=[2.0]),
        "moments", "a mean of 2",
    ),
    "a config that drops a parameter": (
        lambda: exponential(get_config=lambda self: {}), "config", "TypeError",
    ),
    "a config with the mean for the rate": (
        lambda: exponential(
            get_config=lambda self: {"rate": ops.convert_to_numpy(self.mean())}
        ),
        "config", "the same draw",
    ),
    "a copy that forgets its parameter": (
        lambda: exponential(
            map_tensors=lambda self, f: type(self)(ops.ones_like(self.rate))
        ),
        "pytree", "the same draw",
    ),
}  # fmt: skip
