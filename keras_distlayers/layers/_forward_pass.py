"""Forward passes: which calls of a layer belong to the same training step.

A layer may be called several times in one step: a siamese encoder, `TimeDistributed`. Keras
clears a layer's losses as a forward pass begins, that is, as the outermost layer is called. So
a loss that still stands shows that the pass goes on.

`stateless_call`, which trains every model on JAX, calls `model.call` directly. There each layer
that the model calls is an outermost layer, and its second call clears the loss of its first.
But each `stateless_call` has its own `keras.StatelessScope`, which tells the passes apart. What
Keras has cleared within one pass is added again.
"""

import weakref
from typing import Any

import keras

from keras_distlayers._core.typing import Tensor


class ForwardPass:
    """One forward pass as one layer sees it.

    Args:
        layer: The `keras.layers.Layer` that adds the losses.

    Attributes:
        notes: Whatever has to outlast the layer's call but not the pass.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        self._layer = layer
        self._losses: list[Tensor] = []
        self.notes: Any = None

    def add_loss(self, loss: Tensor) -> None:
        """Adds the loss of one call; the layer's losses are then those of the whole pass."""
        cleared = [] if self.goes_on() else self._losses
        self._losses = [sum(cleared, loss)] if cleared else [*self._losses, loss]
        self._layer.add_loss(self._losses[-1])

    def keep_losses(self) -> None:
        """Adds again what Keras has cleared, for a call that has no loss of its own."""
        if self._losses and not self.goes_on():
            self._layer.add_loss(self._losses[-1])

    def goes_on(self) -> bool:
        """Whether Keras still has the losses of this pass."""
        return any(loss is last for loss in self._layer.losses for last in self._losses[-1:])


class ForwardPasses:
    """The forward passes of one layer.

    Args:
        layer: The layer.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        self._layer = layer
        # Weak: a pass must not keep the tensors of its scope alive.
        self._in_scope: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
        self._outside = ForwardPass(layer)

    def current(self) -> ForwardPass:
        """The pass that the layer's call is in; ask once per call, before adding its loss."""
        scope = _stateless_scope()
        if scope is not None:
            if scope not in self._in_scope:
                self._in_scope[scope] = ForwardPass(self._layer)
            return self._in_scope[scope]
        if not self._outside.goes_on():
            self._outside = ForwardPass(self._layer)
        return self._outside


def _stateless_scope() -> keras.StatelessScope | None:
    """The scope around the call; a new scope notes which one it replaces."""
    with keras.StatelessScope(initialize_variables=False) as probe:
        return probe.original_scope


__all__ = ["ForwardPass", "ForwardPasses"]
