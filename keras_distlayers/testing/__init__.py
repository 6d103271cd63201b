"""Property-based testing of distributions and heads: strategies for Hypothesis, and checks."""

try:
    import hypothesis as _  # noqa: F401 - to say how to get it
except ImportError as error:
    raise ImportError(
        "keras_distlayers.testing: expected the package `hypothesis`, which is not installed. "
        'Install it with `pip install "keras-distlayers[testing]"`.'
    ) from error

from keras_distlayers.testing._reporting import CheckFailedError
from keras_distlayers.testing.density_checks import (
    check_cdf,
    check_mode,
    check_normalization,
    check_quantile,
    check_support,
)
from keras_distlayers.testing.draw_checks import (
    check_entropy,
    check_independence,
    check_kl,
    check_moments,
    check_pit,
    check_sample_and_log_prob,
    check_seed,
)
from keras_distlayers.testing.families import Family, Parameter, independent
from keras_distlayers.testing.gradient_checks import (
    check_accuracy,
    check_gradients,
    check_reparameterization,
)
from keras_distlayers.testing.head_gradient_checks import (
    check_draw_gradients,
    check_extremes,
    check_raw_gradients,
)
from keras_distlayers.testing.head_shape_checks import (
    check_batch_shapes,
    check_params_size,
    check_precision,
    check_rows,
    check_symbolic_call,
    check_tensor,
)
from keras_distlayers.testing.head_training_checks import (
    check_layer_config,
    check_layer_seed,
    check_regularizer,
    check_saving,
    check_training,
)
from keras_distlayers.testing.measurement import (
    HeadMeasurement,
    Measurement,
    Record,
    measure,
    measure_layer,
)
from keras_distlayers.testing.round_trip_checks import check_config, check_jit, check_pytree
from keras_distlayers.testing.shape_checks import (
    check_broadcasting,
    check_dtypes,
    check_shapes,
    check_slicing,
)
from keras_distlayers.testing.strategies import (
    broadcastable_shapes,
    distributions,
    layers,
    parameters,
    shapes,
    values,
)
from keras_distlayers.testing.suites import (
    DISTRIBUTION_CHECKS,
    LAYER_CHECKS,
    Report,
    check_distribution,
    check_layer,
    check_variational_layer,
)
from keras_distlayers.testing.table import FAMILIES
from keras_distlayers.testing.variant_checks import check_float64, check_no_rows
from keras_distlayers.testing.variational_checks import (
    VARIATIONAL_CHECKS,
    check_half_precision,
    check_output_moments,
    check_output_rows,
    check_variational_saving,
    check_weight_kl,
    check_weight_means,
    check_zero_inputs,
)

__all__ = [
    "DISTRIBUTION_CHECKS",
    "FAMILIES",
    "LAYER_CHECKS",
    "VARIATIONAL_CHECKS",
    "CheckFailedError",
    "Family",
    "HeadMeasurement",
    "Measurement",
    "Parameter",
    "Record",
    "Report",
    "broadcastable_shapes",
    "check_accuracy",
    "check_batch_shapes",
    "check_broadcasting",
    "check_cdf",
    "check_config",
    "check_distribution",
    "check_draw_gradients",
    "check_dtypes",
    "check_entropy",
    "check_extremes",
    "check_float64",
    "check_gradients",
    "check_half_precision",
    "check_independence",
    "check_jit",
    "check_kl",
    "check_layer",
    "check_layer_config",
    "check_layer_seed",
    "check_mode",
    "check_moments",
    "check_no_rows",
    "check_normalization",
    "check_output_moments",
    "check_output_rows",
    "check_params_size",
    "check_pit",
    "check_precision",
    "check_pytree",
    "check_quantile",
    "check_raw_gradients",
    "check_regularizer",
    "check_reparameterization",
    "check_rows",
    "check_sample_and_log_prob",
    "check_saving",
    "check_seed",
    "check_shapes",
    "check_slicing",
    "check_support",
    "check_symbolic_call",
    "check_tensor",
    "check_training",
    "check_variational_layer",
    "check_variational_saving",
    "check_weight_kl",
    "check_weight_means",
    "check_zero_inputs",
    "distributions",
    "independent",
    "layers",
    "measure",
    "measure_layer",
    "parameters",
    "shapes",
    "values",
]
