"""Mixtures of densities and masses.

A value that has a mass is infinitely more probable there than by a density. So where one component
has a mass, the densities of the others count for nothing; of vectors, where it has more of them.
"""

from collections.abc import Sequence

from keras import ops

from keras_distlayers._core.ops import largest
from keras_distlayers._core.typing import Tensor


def without_densities_at_masses(
    log_probs: Tensor, num_atoms: Tensor | int, probs: Tensor
) -> Tensor:
    """The log_probs of the components, minus infinity where others have more masses.

    Args:
        log_probs: Shape `(..., K)`.
        num_atoms: How many entries of the event have a mass, for each component, or one number
            for all of them.
        probs: The probabilities of the components, `(..., K)`.
    """
    if isinstance(num_atoms, int):
        return log_probs
    most = most_atoms(log_probs, num_atoms, probs)
    return ops.where(num_atoms < most[..., None], -float("inf"), log_probs)


def most_atoms(log_probs: Tensor, num_atoms: Tensor, probs: Tensor) -> Tensor:
    """How many entries have a mass, of the components that can be there; -1 if none can."""
    is_possible = ops.logical_and(log_probs > -float("inf"), probs > 0.0)
    return largest(ops.where(is_possible, num_atoms, -1.0), -1)


def stacked(num_atoms: Sequence[Tensor | int], log_probs: Tensor) -> Tensor | int:
    """Of the components, as `(..., K)`; an int if it is the same for all values."""
    first = num_atoms[0]
    if isinstance(first, int) and all(isinstance(n, int) and n == first for n in num_atoms):
        return first
    zeros = ops.zeros_like(log_probs[..., 0])
    return ops.stack([zeros + ops.cast(n, zeros.dtype) for n in num_atoms], axis=-1)


__all__ = ["most_atoms", "stacked", "without_densities_at_masses"]
