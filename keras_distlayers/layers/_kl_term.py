"""The KL term of a layer: what it adds to the loss, and what it remembers of it.

A `keras.metrics.Mean` inside a layer's `call` crashes `fit` on JAX, where metric variables
are outside the forward pass. So the running mean lives in non-trainable weights of the
layer, which every backend carries along, and which are saved with the model.
"""

from keras import ops

from keras_distlayers._core import reductions
from keras_distlayers._core.ops import maximum
from keras_distlayers._kl_state import (
    KL_EXAMPLES,
    KL_MEAN,
    KL_SCHEDULED_WEIGHT,
    KL_STEP,
    KL_WEIGHT,
)


class KLTerm:
    """One regularizer at work in one layer.

    Args:
        layer: The `keras.Layer` that owns the weights and the loss. Its attribute `kl_prior`
            becomes the layer that makes the prior, or None.
        regularizer: A `KLDivergenceRegularizer`.
    """

    def __init__(self, layer, regularizer):
        self._layer = layer
        self.regularizer = regularizer
        # Keras finds a layer's weights, to train and to save them, by the layer's attributes.
        layer.kl_prior = regularizer.prior_layer

    def build(self):
        """Makes the weights; the layer calls this as it is built."""
        self.regularizer.prior()  # builds a prior that is learned, and refuses what is none
        scheduled = self.regularizer.is_scheduled
        initial = 0.0 if scheduled else float(self.regularizer.weight)
        self.mean = self._state(KL_MEAN)
        self.examples = self._state(KL_EXAMPLES)
        self.step = self._state(KL_STEP, dtype="int32", aggregation="only_first_replica")
        self.weight = self._state(KL_SCHEDULED_WEIGHT if scheduled else KL_WEIGHT, initial)

    def _state(self, name, initial=0, dtype="float32", aggregation="mean"):
        # Replicas each see a part of the batch: the mean of their running means is the
        # running mean of the whole. No autocast: sums in half precision would stall.
        return self._layer.add_weight(
            shape=(),
            initializer=lambda shape, dtype=None: ops.full(shape, initial, dtype=dtype),
            dtype=dtype,
            trainable=False,
            autocast=False,
            aggregation=aggregation,
            name=name,
        )

    def add_loss(self, rv, *, mask, tensor_is_draw, training):
        """Adds the term for one batch to the layer's losses."""
        regularizer = self.regularizer
        rows, counts = regularizer.per_row(rv, mask, tensor_is_draw)
        kl = reductions.mean_over_rows(rows, counts)
        if regularizer.is_scheduled:
            self.weight.assign(regularizer.weight_at(self.step.value))
        self._layer.add_loss(regularizer.penalty(kl, self.weight.value))
        self._record(ops.stop_gradient(kl), ops.stop_gradient(ops.sum(counts)))
        if training:
            self.step.assign(self.step.value + 1)

    def _record(self, kl, examples):
        """Moves the running mean: m + (kl - m) n / N, which keeps its digits in float32."""
        kl, examples = ops.cast(kl, "float32"), ops.cast(examples, "float32")
        total = self.examples.value + examples
        share = examples / maximum(total, 1.0)
        self.mean.assign(self.mean.value + (kl - self.mean.value) * share)
        self.examples.assign(total)
