"""What a head returns while a Functional model is being built."""

from collections.abc import Callable
from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Shape
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

    def then(self, function: Callable[[RandomVariable], Any]) -> Any:
        """The tensors of the graph that a layer makes of this one.

        Args:
            function: The layer's function of the RandomVariable. Where it returns another
                RandomVariable, the result is a SymbolicRandomVariable.
        """
        results = []

        def tensors_of_result(inputs, draw):
            results.append(function(RandomVariable(self._make_distribution(inputs), draw)))
            return keras.tree.map_structure(keras.ops.convert_to_tensor, results[-1])

        def make_distribution(inputs):
            distribution = self._make_distribution(inputs)
            return function(RandomVariable(distribution, distribution.sample())).distribution

        draw = keras.KerasTensor(self.shape, self.dtype)
        spec = infer(tensors_of_result, self._inputs, draw)
        if not isinstance(results[-1], RandomVariable):
            return spec
        return SymbolicRandomVariable(spec.shape, spec.dtype, make_distribution, self._inputs)

    def call_distribution_method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return DistributionMethod(name).symbolic_call(self, *args, **kwargs)

    def infer_distribution_method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The KerasTensors that the distribution's method will return."""

        def statistic(inputs, *args, **kwargs):
            return getattr(self._make_distribution(inputs), name)(*args, **kwargs)

        return infer(statistic, self._inputs, *args, **kwargs)


@keras.saving.register_keras_serializable("keras_distlayers.symbolic")
class DistributionMethod(keras.Operation):
    """The node of a symbolic statistic: calls one method of the RandomVariable it is given.

    An Operation, unlike a Layer, does not convert its inputs to tensors first.
    """

    def __init__(self, method, name=None):
        super().__init__(name=name)
        self.method = method

    def call(self, rv, *args, **kwargs):
        """Returns `rv.<method>(*args, **kwargs)`."""
        if not isinstance(rv, RandomVariable):
            raise TypeError(
                message(
                    f"{self.method}()",
                    expected="the RandomVariable that a head returns",
                    received=f"a {type(rv).__name__} of shape {tuple(rv.shape)}",
                )
            )
        return getattr(rv, self.method)(*args, **kwargs)

    def compute_output_spec(self, rv, *args, **kwargs):
        """The KerasTensors that the method will return."""
        return rv.infer_distribution_method(self.method, *args, **kwargs)


class _Inferred(keras.Operation):
    """A function whose output is asked for by shape alone."""

    def __init__(self, function):
        super().__init__()
        self.call = function


def infer(function, *args, **kwargs):
    """The KerasTensors that `function` would return for KerasTensors; nothing is computed."""
    operation = _Inferred(function)
    try:
        return operation.compute_output_spec(*args, **kwargs)
    except Exception:
        # On JAX an unknown size is a symbol, which other libraries do not take for a number.
        few, more = (_with_sizes(n, (args, kwargs)) for n in _SIZES)
        if few is None:
            raise
        specs = [operation.compute_output_spec(*a, **k) for a, k in (few, more)]
        return keras.tree.map_structure(_known_of_both, *specs)


_SIZES = (2, 3)


def _with_sizes(size: int, structure):
    """The same KerasTensors with `size` for each unknown size; None where there is none."""
    unknown = []

    def filled(x):
        if not isinstance(x, keras.KerasTensor) or None not in x.shape:
            return x
        unknown.append(x)
        return keras.KerasTensor([size if n is None else n for n in x.shape], x.dtype)

    structure = keras.tree.map_structure(filled, structure)
    return structure if unknown else None


def _known_of_both(a, b):
    """What both sizes gave: where they differ, the size is not known."""
    shape = [m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)]
    return keras.KerasTensor(shape, a.dtype)


__all__ = ["SymbolicRandomVariable", "infer"]
