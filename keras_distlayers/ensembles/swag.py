"""SWAG: a normal distribution over weights from the last epochs of one training."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.shapes import checked_size
from keras_distlayers.ensembles._parts import parts
from keras_distlayers.ensembles.deep_ensemble import DeepEnsemble


class SWAG(keras.callbacks.Callback):
    """Fits a normal distribution to the weights that training passes through.

    At the end of each epoch from `start_epoch` on, it takes the trainable weights into their
    running mean and variance, and keeps the last `max_rank` deviations from the mean. Weights are
    then drawn from a normal distribution with that mean, and with a covariance that is half of the
    diagonal one and half of that of the deviations. For this, training has to go on at a constant
    learning rate that is large enough to move the weights about.

    Each `fit` starts anew. The statistics are on the host, in float64: the memory of the weights,
    times `2 * (max_rank + 2)` for weights of float32.

    Args:
        start_epoch: The first epoch that counts, from 0; the training should be nearly done.
        max_rank: How many deviations to keep, at least 2.

    Raises:
        ValueError: if `start_epoch` is negative or `max_rank` below 2.

    Attributes:
        count: How many epochs were taken in.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([
        ...     keras.Input((3,)), keras.layers.Dense(2), kdl.layers.IndependentNormal(1)])
        >>> model.compile(keras.optimizers.SGD(0.05), kdl.losses.NegativeLogLikelihood())
        >>> x = np.random.default_rng(0).normal(size=(32, 3))
        >>> swag = kdl.callbacks.SWAG(start_epoch=2)
        >>> history = model.fit(x, x[:, :1], epochs=6, callbacks=[swag], verbose=0)
        >>> ensemble = swag.ensemble(num_members=4, seed=0)
        >>> swag.count, ensemble(x).distribution.components_distribution.batch_shape
        (4, (32, 4))

    Source: Maddox et al. (2019), arXiv 1902.02476.
    """

    def __init__(self, start_epoch: int, max_rank: int = 20) -> None:
        super().__init__()
        self.start_epoch = checked_size("SWAG", "start_epoch", start_epoch, minimum=0)
        self.max_rank = checked_size("SWAG", "max_rank", max_rank, minimum=2)
        self._forget()

    def _forget(self) -> None:
        self.count = 0
        self._mean: Any = 0.0
        self._squares: Any = 0.0  # the sum of the squared distances from the mean
        self._deviations: list[np.ndarray] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._forget()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch < self.start_epoch:
            return
        weights = np.concatenate(
            [
                ops.convert_to_numpy(w).astype("float64").ravel()
                for w in self.model.trainable_variables
            ]
        )
        self.count += 1
        distance = weights - self._mean
        self._mean = self._mean + distance / self.count
        deviation = weights - self._mean
        # Not by the mean of the squares, whose difference from the square would cancel.
        self._squares = self._squares + distance * deviation
        self._deviations = [*self._deviations, deviation][-self.max_rank :]

    def sample_weights(self, seed: Any = None, scale: float = 1.0) -> list[np.ndarray]:
        """Draws weights.

        Args:
            seed: A seed of `numpy.random.default_rng`.
            scale: A factor of the covariance. With 0 the result is the mean: the weights of
                stochastic weight averaging (SWA).

        Returns:
            An array for each of `model.trainable_variables`.

        Raises:
            ValueError: if fewer than 2 epochs were taken in.
        """
        if self.count < 2:
            raise ValueError(
                message(
                    "SWAG",
                    expected="at least 2 epochs from `start_epoch` on",
                    received=f"{self.count}, with start_epoch={self.start_epoch}",
                    fix="Train for more epochs with the callback, or begin earlier.",
                )
            )
        rng = np.random.default_rng(seed)
        stddev = np.sqrt(self._squares / self.count)
        deviations = np.stack(self._deviations)
        noise = stddev * rng.normal(size=stddev.shape)
        noise += rng.normal(size=len(deviations)) @ deviations / np.sqrt(len(deviations) - 1.0)
        return self._as_weights(self._mean + np.sqrt(0.5 * scale) * noise)

    def _as_weights(self, flat: np.ndarray) -> list[np.ndarray]:
        variables = self.model.trainable_variables
        ends = np.cumsum([np.prod(w.shape, dtype=int) for w in variables])
        split = np.split(flat, ends[:-1])
        return [part.reshape(w.shape) for part, w in zip(split, variables, strict=True)]

    def ensemble(
        self, num_members: int = 20, seed: int | None = None, scale: float = 1.0
    ) -> DeepEnsemble:
        """Models with weights that were drawn, as the members of an ensemble.

        The trained model stays as it is. The members are made from its config, so its layers must
        be such as can be saved.

        Args:
            num_members: How many.
            seed: An int for the same members each time.
            scale: As for `sample_weights`.

        Returns:
            A `DeepEnsemble`, not compiled.

        Raises:
            ValueError: if fewer than 2 epochs were taken in; if `num_members` is not positive.
            NotImplementedError: if the model has batch normalization, whose statistics belong to
                the weights that it was trained with.
        """
        if any(isinstance(x, keras.layers.BatchNormalization) for x in parts(self.model)):
            raise NotImplementedError(
                message(
                    "SWAG.ensemble",
                    expected="a model without batch normalization, whose statistics would have to "
                    "be found again for each draw",
                    received=f"the model '{self.model.name}'",
                    fix="Use layer normalization or group normalization.",
                )
            )
        num_members = checked_size("SWAG.ensemble", "num_members", num_members)
        seeds = iter(np.random.SeedSequence(seed).spawn(num_members))

        def make_member() -> keras.Model:
            return self._copy(self.sample_weights(next(seeds), scale))

        return DeepEnsemble(make_member, num_members, seed)

    def _copy(self, weights: list[np.ndarray]) -> keras.Model:
        copied = type(self.model).from_config(self.model.get_config())
        if not copied.built:
            copied.build_from_config(self.model.get_build_config())
        copied.set_weights(self.model.get_weights())
        for variable, value in zip(copied.trainable_variables, weights, strict=True):
            variable.assign(value)
        return copied


__all__ = ["SWAG"]
