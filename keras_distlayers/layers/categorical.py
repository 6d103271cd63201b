"""The head of a categorical distribution."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._label_head import LabelHead
from keras_distlayers.layers.parameters import Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Categorical(LabelHead):
    """A head for one integer label per example: a classifier whose targets are integers.

    Draws are int32 labels and carry no gradient. `losses.NegativeLogLikelihood` takes targets
    of shape `batch_shape`, integers or floats that are whole numbers; it is then the
    cross-entropy. Labels have no mean: `convert_to_tensor_fn="mode"` gives the most likely one.

    For the accuracy use `metrics.ModeAccuracy()`. Keras's `metrics=["accuracy"]` would take the
    argmax over the labels of the batch, and give 0 or 1.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.Categorical(4)(keras.ops.zeros((5, 4)))
        >>> tuple(rv.shape), [round(float(x), 4) for x in rv.prob([0, 1, 2, 3, 0])][:2]
        ((5,), [0.25, 0.25])

    Source: `keras_distlayers.distributions.Categorical`.
    """

    distribution_class = distributions.Categorical
    parameters = {"logits": Real()}


__all__ = ["Categorical"]
