"""What a fitted model says of new data: one distribution over all of it, and what follows from it.

Keras's `predict` joins tensors, so of a head it gives one draw. Here a small model around the
user's returns the parameters of the distribution instead; Keras's `predict` runs it, with its
progress bar, its compilation and its kinds of data, and the joined parameters make one
distribution again. They are joined as they come: `predict` keeps all batches and joins them at the
end, which takes their memory twice.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.distributions.equal_mixture import equal_mixture
from keras_distlayers.prediction.joined_rows import JoinedRows, num_rows
from keras_distlayers.prediction.model_outputs import check_has_distribution, output_of


def predict_distribution(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    num_samples: int | None = None,
    verbose: str | int = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """The distribution of the output for all of `x`, in the order of its rows.

    The result is the same whatever the batch size, and holds the parameters alone: no draws.

    Args:
        model: A built model whose output, or some of whose outputs, are RandomVariables.
        x: The inputs, in any form that `keras.Model.predict` takes.
        batch_size: As for `predict`.
        num_samples: For a model whose weights or layers are random as it predicts: how many
            passes to make. The result is their mixture, with equal weights: a
            `MixtureSameFamily` with one component for each pass. Weights are drawn anew for each
            batch of a pass: for curves over `x` without jumps make `x` one batch.
        verbose: As for `predict`, for each pass.
        steps: As for `predict`.
        callbacks: As for `predict`; their logs hold no outputs.

    Returns:
        A `Distribution` whose batch_shape begins with the number of rows. For a model of several
        outputs the structure of its outputs, with a distribution for each RandomVariable and an
        array for each tensor (of `num_samples` passes: their mean).

    Raises:
        TypeError: if no output is a RandomVariable.
        ValueError: if an output's distribution has no batch axis, if a parameter depends on the
            batch as a whole, if `num_samples` is not positive, or if there are no rows.
        NotImplementedError: with `num_samples`, if a distribution is another library's.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([
        ...     keras.Input((3,)), keras.layers.Dense(4), kdl.layers.IndependentNormal(2),
        ... ])
        >>> distribution = kdl.predict_distribution(model, np.ones((100, 3)), verbose=0)
        >>> distribution.batch_shape, distribution.event_shape
        ((100,), (2,))
    """
    options = {"batch_size": batch_size, "verbose": verbose, "steps": steps}
    options["callbacks"] = callbacks
    if num_samples is not None:
        num_samples = checked_size("predict_distribution", "num_samples", num_samples)
    _check_has_rows(x)
    parameters = _Parameters(model)
    if num_samples is None:
        return parameters.predict_distributions(x, options)
    passes = [parameters.predict_distributions(x, options) for _ in range(num_samples)]
    return keras.tree.map_structure(lambda *outputs: _mixture(outputs), *passes)


def _check_has_rows(x: Any) -> None:
    """Keras's `predict` fails without saying why."""
    if any(getattr(part, "shape", None) and part.shape[0] == 0 for part in keras.tree.flatten(x)):
        raise ValueError(
            message(
                "predict_distribution, argument `x`",
                expected="at least one row",
                received="none",
                fix="Call the model itself: `model(x)` is a RandomVariable of no rows.",
            )
        )


def _mixture(outputs: Sequence[Any]) -> Any:
    """Of distributions the mixture with equal weights, of arrays the mean."""
    if not isinstance(outputs[0], Distribution):
        return np.mean(outputs, axis=0)
    return equal_mixture(outputs, where="predict_distribution, argument `num_samples`")


# ---------------------------------------------------------------- a model of the parameters


