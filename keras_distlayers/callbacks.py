"""Callbacks that show the KL divergence of a model's layers and set its weight."""

import inspect

import keras

from keras_distlayers._core.errors import message
from keras_distlayers._kl_state import (
    KL_EXAMPLES,
    KL_MEAN,
    KL_SCHEDULED_WEIGHT,
    KL_WEIGHT,
)


class KLMonitor(keras.callbacks.Callback):
    """Writes the KL divergence of the model's layers into the logs of each epoch.

    The logs then have, beside `loss`: `kl_divergence`, the mean KL to the prior in nats per
    example, before its weight; `val_kl_divergence`, with validation data; `kl_weight`, the
    weight as the epoch ended. Where several layers have a KL term, `kl_divergence` is their
    sum, and each layer's own stands beside it as `<layer>_kl_divergence`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> prior = kdl.distributions.Independent(kdl.distributions.Normal(keras.ops.zeros(2), 1.0), 1)
        >>> model = keras.Sequential([
        ...     keras.Input((3,)),
        ...     keras.layers.Dense(4),
        ...     kdl.layers.IndependentNormal(
        ...         2, activity_regularizer=kdl.regularizers.KLDivergenceRegularizer(prior)),
        ... ])
        >>> model.compile("adam", kdl.losses.NegativeLogLikelihood())
        >>> x, y = keras.ops.ones((8, 3)), keras.ops.ones((8, 2))
        >>> history = model.fit(x, y, verbose=0, callbacks=[kdl.callbacks.KLMonitor()])
        >>> sorted(history.history)
        ['kl_divergence', 'kl_weight', 'loss']
    """

    def __init__(self):
        super().__init__()
        self._training = False
        self._logs = {}

    def on_epoch_begin(self, epoch, logs=None):
        self._training = True
        self._logs = {}
        _reset(self.model)

    def on_test_begin(self, logs=None):
        # Keras validates before it calls on_epoch_end: read the epoch's figures now.
        if self._training:
            self._logs = _figures(self.model)
        _reset(self.model)

    def on_test_end(self, logs=None):
        figures = _figures(self.model)
        if self._training:
            figures = {f"val_{k}": v for k, v in figures.items() if not k.endswith(KL_WEIGHT)}
            self._logs.update(figures)
        elif logs is not None:
            logs.update(figures)

    def on_epoch_end(self, epoch, logs=None):
        self._training = False
        if logs is not None:
            logs.update(self._logs or _figures(self.model))


class KLWeightScheduler(keras.callbacks.Callback):
    """Sets the weight of the KL term as each epoch begins.

    For a weight that moves from step to step, pass a schedule as the regularizer's `weight`
    instead: it is evaluated in the graph and goes on after a reload.

    Args:
        schedule: A function `(epoch) -> weight`, or `(epoch, weight) -> weight`, the epoch
            counted from 0, as for `keras.callbacks.LearningRateScheduler`.
        verbose: 1 to print the weight as each epoch begins.

    Raises:
        ValueError: as training begins, if the model has no KL term, or one whose weight is a
            schedule of its own.

    Examples:
        >>> import keras_distlayers as kdl
        >>> warmup = kdl.callbacks.KLWeightScheduler(lambda epoch: min(1.0, (epoch + 1) / 10))
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_train_begin(self, logs=None):
        if scheduled := _weights_named(self.model, KL_SCHEDULED_WEIGHT):
            raise ValueError(
                message(
                    "KLWeightScheduler",
                    expected="layers whose KL weight is a number",
                    received=f"a schedule in {scheduled[0].path}",
                    fix="Drop the callback, or give the regularizer a number.",
                )
            )
        if not _weights_named(self.model, KL_WEIGHT):
            raise ValueError(_no_term("KLWeightScheduler"))

    def on_epoch_begin(self, epoch, logs=None):
        for variable in _weights_named(self.model, KL_WEIGHT):
            weight = float(self._call(epoch, float(variable.numpy())))
            variable.assign(weight)
            if self.verbose:
                print(f"\nEpoch {epoch + 1}: KLWeightScheduler sets the KL weight to {weight}.")

    def _call(self, epoch, weight):
        takes_weight = len(inspect.signature(self.schedule).parameters) > 1
        return self.schedule(epoch, weight) if takes_weight else self.schedule(epoch)


def _weights_named(model, name):
    """The model's weights of that name, wherever the layer is nested."""
    return [variable for variable in model.weights if variable.name == name]


def _no_term(who):
    return message(
        who,
        expected="a model with a KL term",
        received="a model without one",
        fix="Give a head `activity_regularizer=regularizers.KLDivergenceRegularizer(prior)`.",
    )


def _reset(model):
    means = _weights_named(model, KL_MEAN)
    if not means:
        raise ValueError(_no_term("KLMonitor"))
    for variable in [*means, *_weights_named(model, KL_EXAMPLES)]:
        variable.assign(0.0)


def _figures(model) -> dict[str, float]:
    """The sum of the layers' mean KL and their weight; each one's own where they differ."""
    mean_weights = _weights_named(model, KL_MEAN)
    means = _by_layer(mean_weights)
    weights = _by_layer(
        _weights_named(model, KL_WEIGHT) + _weights_named(model, KL_SCHEDULED_WEIGHT)
    )
    # Summed over the weights, not over the names: layers of nested models may share one.
    figures = {"kl_divergence": sum(float(v.numpy()) for v in mean_weights)}
    if len(means) > 1:
        figures |= {f"{layer}_kl_divergence": value for layer, value in means.items()}
    if len(set(weights.values())) == 1:
        return figures | {"kl_weight": next(iter(weights.values()))}
    return figures | {f"{layer}_kl_weight": value for layer, value in weights.items()}


def _by_layer(variables) -> dict[str, float]:
    """Values by the name of the layer, which is the last but one part of a weight's path."""
    return {v.path.split("/")[-2]: float(v.numpy()) for v in variables}


__all__ = ["KLMonitor", "KLWeightScheduler"]
