"""The mixture with equal weights of the members of an ensemble, or of several passes."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_distlayers._core.batches import map_batch, map_each, stack_batch
from keras_distlayers._core.errors import message
from keras_distlayers._core.sameness import has_same_structure, stacks_cheaply
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.mixture import Mixture
from keras_distlayers.distributions.mixture_same_family import MixtureSameFamily


def equal_mixture(
    distributions: Sequence[Distribution], *, where: str
) -> MixtureSameFamily | Mixture:
    """The mixture of distributions over the same rows; each is a component of the same weight.

    Args:
        distributions: Of one batch_shape and event_shape. Where they differ in their parameters
            for each row alone, the result is a `MixtureSameFamily`, whose components have the
            batch_shape followed by their number. Else it is a `Mixture`, which keeps the weights
            of a flow once.
        where: Who asks, for errors.

    Raises:
        NotImplementedError: if a distribution is another library's.
    """
    parts = [_unseeded(distribution) for distribution in distributions]
    for part in parts:
        if part.foreign_names:
            raise NotImplementedError(
                message(
                    where,
                    expected="a model whose distributions are of keras_distlayers",
                    received=f"{part!r}",
                    fix="End the model with a head of keras_distlayers, or convert the "
                    "distribution in the head's function: kdl.interop.from_tfp and its relatives.",
                )
            )
    # With an entry for each row: what rows share, `predict_distribution` looks for once more.
    weights = Categorical(logits=np.zeros(len(parts), "float32"))
    weights = weights.expand(parts[0].dynamic_batch_shape())
    is_of_one_kind = all(has_same_structure(parts[0], part) for part in parts[1:])
    if not is_of_one_kind or not stacks_cheaply(parts):
        return Mixture(weights, parts)
    whole = [
        map_batch(part, part.dynamic_batch_shape(), lambda x: x, shared=lambda x: x)
        for part in parts
    ]
    return MixtureSameFamily(weights, stack_batch(whole, len(parts[0].batch_shape)))


def _unseeded(whole: Any) -> Any:
    """A copy without the generators of heads, which differ from member to member."""
    copied = copy.copy(whole)
    if isinstance(whole, Distribution):
        copied = whole.seeded_by(None)
    for name in whole.component_names:
        setattr(copied, name, map_each(_unseeded, getattr(whole, name)))
    return copied


__all__ = ["equal_mixture"]
