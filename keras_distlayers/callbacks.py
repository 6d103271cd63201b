"""Callbacks that show the KL divergence of a model's layers, set its weight, and fit SWAG."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.ensembles.swag import SWAG
from keras_distlayers.layers.kl_tracker import KLTracker, kl_trackers


class KLMonitor(keras.callbacks.Callback):
    """Writes the KL divergence of the model's layers into the logs of each epoch.

    The logs then have, beside `loss`: `kl_divergence`, the mean KL to the prior in nats per
    example, before its weight; `val_kl_divergence`, with validation data; `kl_weight`, the
    weight as the epoch ended. Where several layers have a KL term, `kl_divergence` is their
    sum, and each layer's own stands beside it as `<layer>_kl_divergence`.

    Put it before the callbacks that read these logs, such as `EarlyStopping`, `ModelCheckpoint`
    and `CSVLogger`: Keras calls them in the order of the list. Give these
    `mode="min"` for a KL, whose direction Keras cannot look up.

    Keras hands no callback the numbers that `evaluate` returns. After
    `evaluate(..., callbacks=[monitor])`, the KL of that data is in `monitor.results`; the progress
    bar shows it too.

    Attributes:
        results: The figures of the last epoch or of the last `evaluate`, by name.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(keras.ops.zeros(2), 1.0)
        >>> prior = kdl.distributions.Independent(normal, 1)
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
        >>> monitor = kdl.callbacks.KLMonitor()
        >>> loss = model.evaluate(x, y, verbose=0, callbacks=[monitor])
        >>> sorted(monitor.results)
        ['kl_divergence', 'kl_weight']
    """

    def __init__(self) -> None:
        super().__init__()
        self._training = False
        self._logs: dict[str, float] = {}
        self.results: dict[str, float] = {}

    def set_model(self, model: keras.Model) -> None:
        # Keras does this once for each `fit` and `evaluate`; a `fit` before may have been stopped.
        super().set_model(model)
        self._training = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._training = True
        self._logs = {}
        for tracker in _trackers(self.model, "KLMonitor"):
            tracker.reset_training()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Keras validates before it calls on_epoch_end: read the epoch's figures now.
        if self._training:
            self._logs = _figures(self.model, in_training=True)
        for tracker in _trackers(self.model, "KLMonitor"):
            tracker.reset()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        figures = _figures(self.model)
        if self._training:
            figures = {f"val_{k}": v for k, v in figures.items() if not k.endswith("kl_weight")}
            self._logs.update(figures)
        else:
            self.results = figures
            if logs is not None:
                logs.update(figures)  # for the progress bar

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._training = False
        self.results = self._logs or _figures(self.model, in_training=True)
        if logs is not None:
            logs.update(self.results)


class KLWeightScheduler(keras.callbacks.Callback):
    """Sets the weight of the KL term as each epoch begins.

    For a weight that moves from step to step, pass a schedule as the regularizer's `weight`
    instead: it is evaluated in the graph and goes on after a reload.

    Args:
        schedule: A function `(epoch) -> weight`, or `(epoch, weight) -> weight`, the epoch
            counted from 0, as for `keras.callbacks.LearningRateScheduler`.
        verbose: 1 to print the weight as each epoch begins.

    Raises:
        TypeError: if `schedule` is not callable.
        ValueError: as training begins, if the model has no KL term, or one whose weight is
            already a schedule.

    Examples:
        >>> import keras_distlayers as kdl
        >>> warmup = kdl.callbacks.KLWeightScheduler(lambda epoch: min(1.0, (epoch + 1) / 10))
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(
                message(
                    "KLWeightScheduler, argument `schedule`",
                    expected="a function of the epoch",
                    received=f"schedule={schedule!r}",
                    fix="For a fixed weight, pass it to the regularizer.",
                )
            )
        self.schedule = schedule
        self.verbose = verbose

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        for tracker in _trackers(self.model, "KLWeightScheduler"):
            if tracker.is_scheduled:
                raise ValueError(
                    message(
                        "KLWeightScheduler",
                        expected="layers whose KL weight is a number",
                        received=f"a schedule in {tracker.path}",
                        fix="Drop the callback, or give the regularizer a number.",
                    )
                )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for tracker in kl_trackers(self.model):
            tracker.weight = weight = float(self._call(epoch, tracker.weight))
            if self.verbose:
                print(f"\nEpoch {epoch + 1}: KLWeightScheduler sets the KL weight to {weight}.")

    def _call(self, epoch: int, weight: float) -> float:
        takes_weight = len(inspect.signature(self.schedule).parameters) > 1
        return self.schedule(epoch, weight) if takes_weight else self.schedule(epoch)


def _trackers(model: keras.Model, who: str) -> list[KLTracker]:
    """The trackers of a model that has to have some."""
    if trackers := kl_trackers(model):
        return trackers
    raise ValueError(
        message(
            who,
            expected="a model with a KL term",
            received="a model without one",
            fix="Give a head `activity_regularizer=regularizers.KLDivergenceRegularizer(prior)`.",
        )
    )


def _figures(model: keras.Model, in_training: bool = False) -> dict[str, float]:
    """The sum of the layers' mean KL and their weight; one figure per layer where they differ.

    A tracker is named after its layer: `<layer>_kl`.
    """
    trackers = kl_trackers(model)
    nats = [t.kl_divergence_in_training if in_training else t.kl_divergence for t in trackers]
    figures = {"kl_divergence": sum(nats)}
    if len(trackers) > 1:
        figures |= {f"{t.name}_divergence": kl for t, kl in zip(trackers, nats, strict=True)}
    weights = {f"{t.name}_weight": t.weight for t in trackers}
    if len(set(weights.values())) == 1:
        return figures | {"kl_weight": trackers[0].weight}
    return figures | weights


__all__ = ["SWAG", "KLMonitor", "KLWeightScheduler"]
