"""All checks together: of a distribution, and of a head."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from keras import ops

from keras_distlayers._core import parameterized
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.layers.head import Head
from keras_distlayers.layers.variational import Variational
from keras_distlayers.testing import (
    density_checks,
    draw_checks,
    gradient_checks,
    head_gradient_checks,
    head_shape_checks,
    head_training_checks,
    round_trip_checks,
    shape_checks,
    variant_checks,
)
from keras_distlayers.testing._evaluation import compilation_cache
from keras_distlayers.testing._reporting import Check, CheckFailedError
from keras_distlayers.testing.measurement import (
    HeadMeasurement,
    Measurement,
    measure,
    measure_layer,
)
from keras_distlayers.testing.measurement.head_calls import distribution_for
from keras_distlayers.testing.table import FAMILIES
from keras_distlayers.testing.variational_checks import VARIATIONAL_CHECKS

Subject = TypeVar("Subject")

DISTRIBUTION_CHECKS: tuple[Check[Distribution | Measurement, ...], ...] = (
    shape_checks.check_shapes,
    shape_checks.check_broadcasting,
    shape_checks.check_slicing,
    shape_checks.check_dtypes,
    variant_checks.check_no_rows,
    variant_checks.check_float64,
    density_checks.check_support,
    density_checks.check_normalization,
    density_checks.check_cdf,
    density_checks.check_quantile,
    density_checks.check_mode,
    draw_checks.check_seed,
    draw_checks.check_sample_and_log_prob,
    draw_checks.check_moments,
    draw_checks.check_pit,
    draw_checks.check_independence,
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

LAYER_CHECKS: tuple[Check[Callable[[], Head] | HeadMeasurement, ...], ...] = (
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

_FAMILY_IS_CHECKED = "holds for its family, which is checked by itself"


class Report(dict[str, str]):
    """For each check "holds", or why it does not apply to the subject.

    Printed, it is a table.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.Report(shapes="holds", cdf="the event is not a scalar")
        shapes  holds
        cdf     the event is not a scalar
    """

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:<{width}}  {outcome}" for name, outcome in self.items())

    __repr__ = __str__


def check_distribution(
    distribution: Distribution | Measurement, *, skip: Iterable[str] = ()
) -> Report:
    """Runs every check of a distribution.

    Args:
        distribution: A `Distribution`, with two in its batch or more for the checks of batches;
            or its `Measurement`.
        skip: Names of checks to leave out, such as `["config"]` for a class that is not
            registered with Keras.

    Returns:
        A `Report`: a dict with what each check found, by its name.

    Raises:
        CheckFailedError: with a line for each check that failed.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.5, 1.0], [1.0, 2.0])
        >>> kdl.testing.check_distribution(normal)["normalization"]
        'holds'
    """
    with compilation_cache():
        return _run(DISTRIBUTION_CHECKS, measure(distribution), skip)


def check_layer(
    make_layer: Callable[[], Head] | HeadMeasurement,
    *,
    num_params: int | None = None,
    skip: Iterable[str] = (),
    check_family: bool | None = None,
) -> Report:
    """Runs every check of a head, and those of the distribution that it makes.

    Args:
        make_layer: A function without arguments that makes the head.
        num_params: The length of the input's last axis, for a head that does not derive
            from `ParametricHead`.
        skip: Names of checks to leave out.
        check_family: Whether the head's distribution is checked too; by default unless it is of
            a family of this package, as `FAMILIES` lists them, or made of independent entries
            of one.

    Returns:
        A `Report`.

    Raises:
        CheckFailedError: with a line for each check that failed.

    Examples:
        >>> import keras_distlayers as kdl
        >>> report = kdl.testing.check_layer(lambda: kdl.layers.IndependentNormal(2))
        >>> report["saving"], report["regularizer"]
        ('holds', 'holds')
    """
    skip, measurement = set(skip), measure_layer(make_layer, num_params=num_params)
    with compilation_cache():
        report = _run(LAYER_CHECKS, measurement, skip)
        # Without gradients to the weights of a head, which a copy could not take along on Torch.
        distribution = distribution_for(measurement.head, measurement.raw)
        distribution = distribution.map_tensors(ops.stop_gradient)
        if check_family is None:
            check_family = not is_listed(distribution)
        if check_family:
            return Report({**report, **check_distribution(distribution, skip=skip - set(report))})
        names = [check.name for check in DISTRIBUTION_CHECKS]
        return Report({**report, **dict.fromkeys(names, _FAMILY_IS_CHECKED)})


def check_variational_layer(
    make_layer: Callable[[], Variational],
    *,
    input_shape: tuple[int, ...] = (3,),
    skip: Iterable[str] = (),
) -> Report:
    """Runs every check of a layer with a distribution over its weights.

    Args:
        make_layer: A function without arguments that makes the layer, a `layers.Variational` or
            one that derives from it. The layer inside has no activation, so that the moments of
            its outputs are known.
        input_shape: The shape of an example.
        skip: Names of checks to leave out.

    Returns:
        A `Report`.

    Raises:
        CheckFailedError: with a line for each check that failed.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> report = kdl.testing.check_variational_layer(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100))
        >>> report["weight_kl"], report["output_moments"]
        ('holds', 'holds')
    """
    return _run(VARIATIONAL_CHECKS, make_layer, skip, input_shape=input_shape)


def is_listed(distribution: Distribution) -> bool:
    """Whether a row of `FAMILIES` makes distributions of the same classes."""
    return _classes(distribution) in _listed()


@functools.cache
def _listed() -> frozenset[tuple[Any, ...]]:
    return frozenset(_classes(row.example()) for row in FAMILIES)


def _classes(distribution: parameterized.Parameterized) -> tuple[Any, ...]:
    """The class, and those of the components; without `Independent`, which has its own rows."""
    parts = [_classes(part) for part in parameterized.own_components(distribution)]
    return parts[0] if isinstance(distribution, Independent) else (type(distribution), *parts)


def _run(
    checks: Iterable[Check[Subject, ...]],
    measurement: Subject,
    skip: Iterable[str],
    **options: Any,
) -> Report:
    report, failed = Report(), []
    for check in checks:
        if check.name in skip:
            report[check.name] = "skipped"
            continue
        try:
            report[check.name] = check(measurement, **options) or "holds"
        except CheckFailedError as error:
            failed.append(error)
    _refuse_unknown(skip)
    if failed:
        raise CheckFailedError("\n".join(map(str, failed))) from failed[0].__cause__
    return report


def _refuse_unknown(skip: Iterable[str]) -> None:
    checks: tuple[Check[Any, ...], ...] = (
        *DISTRIBUTION_CHECKS,
        *LAYER_CHECKS,
        *VARIATIONAL_CHECKS,
    )
    known = {check.name for check in checks}
    if unknown := set(skip) - known:
        raise ValueError(f"skip: expected names of checks, {sorted(known)}. Received: {unknown}.")
