"""Measure once, judge many: what the checks of a distribution look at.

A `Measurement` evaluates each group of results when a check first asks for it, in one compiled
call, and keeps it as a record of NumPy arrays. A check is then a function of records, which a
test can write by hand:

    measurement = Measurement(distribution, draws=Record(values=..., log_prob=...))
"""

import functools

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing.measurement import (
    copies,
    digits,
    draws,
    eager,
    edges,
    pairs,
    paths,
    points,
    signature,
    slopes,
    variants,
)  # fmt: skip
from keras_distlayers.testing.measurement.heads import HeadMeasurement, measure_layer
from keras_distlayers.testing.measurement.record import Record


class Measurement:
    """What is known of a distribution, group by group.

    Args:
        distribution: A `Distribution`.
        seed: Of the draws, an int.
        num_draws: How many there are; fewer where a batch is large.
        **records: Groups that are known already, by name; the others are measured.

    Attributes:
        distribution: The distribution.
        signature: Shapes and dtypes of all results, and the wrong shapes that log_prob refused.
        variants: Shapes where there are no rows, and dtypes in float64.
        draws: Thousands of draws, and all that needs no more than them and the parameters.
        points: Densities, cdf and quantiles at chosen points, in float64.
        digits: log_prob of the first draw in float64, and what rounding its inputs does to it.
        slopes: Gradients and difference quotients, in float64.
        edges: Gradients where a parameter is at an end of its range, in float64.
        paths: Gradients through draws, and by the score, in float64.
        pairs: Draws with their log_prob, where `sample_and_log_prob` is the family's own.
        eager: A few results without compilation, and draws with and without a seed.
        jitted: The same results under jit.
        copies: The same results of a copy by `map_tensors`, and of one taken apart as jit does it.
        reloaded: The same results of the distribution that the config describes.

    Examples:
        >>> import keras_distlayers as kdl
        >>> measurement = kdl.testing.measure(kdl.distributions.Normal([0.0, 1.0], 1.0))
        >>> measurement.draws["mean"].tolist()
        [0.0, 1.0]
    """

    def __init__(
        self,
        distribution: Distribution,
        *,
        seed: int = 0,
        num_draws: int = draws.DRAWS,
        **records: Record,
    ):
        self.distribution, self.seed, self.num_draws = distribution, seed, num_draws
        vars(self).update(records)  # where `cached_property` looks first

    @functools.cached_property
    def signature(self) -> Record:
        return signature.measure(self.distribution)

    @functools.cached_property
    def variants(self) -> Record:
        return variants.measure(self.distribution)

    @functools.cached_property
    def draws(self) -> Record:
        return draws.measure(self.distribution, self.seed, self.num_draws)

    @functools.cached_property
    def points(self) -> Record:
        return points.measure(self.distribution, self.draws["values"])

    @functools.cached_property
    def digits(self) -> Record:
        value, log_prob = (self.draws[name][0] for name in ("values", "log_prob"))
        return digits.measure(self.distribution, value, log_prob.shape)

    @functools.cached_property
    def slopes(self) -> Record:
        return slopes.measure(self.distribution, self.draws["values"][0])

    @functools.cached_property
    def edges(self) -> Record:
        return edges.measure(self.distribution, self.seed)

    @functools.cached_property
    def paths(self) -> Record:
        return paths.measure(self.distribution, self.seed)

    @functools.cached_property
    def pairs(self) -> Record:
        return pairs.measure(self.distribution, self.seed)

    @functools.cached_property
    def eager(self) -> Record:
        return eager.measure(self.distribution)

    @functools.cached_property
    def jitted(self) -> Record:
        return eager.measure_jitted(self.distribution, self.eager)

    @functools.cached_property
    def copies(self) -> Record:
        return copies.measure(self.distribution)

    @functools.cached_property
    def reloaded(self) -> Record:
        return copies.measure_reloaded(self.distribution)


def measure(
    subject: Distribution | Measurement, *, seed: int = 0, num_draws: int = draws.DRAWS
) -> Measurement:
    """The measurement of a distribution; one that is a measurement already comes back as it is.

    Several checks of one distribution are faster with it: each result is computed once.

    Args:
        subject: A `Distribution` or a `Measurement`.
        seed: Of the draws, an int.
        num_draws: How many there are. Fewer make a search faster, and checks of draws weaker.

    Examples:
        >>> import keras_distlayers as kdl
        >>> measurement = kdl.testing.measure(kdl.distributions.Normal([0.0, 1.0], 1.0))
        >>> kdl.testing.check_mode(measurement)
        >>> kdl.testing.check_entropy(measurement)
    """
    if isinstance(subject, Measurement):
        return subject
    return Measurement(subject, seed=seed, num_draws=num_draws)


__all__ = ["HeadMeasurement", "Measurement", "Record", "measure", "measure_layer"]
