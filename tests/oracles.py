"""Other libraries' distributions as one thing: a float64 NumPy array in, another out.

Which of them a family has stands in its row of `testing.FAMILIES`. TFP runs on NumPy, where
nothing compiles.
"""

import contextlib

import numpy as np
from tensorflow_probability.substrates import numpy as tfp

from keras_distlayers.testing._evaluation import (
    as_float64,
    double_precision,
    evaluate,
    evaluate_statistic,
)

LIBRARIES = ("scipy", "tfp", "torch")


def oracle(row, library, arguments):
    """The distribution of a family in a library, or None where the row names none there."""
    arguments = {name: np.asarray(value, "float64") for name, value in arguments.items()}
    return {"scipy": _Scipy, "tfp": _Tfp, "torch": _Torch}[library].of(row, arguments)


class _Scipy:
    smallest = 1e-30
    """The smallest tail probability whose digits count."""

    def __init__(self, frozen):
        self.frozen = frozen

    @classmethod
    def of(cls, row, arguments):
        return None if row.scipy is None else cls(row.scipy(**arguments))

    def __call__(self, name, *values):
        """The method of that name, or None."""
        names = {
            "log_prob": ("logpdf", "logpmf"), "mean": ("mean",), "variance": ("var",),
            "entropy": ("entropy",), "cdf": ("cdf",), "survival_function": ("sf",),
            "quantile": ("ppf",), "stddev": ("std",),
        }.get(name, ())  # fmt: skip
        for method in names:
            # SciPy's own overflow in the far tails, which comes out right.
            with contextlib.suppress(AttributeError), np.errstate(all="ignore"):
                return np.asarray(getattr(self.frozen, method)(*values))
        return None


class _Tfp:
    smallest = 1.0  # a survival function may be 1 - cdf there, of probabilities in float32

    def __init__(self, make, arguments):
        self.distribution = make(**arguments)

    @classmethod
    def of(cls, row, arguments):
        make = _resolve(row.tfp, tfp.distributions)
        return None if make is None else cls(make, arguments)

    def __call__(self, name, *values):
        if name == "survival_function" and not _has_own_survival_function(self.distribution):
            return None
        values = [np.asarray(v, "float64") for v in values]
        # TFP's own infinities in branches that it does not take.
        with contextlib.suppress(NotImplementedError), np.errstate(all="ignore"):
            return np.asarray(getattr(self.distribution, name)(*values))
        return None

    def kl_divergence(self, other):
        with np.errstate(all="ignore"):
            return np.asarray(self.distribution.kl_divergence(other.distribution))


class _Torch:
    smallest = 1.0

    def __init__(self, make, arguments):
        import torch

        self.tensor = lambda v: torch.as_tensor(np.asarray(v, "float64"))
        self.distribution = make(**{k: self.tensor(v) for k, v in arguments.items()})

    @classmethod
    def of(cls, row, arguments):
        import torch

        make = _resolve(row.torch, torch.distributions)
        return None if make is None else cls(make, arguments)

    def __call__(self, name, *values):
        name = {"quantile": "icdf"}.get(name, name)
        if not hasattr(self.distribution, name):
            return None
        with contextlib.suppress(NotImplementedError):
            member = getattr(self.distribution, name)
            if callable(member):
                member = member(*(self.tensor(v) for v in values))
            return member.numpy()
        return None


def _has_own_survival_function(distribution) -> bool:
    """Whether TFP computes it, or takes 1 - cdf, which has lost the digits of the tail."""
    base = tfp.distributions.Distribution
    names = ("_survival_function", "_log_survival_function")
    return any(getattr(type(distribution), name) is not getattr(base, name) for name in names)


def _resolve(maker, module):
    """What the table says, a name in the module or a function of it, as a function."""
    if maker is None:
        return None
    return getattr(module, maker) if isinstance(maker, str) else maker(module)


# ---------------------------------------------------------------- tail probabilities


def require_accurate_probabilities(row, arguments, value):
    """That cdf and survival function have the digits which float32 inputs give them.

    Relative where SciPy has the digits of the tail, absolute where there is no SciPy.
    """
    distribution = row.make(**arguments)
    for name in ("cdf", "survival_function"):
        received = evaluate_statistic(distribution, name, value)
        if received is None:
            continue
        received = as_float64(received)
        expected, rounding = exact_probability(row, arguments, distribution, name, value)
        smallest = _Scipy.smallest if row.scipy else 1.0
        scale = np.maximum(np.maximum(expected, rounding), smallest)
        assert (np.abs(received - expected) <= 1e-5 * scale).all(), (name, received, expected)


def exact_probability(row, arguments, distribution, name, value):
    """In float64, and by how much of itself each input moves it: the sum of |x dp/dx|."""
    inputs = {k: v.astype("float64") for k, v in arguments.items()}

    def at(value, inputs):
        with double_precision():
            ours = as_float64(evaluate(probability, inputs, value, make=row.make, name=name))
        scipy = oracle(row, "scipy", inputs)
        theirs = None if scipy is None else scipy(name, np.float64(value))
        # SciPy says NaN of a negative binomial whose probability rounds to 0 or 1.
        return ours if theirs is None else np.where(np.isnan(theirs), ours, theirs)

    expected, rounding = at(value, inputs), 0.0
    for key in inputs:
        rounding = rounding + moved(lambda f, k=key: at(value, {**inputs, k: f * inputs[k]}))
    if not distribution.support.is_discrete:
        rounding = rounding + moved(lambda f: at(f * np.float64(value), inputs))
    return expected, rounding


def probability(arguments, value, *, make, name):
    return getattr(make(**arguments), name)(value)


def moved(function, step=1e-6):
    return np.abs(function(1.0 + step) - function(1.0 - step)) / (2.0 * step)