class _Parameters(keras.Model):
    """A model around another one; it returns the parameters of the distributions.

    Tensors that all rows share, as the weights of a flow, would be joined once for each batch. So
    only their sums are returned, which show whether they are the same in all batches.
    """

    predict_function: Any

    def __init__(self, model: keras.Model) -> None:
        # TensorFlow refuses a name that begins with "_".
        super().__init__(name="parameters", autocast=False)
        self.model = model
        self.run_eagerly = model.run_eagerly
        self.trace = _Trace()
        self.built = True

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Keras's own would do once more what it does for the model inside."""
        return self.call(*inputs, **options)

    def call(self, x: Any, training: bool | None = None) -> list[Tensor]:
        outputs = keras.tree.map_structure(output_of, self.model(x, training=training))
        check_has_distribution(outputs, self.model)
        of_rows = [tensor for output in keras.tree.flatten(outputs) for tensor in output.of_rows]
        shared = [tensor for output in keras.tree.flatten(outputs) for tensor in output.shared]
        if self.trace.is_of_shared:
            return shared
        self.trace.outputs, self.trace.shared = outputs, shared
        self.trace.inputs = keras.tree.map_structure(_Row, x)
        return of_rows + [ops.reshape(ops.sum(tensor), (1,)) for tensor in shared]

    def make_predict_function(self, force: bool = False) -> None:
        """Keras's `predict_function`, whose outputs are put where they belong at once."""
        if self.predict_function is not None and not force:
            return
        super().make_predict_function(force=True)
        if not self.trace.is_of_shared:
            self.predict_function = self._joining(self.predict_function)

    def _joining(self, function: Callable[..., Any]) -> Callable[..., Any]:
        nothing = ops.zeros((1,))  # for `predict`, which wants an output

        def predict_function(*arguments: Any) -> Any:
            result = function(*arguments)
            outputs, *state = result if isinstance(result, tuple) else (result,)
            self.trace.joined.add(_as_list(outputs))
            return (nothing, *state) if state else nothing  # on JAX with the variables

        return predict_function

    def predict_distributions(self, x: Any, options: dict[str, Any]) -> Any:
        """The distributions for all rows, in the structure of the model's outputs."""
        self.trace.joined = JoinedRows(num_rows(x))
        self.predict(x, **options)
        of_rows = self.trace.joined.arrays()
        sums = [of_rows.pop() for _ in self.trace.shared][::-1]
        shared = self._shared_tensors() if sums else []
        _check_sums(sums, shared)
        joined = _taken_off(of_rows), iter(shared)
        outputs = keras.tree.flatten(self.trace.outputs)  # in the order of `call`
        whole = [output.put_together(*joined) for output in outputs]
        return keras.tree.pack_sequence_as(self.trace.outputs, whole)

    def _shared_tensors(self) -> list[np.ndarray]:
        """What the rows share, for inputs of zero."""
        zeros = keras.tree.map_structure(lambda row: row.zeros(), self.trace.inputs)
        self._exchange_functions(is_of_shared=True)
        try:
            return _as_list(self.predict_on_batch(zeros))
        finally:
            self._exchange_functions(is_of_shared=False)

    def _exchange_functions(self, *, is_of_shared: bool) -> None:
        """Both are kept: each of several passes needs both, and to compile takes a second."""
        trace = self.trace
        trace.is_of_shared = is_of_shared
        self.predict_function, trace.other_function = trace.other_function, self.predict_function


class _Trace:
    """What `_Parameters.call` notes as it is traced. Keras would track attributes of a model."""

    is_of_shared = False
    outputs: Any = None
    shared: list[Tensor] = []
    inputs: Any = None
    other_function: Any = None  # that of the shared tensors, or that of the rows
    joined: JoinedRows


class _Row:
    """A batch of one row that is like the rows of a tensor."""

    def __init__(self, x: Tensor) -> None:
        self.shape = (1, *tuple(x.shape)[1:])
        self.dtype = keras.backend.standardize_dtype(x.dtype)

    def zeros(self) -> np.ndarray:
        return np.zeros(self.shape, self.dtype)


def _taken_off(arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Each array in turn, which is then not kept: a data set of them is large."""
    arrays.reverse()
    while arrays:
        yield arrays.pop()


def _as_list(arrays: Any) -> list[np.ndarray]:
    return list(arrays) if isinstance(arrays, list | tuple) else [arrays]


def _check_sums(sums: list[np.ndarray], shared: list[np.ndarray]) -> None:
    for found, tensor in zip(sums, shared, strict=True):
        rounding = 1e-5 * np.sum(np.abs(tensor), where=np.isfinite(tensor)) + 1e-30
        if not np.allclose(found, np.sum(tensor), rtol=0.0, atol=rounding, equal_nan=True):
            raise ValueError(
                message(
                    "predict_distribution, argument `model`",
                    expected="parameters with an entry for each row, or without a batch axis and "
                    "the same in all batches",
                    received=f"a parameter of shape {tensor.shape} that depends on the batch",
                    fix="Compute it for each row.",
                )
            )


__all__ = ["predict_distribution"]
