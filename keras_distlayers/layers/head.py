"""The contract of every head: a tensor of parameters in, a RandomVariable out."""

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers.distribution_methods import METHODS
from keras_distlayers.distributions import Distribution
from keras_distlayers.layers._kl_term import KLTerm
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.regularizers import KLDivergenceRegularizer
from keras_distlayers.symbolic import SymbolicRandomVariable, infer

_NAMED_CONVERSIONS = ("sample", "mean", "mode")


class Head(keras.layers.Layer):
    """The base class of the layers whose output is a `RandomVariable`.

    A head of your own writes `make_distribution(inputs)`; the rest is here: the draw, the
    regularizer, symbolic statistics, precision, masks, saving.

    Args:
        convert_to_tensor_fn: What the output is as a tensor: `"sample"`, `"mean"`, `"mode"`,
            the `Distribution` methods of those names, or a function of the distribution.
        activity_regularizer: A `KLDivergenceRegularizer`, or any function of the
            RandomVariable that returns a scalar for the whole batch (as Keras's own do); such
            a scalar is divided by the batch size.
        seed: An int for the same sequence of draws each time the layer is made.
        **kwargs: `name`, `dtype` and the like, of `keras.layers.Layer`.

    Call arguments:
        inputs: The raw parameters, shape `batch_shape + (params_size,)`. They are cast to
            float32 at least, whatever the dtype policy: log probabilities need the digits.
        mask: True where an entry of the batch counts in the KL term.
        training: Whether the KL weight's schedule moves on.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> class Exponentiated(kdl.layers.Head):
        ...     def make_distribution(self, inputs):
        ...         return kdl.distributions.Normal(inputs[..., 0], keras.ops.exp(inputs[..., 1]))
        >>> rv = Exponentiated(convert_to_tensor_fn="mean")(keras.ops.ones((5, 2)))
        >>> rv.batch_shape, rv.shape == (5,)
        ((5,), True)

    Attributes:
        num_params: How long the last axis of the input has to be, where that is fixed.
        raw_parameters: What the last axis of the input holds, in order; behind a colon, what
            a parameter is made of.
    """

    num_params: int | None = None
    raw_parameters: tuple[str, ...] = ()

    def __init__(
        self, convert_to_tensor_fn="sample", activity_regularizer=None, seed=None, **kwargs
    ):
        # autocast would round the parameters to the policy's half precision first.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.convert_to_tensor_fn = _conversion(self, convert_to_tensor_fn)
        # Not Keras's own hook, `self.activity_regularizer`: that one runs on Torch alone,
        # and divides by the batch size or not, depending on Keras's version.
        self.distribution_regularizer = keras.regularizers.get(activity_regularizer)
        self._kl_term = None
        if isinstance(self.distribution_regularizer, KLDivergenceRegularizer):
            self._kl_term = KLTerm(self, self.distribution_regularizer)

    def make_distribution(self, inputs) -> Distribution:
        """The distribution for raw parameters of at least float32; a head's one duty."""
        raise NotImplementedError(f"{type(self).__name__} must define make_distribution(inputs)")

    def distribution(self, inputs) -> Distribution:
        """The distribution for a tensor of raw parameters, without a draw.

        Args:
            inputs: Shape `batch_shape + (params_size,)`.
        """
        inputs = keras.tree.map_structure(_at_least_float32, inputs)
        return self.make_distribution(inputs).unwrapped().seeded_by(self.seed_generator)

    def build(self, input_shape):
        if self._kl_term is not None:
            self._kl_term.build()
        self.built = True

    def call(self, inputs, mask=None, training=None):
        distribution = self.distribution(inputs)
        rv = RandomVariable(distribution, self._to_tensor(distribution))
        if self._kl_term is not None:
            is_draw = self.convert_to_tensor_fn == "sample"
            self._kl_term.add_loss(rv, mask=mask, tensor_is_draw=is_draw, training=training)
        elif self.distribution_regularizer is not None:
            self.add_loss(self._penalty_per_example(rv))
        return rv

    def _to_tensor(self, distribution):
        if isinstance(self.convert_to_tensor_fn, str):
            return getattr(distribution, self.convert_to_tensor_fn)()
        return ops.convert_to_tensor(self.convert_to_tensor_fn(distribution))

    def _penalty_per_example(self, rv):
        batch_size = ops.shape(rv)[0] if len(rv.shape) else 1
        penalty = self.distribution_regularizer(rv)
        return penalty / ops.cast(batch_size, penalty.dtype)

    def compute_output_spec(self, inputs, mask=None, training=None):
        spec = infer(lambda x: self._to_tensor(self.distribution(x)), inputs)
        return SymbolicRandomVariable(spec.shape, spec.dtype, self.distribution, inputs)

    def compute_output_shape(self, input_shape):
        inputs = keras.tree.map_shape_structure(keras.KerasTensor, input_shape)
        return self.compute_output_spec(inputs).shape

    def get_config(self):
        config = super().get_config()
        fn, regularizer = self.convert_to_tensor_fn, self.distribution_regularizer
        serialize = keras.saving.serialize_keras_object
        config["convert_to_tensor_fn"] = fn if isinstance(fn, str) else serialize(fn)
        config["activity_regularizer"] = None if regularizer is None else serialize(regularizer)
        config["seed"] = self.seed
        return config

    @classmethod
    def from_config(cls, config):
        for name in ("convert_to_tensor_fn", "activity_regularizer"):
            if isinstance(config.get(name), dict):
                value = keras.saving.deserialize_keras_object(config[name])
                config = {**config, name: value}
        return super().from_config(config)


def _at_least_float32(x):
    dtype = keras.backend.standardize_dtype(x.dtype)
    return x if dtype == "float64" else ops.cast(x, "float32")


def _conversion(layer, fn):
    """A name, or a function; a Distribution's unbound method is its name."""
    if fn in _NAMED_CONVERSIONS:
        return fn
    if callable(fn):
        name = getattr(fn, "__name__", None)
        is_method = name in METHODS and fn in (
            getattr(Distribution, name),
            getattr(RandomVariable, name),
        )
        return name if is_method else fn
    raise ValueError(
        message(
            f"{type(layer).__name__}, argument `convert_to_tensor_fn`",
            expected=f"one of {_NAMED_CONVERSIONS} or a function of the distribution",
            received=f"convert_to_tensor_fn={fn!r}",
        )
    )


__all__ = ["Head"]
