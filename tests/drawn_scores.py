"""Scores that are estimated from draws, and what their means are."""

import math

import numpy as np
from crps_table import mixture_of_normals
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient

kd = kdl.distributions


class Drawn(kd.MixtureSameFamily):
    """A mixture without a closed form, whose draws have no gradient."""


@kd.register_crps(Drawn)
def _(distribution, value):
    return None


def exponential_of_normal(loc, scale):
    return kd.TransformedDistribution(kd.Normal(loc, scale), kdl.bijectors.Exp())


def drawn_mixture(loc, gap, scale):
    mixture = mixture_of_normals(loc, gap, scale)
    return Drawn(mixture.mixture_distribution, mixture.components_distribution)


def estimates(parameters, value, *, make, score, num_draws, event_ndims=0):
    distribution = make(*parameters)
    if event_ndims:
        distribution = kd.Independent(distribution, event_ndims)
    return score(distribution, value, num_draws=num_draws, seed=1)


def first(parameters, value, **options):
    return ops.sum(estimates(parameters, value, **options))


def require_mean(found, exact):
    """The mean of independent numbers is within 4.5 standard errors of the exact one."""
    error = found.std() / math.sqrt(found.size)
    assert abs(found.mean() - exact) < 4.5 * error, (found.mean(), exact, error)


CASES = {
    "with gradient": (exponential_of_normal, kd.LogNormal, (0.3, 0.8)),
    "score function": (drawn_mixture, mixture_of_normals, (0.0, 1.5, 0.5)),
}


def require_unbiased(name, score, num_draws):
    """20,000 estimates beside the closed form; of an event with one entry both scores agree."""
    drawn, closed, parameters = CASES[name]
    exact_parameters = [ops.convert_to_tensor(np.float32([x])) for x in parameters]
    copies = 20_000 if num_draws == 3 else 5_000
    wide = [ops.convert_to_tensor(np.full((copies, 1), x, "float32")) for x in parameters]
    value = ops.convert_to_tensor(np.float32([0.7]))
    options = {"make": drawn, "score": getattr(kdl.scores, score), "num_draws": num_draws}
    options["event_ndims"] = int(score == "energy_score")
    exact = numpy(kdl.scores.crps(closed(*exact_parameters), value))[0]
    require_mean(numpy(evaluate(estimates, wide, value, **options)), exact)
    slopes = gradient(first, wide, value, **options)
    by_closed = gradient(first, exact_parameters, value, make=closed, score=kdl.scores.crps,
                         num_draws=None)  # fmt: skip
    for slope, exact_slope in zip(slopes, by_closed, strict=True):
        require_mean(numpy(slope), numpy(exact_slope)[0])
