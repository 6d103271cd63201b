"""The contract of every head: a tensor of parameters in, a RandomVariable out."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias, TypedDict

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import reductions
from keras_distlayers._core.errors import message
from keras_distlayers._core.foreign_arguments import refuse_foreign_arguments
from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.distribution_methods import METHODS
from keras_distlayers.distributions import Distribution
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers._docstrings import complete_docstring
from keras_distlayers.layers._forward_pass import ForwardPasses
from keras_distlayers.layers.kl_tracker import KLTracker
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.regularizers import KLDivergenceRegularizer
from keras_distlayers.symbolic import SymbolicRandomVariable, infer

_NAMED_CONVERSIONS = ("sample", "mean", "mode")


ConvertToTensor: TypeAlias = str | Callable[[Any], Tensor]
"""What an argument `convert_to_tensor_fn` may be."""


class HeadOptions(TypedDict, total=False):
    """The arguments that a head hands on to `Head` by name."""

    activity_regularizer: Callable[[Any], Tensor] | None
    seed: int | None
    name: str | None
    dtype: Any
    trainable: bool


class Head(SavedArguments, keras.layers.Layer):
    """The base class of the layers whose output is a `RandomVariable`.

    A head of your own writes `make_distribution(inputs)`. The base class has the rest: the
    draw, the regularizer, symbolic statistics, precision, masks, saving. Each argument of its
    constructor must be an attribute of the same name; then it is saved with the layer.

    Args:
        convert_to_tensor_fn: What the output is as a tensor: `"sample"`, `"mean"`, `"mode"`,
            the `Distribution` methods of those names, or a function of the distribution.
        activity_regularizer: A `KLDivergenceRegularizer`, or any function of the
            RandomVariable that returns a scalar for the whole batch (as Keras's own do); such
            a scalar is divided by the batch size.
        seed: An int for the same sequence of draws each time the layer is made.
        **kwargs: `name`, `dtype` and the like, of `keras.layers.Layer`.

    Call arguments:
        inputs: The raw parameters, shape `batch_shape + (num_params,)`. They are cast to
            float64 where the dtype policy is that, else to float32: log probabilities need the
            digits.
        mask: True where an entry of the batch counts in the KL term. Keras finds it; of several
            inputs with masks, an entry counts that all of them keep.
        training: Whether the KL weight's schedule moves on.

    Output shape: `batch_shape + event_shape`.

    Raises:
        ValueError: if `convert_to_tensor_fn` is a name other than these.

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
        num_params: The length of the input's last axis, where that is fixed.
        raw_parameters: What the last axis of the input holds, in order; where it is not the
            parameter itself, how the parameter follows from it.
    """

    num_params: int | None = None
    raw_parameters: ClassVar[tuple[str, ...]] = ()
    # Keras's constructor reads and sets `activity_regularizer` before ours has run.
    _regularizer: Callable[[Any], Tensor] | None = None
    _is_called = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        complete_docstring(cls, _listed(cls.raw_parameters))

    def __init__(
        self,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        activity_regularizer: Callable[[Any], Tensor] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_foreign_arguments(type(self), kwargs, own=("name", "dtype"))
        # autocast would round the parameters to the policy's half precision first.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.convert_to_tensor_fn = _conversion(self, convert_to_tensor_fn)
        self._regularizer = keras.regularizers.get(activity_regularizer)
        self._passes = ForwardPasses(self)
        self.kl_tracker: KLTracker | None = None
        if isinstance(self._regularizer, KLDivergenceRegularizer):
            self.kl_tracker = KLTracker(self._regularizer, name=f"{self.name}_kl")

    @property
    def activity_regularizer(self) -> Callable[[Any], Tensor] | None:
        """The regularizer that was given.

        The head applies it by itself. Keras would apply it on Torch alone, and divide by the
        batch size or not depending on its version; while Keras calls the layer, it finds None.
        """
        return None if self._is_called else self._regularizer

    @activity_regularizer.setter
    def activity_regularizer(self, value: Any) -> None:
        if value is None and self._regularizer is None:  # as Keras's constructor does
            return
        raise AttributeError(
            message(
                f"{type(self).__name__} '{self.name}', attribute `activity_regularizer`",
                expected="a regularizer given as the layer is made",
                received=f"activity_regularizer={value!r} set afterwards",
                fix="Make another layer: config = layer.get_config(), then "
                "type(layer).from_config({**config, 'activity_regularizer': regularizer}).",
            )
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._is_called = True
        try:
            return super().__call__(*args, **kwargs)
        finally:
            self._is_called = False

    def make_distribution(self, inputs: Any) -> Distribution:
        """The distribution for raw parameters of at least float32; a head's one duty."""
        raise NotImplementedError(f"{type(self).__name__} must define make_distribution(inputs)")

    def distribution(self, inputs: Any) -> Distribution:
        """The distribution for a tensor of raw parameters, without a draw.

        Args:
            inputs: Shape `batch_shape + (params_size,)`.
        """
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        inputs = keras.tree.map_structure(lambda x: ops.cast(x, dtype), inputs)
        return self.make_distribution(inputs).unwrapped().seeded_by(self.seed_generator)

    def build(self, input_shape: Any) -> None:
        if self.kl_tracker is not None:
            self.kl_tracker.build()
        self.built = True

    def call(
        self, inputs: Any, mask: Tensor | None = None, training: bool | None = None
    ) -> RandomVariable:
        distribution = self.distribution(inputs)
        if backend.is_exporting():
            return self._exported(distribution)
        is_draw = self.convert_to_tensor_fn == "sample"
        if is_draw:
            rv = RandomVariable.drawn_from(distribution)
        else:
            rv = RandomVariable(distribution, self._to_tensor(distribution))
        if distribution.foreign_names:
            rv.source = (self, inputs)
        if self.kl_tracker is not None:
            mask = reductions.joint_mask(mask, where=self.name)
            self.kl_tracker.add(rv, mask=mask, tensor_is_draw=is_draw, training=training)
        elif self._regularizer is not None:
            self._passes.current().add_loss(self._penalty_per_example(rv))
        return rv

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Tensor | None:
        """That of the input; of several inputs, what all their masks keep."""
        return reductions.joint_mask(previous_mask, where=self.name)

    def _exported(self, distribution: Distribution) -> RandomVariable:
        """A file has no seeds and no losses, as `torch.export` makes it."""
        if self.convert_to_tensor_fn == "sample":
            raise NotImplementedError(
                message(
                    f"{type(self).__name__} '{self.name}', in a model that torch.export traces",
                    expected="a tensor that is not a draw: Keras's seeds do not go into the file",
                    received="convert_to_tensor_fn='sample'",
                    fix="Set the layer's `convert_to_tensor_fn` to 'mean', 'mode' or a function "
                    "of the distribution before you export the model.",
                )
            )
        return RandomVariable(distribution, self._to_tensor(distribution))

    def _to_tensor(self, distribution: Distribution) -> Tensor:
        if isinstance(self.convert_to_tensor_fn, str):
            return getattr(distribution, self.convert_to_tensor_fn)()
        return ops.convert_to_tensor(self.convert_to_tensor_fn(distribution))

    def _penalty_per_example(self, rv: RandomVariable) -> Tensor:
        batch_size = ops.shape(rv)[0] if len(rv.shape) else 1
        penalty = self._regularizer(rv)  # type: ignore[misc]  # `call` has seen that it is there
        return penalty / ops.cast(batch_size, penalty.dtype)

    def compute_output_spec(
        self, inputs: Any, mask: Tensor | None = None, training: bool | None = None
    ) -> SymbolicRandomVariable:
        spec = infer(lambda x: self._tensor_for_spec(self.distribution(x)), inputs)
        return SymbolicRandomVariable(spec.shape, spec.dtype, self.distribution, inputs)

    def _tensor_for_spec(self, distribution: Distribution) -> Tensor:
        """A tensor of the shape and dtype of the output.

        Those of a draw are known: to trace what draws it would take most of the time of building
        a model. Those of a foreign draw are the other library's.
        """
        if self.convert_to_tensor_fn == "sample" and not distribution.foreign_names:
            return ops.zeros(distribution.dynamic_shape(), distribution.event_dtype)
        return self._to_tensor(distribution)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        inputs = keras.tree.map_shape_structure(keras.KerasTensor, input_shape)
        return self.compute_output_spec(inputs).shape

    def _argument_value(self, name: str) -> Any:
        if name == "activity_regularizer" and self.kl_tracker is not None:
            return self.kl_tracker.regularizer_with_weight()
        return super()._argument_value(name)


def _listed(raw_parameters: tuple[str, ...]) -> str:
    """The raw parameters as a list in Markdown."""
    if not raw_parameters:
        return ""
    lines = [f"{i}. {text}" for i, text in enumerate(raw_parameters, start=1)]
    return "\n".join(["The last axis of the input holds, in this order:", "", *lines])


def _conversion(layer: Head, fn: ConvertToTensor) -> ConvertToTensor:
    """A name, or a function; the unbound method of a distribution's class is its name."""
    if isinstance(fn, str) and fn in _NAMED_CONVERSIONS:
        return fn
    if callable(fn):
        return _method_name(fn) or fn
    raise ValueError(
        message(
            f"{type(layer).__name__}, argument `convert_to_tensor_fn`",
            expected=f"one of {_NAMED_CONVERSIONS} or a function of the distribution",
            received=f"convert_to_tensor_fn={fn!r}",
        )
    )


def _method_name(fn: Callable[[Any], Tensor]) -> str:
    """The name of an unbound method of a distribution, ours or another library's; else ""."""
    class_name, _, name = getattr(fn, "__qualname__", "").rpartition(".")
    if name not in METHODS or not class_name or class_name.endswith("<locals>"):
        return ""
    return name if next(iter(inspect.signature(fn).parameters), "") == "self" else ""


__all__ = ["ConvertToTensor", "Head", "HeadOptions"]
