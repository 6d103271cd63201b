"""A bound of many draws, whose draws are decoded in chunks."""

from collections.abc import Sequence
from typing import Any, NoReturn, Self

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.copies import deep_copy
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.layers._importance_weighted import ImportanceWeighted
from keras_distlayers.layers._latent_model import LatentModel, map_condition


class ImportanceWeightedInChunks(ImportanceWeighted):
    """As `ImportanceWeighted`; `log_prob` decodes the draws, so that no more are in memory.

    It has the weights of the decoder as they were when it was made: a compiled step of evaluation
    asks for log_prob where the variables are not at hand.

    Args:
        likelihood: As for `ImportanceWeighted`, for the first draw alone: for the statistics.
        log_ratio: Likewise.
        latents: The draws, log q of them, the condition, and the values of the model's variables.
        model: The decoder and the prior.
        chunk_size: How many draws of each row are decoded at once.
        alpha: As for `ImportanceWeighted`.
    """

    static_names = (*ImportanceWeighted.static_names, "model", "chunk_size")
    foreign_names = ("latents",)

    model: LatentModel
    chunk_size: int

    def __init__(
        self,
        likelihood: Distribution,
        log_ratio: Tensor,
        latents: dict[str, Any],
        model: LatentModel,
        chunk_size: int,
        alpha: float,
    ) -> None:
        super().__init__(likelihood, log_ratio, alpha, model=model, chunk_size=chunk_size)
        self.latents = latents

    def _log_weights(self, value: Tensor) -> Tensor:
        draws, log_q = self.latents["draws"], self.latents["log_q"]
        whole = draws.shape[0] // self.chunk_size * self.chunk_size
        parts = [self._of_chunks(draws[:whole], log_q[:whole], value)]
        if whole < draws.shape[0]:
            parts.append(self._of_chunk(draws[whole:], log_q[whole:], value))
        return ops.concatenate(parts, axis=-1)

    def _of_chunk(self, draws: Tensor, log_q: Tensor, value: Tensor) -> Tensor:
        # A scope for each chunk: what a layer assigns, as its seed, ends with a loop's body.
        with self.model.with_values(self.latents["values"]):
            terms = self.model.weigh(draws, log_q, self.latents["condition"], training=False)
        return ImportanceWeighted(terms.likelihood, terms.log_ratio).log_weights(value)

    def _of_chunks(self, draws: Tensor, log_q: Tensor, value: Tensor) -> Tensor:
        """Chunk after chunk, each into its place of one tensor."""
        size, count = self.chunk_size, draws.shape[0] // self.chunk_size
        draws, log_q = (ops.reshape(x, (count, size, *ops.shape(x)[1:])) for x in (draws, log_q))

        def step(i: Tensor, filled: Tensor) -> tuple[Tensor, Tensor]:
            chunk = self._of_chunk(ops.take(draws, i, 0), ops.take(log_q, i, 0), value)
            is_here = ops.reshape(
                ops.arange(count, dtype="int32") == i, (count, *(1,) * len(chunk.shape))
            )
            return i + 1, ops.where(is_here, chunk[None], filled)

        batch = ops.shape(value)[: len(value.shape) - len(self.event_shape)]
        empty = ops.zeros((count, *batch, size), self.dtype)
        _, filled = backend.repeat(step, count, (ops.zeros((), "int32"), empty))
        return ops.reshape(ops.moveaxis(filled, 0, -2), (*batch, count * size))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """With the layers themselves, of which it has the weights' values."""
        memo[id(self.model)] = self.model
        latents = [x for x in keras.tree.flatten(self.latents) if x is not None]
        return deep_copy(self, [*self._tensors().values(), *latents], memo)

    def __getitem__(self, key: Any) -> NoReturn:
        raise self._no_part()

    def expand(self, batch_shape: Any) -> NoReturn:
        raise self._no_part()

    def _no_part(self) -> NotImplementedError:
        return NotImplementedError(
            message(
                "a VariationalBound with `test_num_samples`",
                expected="its whole batch",
                received="an index or another batch_shape",
                fix="Take log_prob of all rows, and then the part.",
            )
        )


def latents_of(
    draws: Tensor, log_q: Tensor, condition: Any, values: Sequence[Tensor]
) -> dict[str, Any]:
    """The tensors of `ImportanceWeightedInChunks` in one structure."""
    condition = map_condition(ops.convert_to_tensor, condition)
    return {"draws": draws, "log_q": log_q, "condition": condition, "values": list(values)}


__all__ = ["ImportanceWeightedInChunks", "latents_of"]
