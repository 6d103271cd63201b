"""Points and weights for the integrals of densities."""

import math

import numpy as np
from scipy import special

_STEPS = np.linspace(-4.0, 4.0, 4001)


def quadrature(
    lower: np.ndarray, upper: np.ndarray, centre: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights for an integral over an interval, by the double exponential rule.

    Args:
        lower: Array of the lower bounds, minus infinity where there is none.
        upper: The upper bounds.
        centre: Where the bulk of the density lies.
        scale: How wide it is.

    Returns:
        Two arrays of shape `(4001, *shape)`.

    Source: Takahasi and Mori, Publications of the RIMS 9 (1974).
    """
    u = _STEPS.reshape((-1,) + (1,) * np.ndim(centre))
    step = _STEPS[1] - _STEPS[0]
    t, dt = 2.0 * np.sinh(u), 2.0 * np.cosh(u) * step
    if np.isfinite(lower).all() and np.isfinite(upper).all():
        width = upper - lower
        return lower + width * special.expit(t), dt * width * _logistic_density(t)
    if np.isfinite(lower).all():
        reach = centre - lower
        return lower + reach * np.exp(t), dt * reach * np.exp(t)
    if np.isfinite(upper).all():
        reach = upper - centre
        return upper - reach * np.exp(t), dt * reach * np.exp(t)
    return centre + scale * np.sinh(t), dt * scale * np.cosh(t)


def _logistic_density(t: np.ndarray) -> np.ndarray:
    return special.expit(t) * special.expit(-t)


class Proposal:
    """A multivariate Student t, 5 degrees of freedom, around draws of a distribution.

    Its tails are heavier than those of most distributions, which bounds the importance weights.
    """

    _DEGREES = 5.0
    _INFLATION = 1.3

    def __init__(self, draws: np.ndarray) -> None:
        """Takes draws of shape `(n, d)`."""
        self.loc = draws.mean(axis=0)
        covariance = np.atleast_2d(np.cov(draws.T)) + 1e-12 * np.eye(draws.shape[1])
        self.tril = self._INFLATION * np.linalg.cholesky(covariance)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        normal = rng.normal(size=(n, len(self.loc)))
        chi_square = rng.chisquare(self._DEGREES, size=(n, 1))
        return self.loc + (normal @ self.tril.T) * np.sqrt(self._DEGREES / chi_square)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        d, nu = len(self.loc), self._DEGREES
        z = np.linalg.solve(self.tril, (x - self.loc).T)
        constant = special.gammaln((nu + d) / 2) - special.gammaln(nu / 2)
        constant -= d / 2 * math.log(nu * math.pi) + np.log(np.diag(self.tril)).sum()
        return constant - (nu + d) / 2 * np.log1p((z**2).sum(axis=0) / nu)


__all__ = ["Proposal", "quadrature"]
