"""What a head returns while a Functional model is being built."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.distribution_methods import METHODS, DistributionMethods
from keras_distlayers.distributions import Distribution
from keras_distlayers.random_variable import RandomVariable


class SymbolicRandomVariable(DistributionMethods, keras.KerasTensor):
    """A `keras.KerasTensor` of the draw's shape with a distribution's methods.

    Each method adds one node to the graph and returns a `KerasTensor`, so that statistics
    can be outputs of a Functional model, or go into further layers.

    Args:
        shape: The shape of the draw; None where a size is not known yet.
        dtype: The dtype of the draw.
        make_distribution: A function of the inputs that returns the `Distribution`.
        inputs: The KerasTensors that the function takes, in any structure.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> x = keras.Input((4,))
        >>> z = kdl.layers.IndependentNormal(2)(x)
        >>> model = keras.Model(x, {"draw": z, "mean": z.mean(), "stddev": z.stddev()})
        >>> tuple(model(keras.ops.zeros((3, 4)))["stddev"].shape)
        (3, 2)

    The output of a nested *model* is a plain KerasTensor, because Keras makes that one: take the
    statistics inside the nested model, as its outputs.
    """

    def __init__(
        self,
        shape: Shape,
        dtype: str,
        make_distribution: Callable[[Any], Distribution],
        inputs: Any,
    ):
        super().__init__(shape, dtype)
        self._make_distribution = make_distribution
        self._inputs = inputs

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"SymbolicRandomVariable has no attribute {name!r}. Until the model is called it is a "
            f"KerasTensor with these methods of a distribution: {', '.join(METHODS)}."
        )

    def clone(self) -> "SymbolicRandomVariable":
        """Another tensor of the graph with the same distribution; a layer passes it on."""
        return SymbolicRandomVariable(
            self.shape, self.dtype, self._make_distribution, self._inputs
        )

    def then(self, function: Callable[..., Any], *others: Any) -> Any:
        """The tensors of the graph that a layer makes of this one.

        Args:
            function: The layer's function of the RandomVariable. Where it returns another
                RandomVariable, the result is a SymbolicRandomVariable.
            *others: What the function takes beside it: KerasTensors in any structure, or None.
        """
        results = []

        def tensors_of_result(inputs: Any, draw: Tensor) -> Any:
            rv = RandomVariable(self._make_distribution(inputs[0]), draw)
            results.append(function(rv, *inputs[1:]))
            return keras.tree.map_structure(keras.ops.convert_to_tensor, results[-1])

        def make_distribution(inputs: Any) -> Distribution:
            distribution = self._make_distribution(inputs[0])
            rv = RandomVariable(distribution, distribution.sample())
            return function(rv, *inputs[1:]).distribution

        draw = keras.KerasTensor(self.shape, self.dtype)
        inputs = (self._inputs, *others)
        spec = infer(tensors_of_result, inputs, draw)
        if not isinstance(results[-1], RandomVariable):
            return spec
        return SymbolicRandomVariable(spec.shape, spec.dtype, make_distribution, inputs)

    def call_distribution_method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return DistributionMethod(name).symbolic_call(self, *args, **kwargs)

    def infer_distribution_method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The KerasTensors that the distribution's method will return."""

        def statistic(inputs: Any, *args: Any, **kwargs: Any) -> Tensor:
            return getattr(self._make_distribution(inputs), name)(*args, **kwargs)

        return infer(statistic, self._inputs, *args, **kwargs)


@keras.saving.register_keras_serializable("keras_distlayers.symbolic")
class DistributionMethod(keras.Operation):
    """The node of a symbolic statistic: calls one method of the RandomVariable it is given.

    An Operation, unlike a Layer, does not convert its inputs to tensors first.
    """

    def __init__(self, method: str, name: str | None = None) -> None:
        super().__init__(name=name)
        self.method = method

    def call(self, rv: RandomVariable, *args: Any, **kwargs: Any) -> Tensor:
        """Returns `rv.<method>(*args, **kwargs)`."""
        # An exported model has tensors with a distribution in place of random variables.
        if not hasattr(rv, "distribution"):
            raise TypeError(
                message(
                    f"{self.method}()",
                    expected="the RandomVariable that a head returns",
                    received=f"a {type(rv).__name__} of shape {tuple(rv.shape)}",
                )
            )
        owner = rv if isinstance(rv, RandomVariable) else rv.distribution
        return getattr(owner, self.method)(*args, **kwargs)

    def compute_output_spec(self, rv: SymbolicRandomVariable, *args: Any, **kwargs: Any) -> Any:
        """The KerasTensors that the method will return."""
        return rv.infer_distribution_method(self.method, *args, **kwargs)


class _Inferred(keras.Operation):
    """A function whose output is asked for by shape alone."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.call = function


def infer(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """The KerasTensors that `function` would return for KerasTensors; nothing is computed.

    Where a size is unknown the function is traced for two sizes, and a size of the result that
    differs is unknown too. On JAX an unknown size would be a symbol, which other libraries do not
    take for a number.
    """
    operation = _Inferred(function)
    if not any(map(_has_unknown_size, keras.tree.flatten((args, kwargs)))):
        return operation.compute_output_spec(*args, **kwargs)
    specs = []
    for size in _SIZES:
        filled = functools.partial(_with_size, size)
        args_of_size, kwargs_of_size = keras.tree.map_structure(filled, (args, kwargs))
        specs.append(operation.compute_output_spec(*args_of_size, **kwargs_of_size))
    return keras.tree.map_structure(_common_spec, *specs)


_SIZES = (2, 3)


def _has_unknown_size(x: Any) -> bool:
    return isinstance(x, keras.KerasTensor) and None in x.shape


def _with_size(size: int, x: Any) -> Any:
    """The same KerasTensor with `size` for each unknown size."""
    if not _has_unknown_size(x):
        return x
    return keras.KerasTensor([size if n is None else n for n in x.shape], x.dtype)


def _common_spec(a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
    """A KerasTensor of the shape that both have; a size that differs is unknown."""
    shape = [m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)]
    return keras.KerasTensor(shape, a.dtype)


__all__ = ["DistributionMethod", "SymbolicRandomVariable", "infer"]
