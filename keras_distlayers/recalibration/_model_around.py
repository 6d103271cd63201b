"""The base of the Keras models that recalibrators return: a model around the given one."""

from typing import Any, Self

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.distributions import Distribution
from keras_distlayers.random_variable import RandomVariable


class ModelAround(keras.Model):
    """A model whose output follows from the RandomVariable that another one returns.

    A subclass adds its weights, writes `output_for(rv, inputs)`, and adds its own arguments to
    `get_config`.

    Args:
        model: A model with one output, a RandomVariable.
        **kwargs: `name`, of `keras.Model`.
    """

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        # autocast would round the inputs before the model has its own say.
        super().__init__(autocast=False, **kwargs)
        self.model = _checked_model(type(self).__name__, model)
        self.built = model.built

    def output_for(self, rv: RandomVariable, inputs: Any) -> Any:
        """The output for that of the inner model; a subclass's one duty."""
        raise NotImplementedError(f"{type(self).__name__} must define output_for(rv, inputs)")

    def build(self, input_shape: Any) -> None:
        if not self.model.built:
            self.model.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        rv = self.model(inputs, training=training)
        if not isinstance(rv, RandomVariable):
            raise _not_a_random_variable(f"{type(self).__name__} '{self.name}'", rv)
        return self.output_for(rv, inputs)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        config = dict(config)
        model = keras.saving.deserialize_keras_object(
            config.pop("model"), custom_objects=custom_objects
        )
        return cls(model, **config)


class DistributionModel(ModelAround):
    """A model whose output is another RandomVariable, of the same shape.

    A subclass writes `new_distribution(distribution)`.
    """

    def new_distribution(self, distribution: Distribution) -> Distribution:
        """The distribution in place of that of the inner model; a subclass's one duty."""
        raise NotImplementedError(f"{type(self).__name__} must define new_distribution")

    def output_for(self, rv: RandomVariable, inputs: Any) -> RandomVariable:
        # With the same seed and mask, and a new draw.
        distribution = self.new_distribution(rv.distribution)
        changed = RandomVariable.drawn_from(distribution.seeded_by(rv.distribution.default_seed))
        if (mask := getattr(rv, "_keras_mask", None)) is not None:
            changed._keras_mask = mask
        return changed

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the inner model: Keras cannot take a RandomVariable apart as it builds one."""
        return self.model.compute_output_shape(input_shape)


def _checked_model(where: str, model: Any) -> keras.Model:
    if isinstance(model, keras.Model):
        return model
    raise TypeError(
        message(
            f"{where}, argument `model`",
            expected="a keras.Model whose output is a RandomVariable",
            received=f"a {type(model).__name__}",
        )
    )


def _not_a_random_variable(where: str, output: Any) -> TypeError:
    return TypeError(
        message(
            f"{where}, argument `model`",
            expected="a model with one output, a RandomVariable",
            received=f"one whose output is a {type(output).__name__}",
            fix="Of a model with several outputs, take one: keras.Model(model.inputs, output).",
        )
    )


__all__ = ["DistributionModel", "ModelAround"]
