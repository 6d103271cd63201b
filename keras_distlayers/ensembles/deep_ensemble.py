"""The deep ensemble: networks that are trained apart, and whose mixture is the prediction."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import mean
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.equal_mixture import equal_mixture
from keras_distlayers.ensembles._seeds import seeded
from keras_distlayers.random_variable import RandomVariable


@keras.saving.register_keras_serializable("keras_distlayers.ensembles")
class DeepEnsemble(keras.Model):
    """Networks of one architecture, each trained on its own; their mixture is the output.

    The output is a RandomVariable whose distribution is the mixture of the members' with equal
    weights: a `MixtureSameFamily` with one component for each member, or a `Mixture` where the
    members differ in more than the parameters for each row, as flows do. So losses, metrics,
    `evaluate`, `predict_distribution` and `uncertainty` see what the ensemble says as a whole.
    Where members have several outputs, so has the ensemble; of tensors it is the mean.

    `compile` gives each member its own copy of the optimizer. `fit` trains the members one after
    the other, each with its own initial weights, order of the rows, and dropout. Their weights
    are saved in one `.keras` file, with the state of their optimizers.

    What the members add to the loss by themselves (regularizers, KL terms) stays in the loss of
    `evaluate`, as its sum over the members. The metric `metrics.NegativeLogLikelihood` is that of
    the mixture alone.

    Args:
        make_model: A function without arguments that returns a new model whose output is a
            RandomVariable. It sets no seeds of its own. It is called once for each member and not
            kept.
        num_members: How many members. Five are common.
        seed: An int for the same ensemble each time, from the same data. By default it comes from
            Python's generator, which `keras.utils.set_random_seed` sets. The numbers that NumPy
            draws afterwards are not affected.
        **kwargs: `name` and the like, of `keras.Model`.

    Call arguments:
        inputs: What a member takes.

    Output shape: that of a member.

    Raises:
        ValueError: if `num_members` is not positive; if `make_model` returns a model twice; when
            the ensemble trains, if two members have the same random initial weights.
        TypeError: if `make_model` does not return a `keras.Model`.
        NotImplementedError: when it is called, if the distributions are another library's.

    Attributes:
        members: The list of the models.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> def make_model():
        ...     return keras.Sequential([
        ...         keras.Input((3,)), keras.layers.Dense(2), kdl.layers.IndependentNormal(1)])
        >>> ensemble = kdl.ensembles.DeepEnsemble(make_model, num_members=2, seed=0)
        >>> ensemble.compile("adam", kdl.losses.NegativeLogLikelihood())
        >>> rv = ensemble(keras.ops.ones((8, 3)))
        >>> rv.batch_shape, rv.event_shape, rv.distribution.components_distribution.batch_shape
        ((8,), (1,), (8, 2))

    Source: Lakshminarayanan, Pritzel and Blundell (2017), arXiv 1612.01474, without the
    adversarial examples.
    """

    def __init__(
        self,
        make_model: Callable[[], keras.Model],
        num_members: int = 5,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        num_members = checked_size("DeepEnsemble", "num_members", num_members)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.members = [self._new_member(make_model, k) for k in range(num_members)]
        _check_are_new(self.members)
        self.built = all(member.built for member in self.members)

    def _new_member(self, make_model: Callable[[], keras.Model], k: int) -> keras.Model:
        with seeded(self.seed, k):
            member = make_model()
        if isinstance(member, keras.Model):
            return member
        raise TypeError(
            message(
                "DeepEnsemble, argument `make_model`",
                expected="a function that returns a keras.Model",
                received=f"one that returns a {type(member).__name__}",
            )
        )

    @property
    def output_names(self) -> list[str]:
        """Those of a member, as `evaluate` and `fit` name the losses of several outputs."""
        return self.members[0].output_names  # type: ignore[no-any-return]

    def build(self, input_shape: Any) -> None:
        for member in self.members:
            if not member.built:
                member.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = [member(inputs, training=training) for member in self.members]
        return keras.tree.map_structure(self._joined, *outputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of a member: Keras cannot take a RandomVariable apart as it builds a model."""
        return self.members[0].compute_output_shape(input_shape)

    def _joined(self, *outputs: Any) -> Any:
        """One output of the members: the mixture of random variables, the mean of tensors."""
        if not isinstance(outputs[0], RandomVariable):
            return mean(ops.stack(outputs), axis=0)
        parts = [rv.distribution for rv in outputs]
        mixture = equal_mixture(parts, where=f"DeepEnsemble '{self.name}'")
        joined = RandomVariable.drawn_from(mixture.seeded_by(self.seed_generator))
        if (mask := getattr(outputs[0], "_keras_mask", None)) is not None:
            joined._keras_mask = mask
        return joined

    # ---------------------------------------------------------------- training

    def compile(self, optimizer: Any = "rmsprop", *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.compile`, for the ensemble and each member.

        Each member has its own copy of the optimizer. That of the ensemble is None: it is not
        trained as a whole.
        """
        super().compile(optimizer, *args, **kwargs)
        self.optimizer = None
        config = keras.optimizers.serialize(keras.optimizers.get(optimizer))
        for member in self.members:
            member.compile(keras.optimizers.deserialize(config), *args, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        for member in self.members:
            if member.built:
                member.optimizer.build(member.trainable_variables)

    def fit(
        self, *args: Any, callbacks: Any = None, verbose: str | int = "auto", **kwargs: Any
    ) -> list[keras.callbacks.History]:
        """Trains the members one after the other, each with `keras.Model.fit`.

        Args:
            *args: As for `keras.Model.fit`: the data. Arrays are shuffled anew for each member; a
                data set of another kind shuffles itself.
            callbacks: As for `keras.Model.fit`: they see one member at a time. Or a function of
                the member's number, from 0, that returns them, where each needs its own, such as
                a `CSVLogger`.
            verbose: As for `keras.Model.fit`; 0 also leaves out the lines between the members.
            **kwargs: As for `keras.Model.fit`.

        Returns:
            A list with the `History` of each member.
        """
        self._check_differ()
        return [
            self._fit_member(k, callbacks, verbose, *args, **kwargs)
            for k in range(len(self.members))
        ]

    def _fit_member(
        self, k: int, callbacks: Any, verbose: str | int, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        member = self.members[k]
        if verbose:
            print(f"Member {k + 1} of {len(self.members)}")
        steps = int(ops.convert_to_numpy(member.optimizer.iterations)) if member.compiled else 0
        with seeded(self.seed, k, 1 + steps):  # another order where training goes on
            own = callbacks(k) if callable(callbacks) else callbacks
            self.reset_metrics()
            return member.fit(*args, callbacks=own, verbose=verbose, **kwargs)

    def reset_metrics(self) -> None:
        """As `keras.Model.reset_metrics`, for the members too: they have the same metrics.

        A model resets those alone that it has used, and would begin with the state that another
        one has left in the rest.
        """
        super().reset_metrics()
        for member in self.members:
            member.reset_metrics()

    def _check_differ(self) -> None:
        """Refuses members that would stay equal but for the order of the data."""
        weights = [
            [ops.convert_to_numpy(w) for w in member.trainable_variables]
            for member in self.members
        ]
        first, *others = weights
        is_random = any(np.ptp(w) > 0.0 for w in first if w.size)
        for k, other in enumerate(others, start=1):
            if is_random and _are_equal(first, other):
                raise ValueError(
                    message(
                        "DeepEnsemble, argument `make_model`",
                        expected="a function whose models have initial weights of their own",
                        received=f"members 0 and {k} with the same random weights",
                        fix="Set no seeds in it, neither of initializers nor by "
                        "keras.utils.set_random_seed; pass `seed` to DeepEnsemble.",
                    )
                )

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Is not there: members see batches of their own.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            message(
                f"DeepEnsemble '{self.name}', method `train_on_batch`",
                expected="fit",
                received="train_on_batch",
                fix="Call it for each of `ensemble.members`, on batches of their own.",
            )
        )

    # ---------------------------------------------------------------- saving

    def get_config(self) -> dict[str, Any]:
        members = [keras.saving.serialize_keras_object(member) for member in self.members]
        return {"name": self.name, "seed": self.seed, "members": members}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        config = dict(config)
        members = [
            keras.saving.deserialize_keras_object(member, custom_objects=custom_objects)
            for member in config.pop("members")
        ]
        remaining = iter(members)
        return cls(lambda: next(remaining), len(members), **config)


def _check_are_new(members: Sequence[keras.Model]) -> None:
    if len({id(member) for member in members}) < len(members):
        raise ValueError(
            message(
                "DeepEnsemble, argument `make_model`",
                expected="a function that makes a new model each time",
                received="one that returns the same model",
                fix="Make the layers inside the function.",
            )
        )


def _are_equal(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(some) == len(others) and all(map(np.array_equal, some, others))


__all__ = ["DeepEnsemble"]
