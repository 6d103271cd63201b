"""A decoder and a prior, and what they say of several draws of latents for each row.

Draws have the shape `(K, rows) + event_shape`, as `sample` returns them. The decoder sees all of
them as rows of one batch, those of one row next to each other.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.batches import map_batch
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions import Distribution, as_distribution
from keras_distlayers.layers._importance_weighted import ImportanceWeighted
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.regularizers import KLDivergenceRegularizer
from keras_distlayers.symbolic import infer


@dataclasses.dataclass(frozen=True)
class Terms:
    """What the log weights of K draws for each row are made of.

    Attributes:
        likelihood: p(x | z_k), of batch_shape `(rows, K)`.
        log_ratio: log p(z_k) - log q(z_k | x), shape `(rows, K)`.
        prior: p(z); None where Keras asks for shapes alone.
    """

    likelihood: Distribution
    log_ratio: Tensor
    prior: Distribution | None


class LatentModel:
    """p(x | z) and p(z).

    A plain object, in which Keras does not look for weights: the layers are those of its owner.

    Args:
        decoder: A layer that makes a RandomVariable of latents, or of `[latents, condition]`.
        prior: A distribution, a function that makes one, or a layer that makes one.
        owner: The name of the layer that has them, for errors.
    """

    def __init__(self, decoder: keras.layers.Layer, prior: Any, owner: str) -> None:
        self._decoder, self._prior, self._owner = decoder, prior, owner
        is_layer = isinstance(prior, keras.layers.Layer)
        self._prior_layer: Any = prior if is_layer else None
        self._fixed_prior = None if is_layer else KLDivergenceRegularizer(prior)

    def build(self, latents: keras.KerasTensor, condition: Any) -> None:
        """Builds both, if they are not, as Keras does: by a call, on symbols."""
        _build(self._decoder, latents if condition is None else [latents, condition])
        if self._prior_layer is not None:
            _build(self._prior_layer, latents if condition is None else condition)

    # ---------------------------------------------------------------- densities

    def decode(self, rows: Tensor, condition: Any = None, training: bool = False) -> Distribution:
        """p(x | z) for each row of latents."""
        inputs = rows if condition is None else [rows, condition]
        made = self._decoder(inputs, training=training)
        if isinstance(made, RandomVariable) and len(made.batch_shape) <= 1:
            return made.distribution
        raise TypeError(
            message(
                f"VariationalBound '{self._owner}', argument `decoder`",
                expected="a layer that makes a RandomVariable with one entry of the batch for "
                "each row",
                received=f"one that returns {made!r}",
                fix="End it with a head whose event is all of x: IndependentBernoulli((28, 28)).",
            )
        )

    def prior(self, rows: Tensor, condition: Any = None) -> Distribution:
        """p(z), or p(z | condition) with an entry of the batch for each row of the condition."""
        if self._fixed_prior is not None:
            return self._fixed_prior.prior()
        made = self._prior_layer(rows if condition is None else condition)
        distribution = as_distribution(made)
        if distribution is None:
            raise TypeError(
                message(
                    f"VariationalBound '{self._owner}', argument `prior`",
                    expected="a layer that makes a distribution",
                    received=f"one that returns {made!r}",
                    fix="End it with a head: keras.Sequential([VariableLayer(2 * d), "
                    "IndependentNormal(d)]).",
                )
            )
        return distribution

    def weigh(self, draws: Tensor, log_q: Tensor, condition: Any, training: bool) -> "Terms":
        """What the log weights of draws are made of.

        Args:
            draws: Shape `(K, rows) + event_shape`.
            log_q: log q(z_k | x), shape `(K, rows)`.
            condition: What the model has beside the latents, for each row, or None.
            training: As for layers.
        """
        count = draws.shape[0]
        rows = _as_rows(draws)
        repeated = map_condition(lambda x: ops.repeat(x, count, axis=0), condition)
        likelihood = self.decode(rows, repeated, training)
        likelihood = _with_draw_axis(likelihood, rows, count)
        if backend.only_shapes():  # where the tensors of a fixed prior are not: they would not mix
            return Terms(likelihood, ops.zeros_like(ops.transpose(log_q)), None)
        prior = self.prior(rows, condition)
        return Terms(likelihood, self._log_ratio(prior, draws, log_q, condition), prior)

    def _log_ratio(
        self, prior: Distribution, draws: Tensor, log_q: Tensor, condition: Any
    ) -> Tensor:
        log_q = ops.transpose(log_q)
        if isinstance(prior, ImportanceWeighted):  # of two stochastic layers: a bound for each row
            self._check_without(condition)
            log_p = ops.reshape(prior.estimated_log_prob(_as_rows(draws)), ops.shape(log_q))
        else:
            self._check_prior(prior, draws, condition)
            log_p = ops.transpose(prior.log_prob(draws))
        return log_p - log_q

    def _check_without(self, condition: Any) -> None:
        if condition is not None:
            raise ValueError(
                message(
                    f"VariationalBound '{self._owner}', argument `prior`",
                    expected="a prior without latents of its own beside a condition, on which "
                    "alone it is called",
                    received="a model that ends in a VariationalBound",
                )
            )

    def _check_prior(self, prior: Distribution, draws: Tensor, condition: Any) -> None:
        """The prior of one row, or of each row of a condition; else values would broadcast."""
        event_shape = tuple(draws.shape)[2:]
        is_shared = prior.batch_shape in ((), (1,))
        is_of_rows = condition is not None and len(prior.batch_shape) == 1
        if prior.event_shape != event_shape or not (is_shared or is_of_rows):
            raise ValueError(
                message(
                    f"VariationalBound '{self._owner}', argument `prior`",
                    expected=f"one prior for all rows, of event_shape={event_shape}",
                    received=f"batch_shape={prior.batch_shape}, event_shape={prior.event_shape}",
                    fix="Independent(prior, n) makes the last n axes of its batch a part of the "
                    "event. One prior for each row takes a condition.",
                )
            )

    def draw_latents(self, num_samples: int, condition: Any, seed: Seed) -> Tensor:
        """Latents from the prior, shape `(num_samples,) + event_shape`.

        With a condition, one for each of its rows.
        """
        inner = self._prior_layer
        while hasattr(inner, "layers") and not hasattr(inner, "generate"):
            inner = inner.layers[-1]
        if hasattr(inner, "generate"):  # latents of latents
            return ops.convert_to_tensor(inner.generate(num_samples, seed=seed))
        # A layer without a condition ignores what it is called on.
        prior = self.prior(ops.zeros((1, 1)), condition)
        if condition is not None:
            rows = ops.shape(keras.tree.flatten(condition)[0])[0]
            return prior.expand((rows,)).sample(seed=seed)
        return ops.reshape(prior.sample(num_samples, seed), (num_samples, *prior.event_shape))

    # ---------------------------------------------------------------- weights

    @property
    def _variables(self) -> list[keras.Variable]:
        layers = [self._decoder, *([self._prior_layer] if self._prior_layer is not None else [])]
        return [variable for layer in layers for variable in layer.variables]

    def values(self, stopped: bool = False) -> list[Tensor]:
        """The values of all variables as they are now; without a gradient where `stopped`."""
        # Copies, for Torch, whose assignments change the tensor itself.
        values = [ops.copy(variable.value) for variable in self._variables]
        return list(map(ops.stop_gradient, values)) if stopped else values

    def with_values(self, values: Sequence[Tensor]) -> keras.StatelessScope:
        """A scope in which the variables have these values; what is assigned in it is dropped."""
        pairs = list(zip(self._variables, values, strict=True))
        return keras.StatelessScope(pairs, collect_losses=True)


def _build(layer: keras.layers.Layer, symbols: Any) -> None:
    if layer.built:
        return
    if isinstance(layer, keras.Sequential):
        layer(symbols)  # which notes that the number of rows is not known
        return

    def called(inputs: Any) -> Any:
        layer(inputs)  # a distribution, or a RandomVariable, would be no output for Keras
        return inputs

    infer(called, symbols)


def _as_rows(draws: Tensor) -> Tensor:
    """`(K, rows, ...)` as `(rows * K, ...)`."""
    return ops.reshape(ops.swapaxes(draws, 0, 1), (-1, *tuple(draws.shape)[2:]))


def map_condition(function: Callable[[Any], Any], condition: Any) -> Any:
    """The function of each tensor of a condition; None stays None."""
    return None if condition is None else keras.tree.map_structure(function, condition)


def any_rows(x: Any) -> keras.KerasTensor:
    """The symbol of tensors of any number of rows."""
    x = x if hasattr(x, "shape") else ops.convert_to_tensor(x)
    return keras.KerasTensor((None, *tuple(x.shape)[1:]), keras.backend.standardize_dtype(x.dtype))


def _with_draw_axis(likelihood: Distribution, rows: Tensor, count: int) -> Distribution:
    """The batch `(rows * K,)` as `(rows, K)`."""

    def split(tensor: Tensor) -> Tensor:
        return ops.reshape(tensor, (-1, count, *tuple(tensor.shape)[1:]))

    return map_batch(likelihood, ops.shape(rows)[:1], split, shared=lambda tensor: tensor)


__all__ = ["LatentModel", "Terms", "any_rows", "map_condition"]
