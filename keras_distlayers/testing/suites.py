"""All checks together: of a distribution, and of a head."""

from collections.abc import Callable, Iterable
from typing import Any

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.layers.head import Head
from keras_distlayers.testing import (
    density_checks,
    draw_checks,
    gradient_checks,
    head_gradient_checks,
    head_shape_checks,
    head_training_checks,
    round_trip_checks,
    shape_checks,
)
from keras_distlayers.testing._evaluation import compilation_cache
from keras_distlayers.testing._heads import distribution_for, raw_parameters
from keras_distlayers.testing._reporting import CheckFailedError

DISTRIBUTION_CHECKS: tuple[Any, ...] = (
    shape_checks.check_shapes,
    shape_checks.check_broadcasting,
    shape_checks.check_slicing,
    shape_checks.check_dtypes,
    density_checks.check_support,
    density_checks.check_normalization,
    density_checks.check_cdf,
    density_checks.check_quantile,
    density_checks.check_mode,
    draw_checks.check_seed,
    draw_checks.check_moments,
    draw_checks.check_pit,
    draw_checks.check_entropy,
    draw_checks.check_kl,
    gradient_checks.check_accuracy,
    gradient_checks.check_gradients,
    gradient_checks.check_reparameterization,
    round_trip_checks.check_jit,
    round_trip_checks.check_pytree,
    round_trip_checks.check_config,
)
"""What `check_distribution` runs."""

LAYER_CHECKS: tuple[Any, ...] = (
    head_shape_checks.check_params_size,
    head_shape_checks.check_batch_shapes,
    head_shape_checks.check_rows,
    head_shape_checks.check_symbolic_call,
    head_shape_checks.check_tensor,
    head_shape_checks.check_precision,
    head_gradient_checks.check_extremes,
    head_gradient_checks.check_raw_gradients,
    head_gradient_checks.check_draw_gradients,
    head_training_checks.check_layer_config,
    head_training_checks.check_saving,
    head_training_checks.check_training,
    head_training_checks.check_layer_seed,
    head_training_checks.check_regularizer,
)
"""What `check_layer` runs, before it runs `check_distribution` on the head's distribution."""


class Report(dict):
    """For each distribution "holds", or why it says nothing about the subject.

    Printed, it is a table.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.Report(shapes="holds", cdf="the event is not a scalar")
        shapes  holds
        cdf     the event is not a scalar
    """

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(
            f"{distribution:<{width}}  {outcome}" for distribution, outcome in self.items()
        )

    __repr__ = __str__


def check_distribution(distribution: Distribution, *, skip: Iterable[str] = ()) -> Report:
    """Runs every check of a distribution.

    Args:
        distribution: A `Distribution`; for the checks of its batch one with two distributions or more.
        skip: Names of distributions to leave out, such as `["config"]` for a class that is not
            registered with Keras.

    Returns:
        A `Report`: a dict with what was found, distribution by distribution.

    Raises:
        CheckFailedError: with a line for each distribution that does not hold.

    Examples:
        >>> import keras_distlayers as kdl
        >>> report = kdl.testing.check_distribution(kdl.distributions.Normal([0.5, 1.0], [1.0, 2.0]))
        >>> report["normalization"]
        'holds'
    """
    with compilation_cache():
        return _run(DISTRIBUTION_CHECKS, distribution, skip)


def check_layer(
    make_layer: Callable[[], Head], *, num_params: int | None = None, skip: Iterable[str] = ()
) -> Report:
    """Runs every check of a head, and those of the distribution that it makes.

    Args:
        make_layer: A function without arguments that makes the head.
        num_params: The length of the input's last axis, for a head that does not derive
            from `ParametricHead`.
        skip: Names of distributions to leave out.

    Returns:
        A `Report`.

    Raises:
        CheckFailedError: with a line for each distribution that does not hold.

    Examples:
        >>> import keras_distlayers as kdl
        >>> report = kdl.testing.check_layer(lambda: kdl.layers.IndependentNormal(2))
        >>> report["saving"], report["regularizer"]
        ('holds', 'holds')
    """
    skip = set(skip)
    with compilation_cache():
        report = _run(LAYER_CHECKS, make_layer, skip, num_params=num_params)
        head = make_layer()
        distribution = distribution_for(head, raw_parameters(head, num_params))
        return Report({**report, **check_distribution(distribution, skip=skip - set(report))})


def _run(checks, subject, skip, **options) -> Report:
    report, broken = Report(), []
    for check in checks:
        if check.name in skip:
            report[check.name] = "skipped"
            continue
        try:
            report[check.name] = check(subject, **options) or "holds"
        except CheckFailedError as error:
            broken.append(error)
    _refuse_unknown(skip, report, broken)
    if broken:
        raise CheckFailedError("\n".join(map(str, broken))) from broken[0].__cause__
    return report


def _refuse_unknown(skip, report, broken) -> None:
    known = {check.name for check in (*DISTRIBUTION_CHECKS, *LAYER_CHECKS)}
    if unknown := set(skip) - known:
        raise ValueError(
            f"skip: expected names of distributions, {sorted(known)}. Received: {unknown}."
        )
