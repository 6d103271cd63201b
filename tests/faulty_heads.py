"""Faulty heads, as functions that make them; the same columns as in `faulty_distributions`."""

import keras
from breaking import Exponential, broken, detour, register
from keras import ops

import keras_distlayers as kdl


@register
class Rates(kdl.layers.ParametricHead):
    """The head that is right; those below break it."""

    def __init__(self, event_size, **kwargs):
        super().__init__(self.params_size(event_size), **kwargs)
        self.event_size = event_size

    @staticmethod
    def params_size(event_size):
        return event_size

    def rates(self, inputs):
        return ops.softplus(inputs) + 1e-5

    def make_distribution(self, inputs):
        return kdl.distributions.Independent(Exponential(self.rates(inputs)), 1)

    def get_config(self):
        return {**super().get_config(), "event_size": self.event_size}


def head(**methods):
    cls = broken(Rates, **methods)
    return lambda: cls(2)


def without(*names):
    """A config that has lost some of its entries."""

    def get_config(self):
        return {k: v for k, v in Rates.get_config(self).items() if k not in names}

    return get_config


class OneMore(kdl.layers.ParametricHead):
    """Takes a parameter that it does not use."""

    def __init__(self, event_size, **kwargs):
        super().__init__(event_size + 1, **kwargs)
        self.event_size = event_size

    def get_config(self):
        return {**super().get_config(), "event_size": self.event_size}

    def make_distribution(self, inputs):
        return kdl.distributions.Independent(Exponential(ops.softplus(inputs[..., :-1]) + 1e-5), 1)


def half_and_back(self, inputs):
    inputs = ops.cast(ops.cast(inputs, "float16"), "float16")
    distribution = kdl.distributions.Independent(Exponential(ops.softplus(inputs) + 1e-3), 1)
    distribution._log_prob = lambda value: ops.cast(ops.sum(value, axis=-1), "float16")
    return distribution


def flat_spec(self, inputs, mask=None, training=None):
    spec = kdl.layers.ParametricHead.compute_output_spec(self, inputs, mask, training)
    return keras.KerasTensor((None, 7), spec.dtype)


def summed_kl(self, *args, **kwargs):
    rv = kdl.layers.ParametricHead.call(self, *args, **kwargs)
    if self._regularizer is not None:
        self.add_loss(ops.sum(rv.kl_divergence(self._regularizer.distribution_b)))
    return rv


def same_draw(self, inputs, mask=None, training=None):
    distribution = self.distribution(inputs)
    return type(Rates(2)(ops.ones((1, 2))))(distribution, distribution.sample(seed=3))


FAULTY_HEADS = {
    "an off-by-one in params_size": (
        lambda: head(params_size=staticmethod(lambda event_size: event_size + 1),
                     __init__=lambda self, event_size, **k: (
                         kdl.layers.ParametricHead.__init__(self, event_size, **k),
                         setattr(self, "event_size", event_size))[0]),
        "params_size", "params_size 2. Received: 3",
    ),
    "a raw parameter without use": (
        lambda: lambda: OneMore(2), "params_size", r"none on those at \[2\]",
    ),
    "any number of parameters": (
        lambda: head(distribution=kdl.layers.Head.distribution),
        "params_size", "a last axis of 1, not 2",
    ),
    "a batch that is the event": (
        lambda: head(make_distribution=lambda self, x: kdl.distributions.Independent(
            Exponential(self.rates(x)), len(x.shape))),
        "batch_shapes", "batch_shape",
    ),
    "rows that are mixed": (
        lambda: head(make_distribution=lambda self, x: kdl.distributions.Independent(Exponential(
            self.rates(x - ops.mean(x, axis=0, keepdims=True))), 1)),
        "rows", "log_prob of row 0 alone",
    ),
    "an exponential for a scale": (
        lambda: head(rates=lambda self, x: ops.exp(x)), "extremes", "a finite sum of log_prob",
    ),
    "a square root at zero": (
        lambda: head(rates=lambda self, x: ops.sqrt(ops.abs(x)) + 1.0),
        "extremes", "a finite gradient",
    ),
    "a gradient that is cut": (
        lambda: head(rates=lambda self, x: ops.softplus(detour(x)) + 1e-5),
        "raw_gradients", "the gradient of log_prob",
    ),
    "nothing to learn from": (
        lambda: head(rates=lambda self, x: ops.softplus(ops.stop_gradient(x)) + 1e-5),
        "training", "(weights that fit changes|grad)",  # TensorFlow and Torch raise
    ),
    "a draw whose gradient is cut": (
        lambda: head(make_distribution=lambda self, x: kdl.distributions.Independent(
            BROKEN_DRAW(self.rates(x)), 1)),
        "draw_gradients", "the draw's gradient less",
    ),
    "half precision": (
        lambda: head(make_distribution=half_and_back), "precision", "float32. Received: float16",
    ),
    "another shape while a model is built": (
        lambda: head(compute_output_spec=flat_spec), "symbolic_call", "",
    ),
    "a tensor that is always a draw": (
        lambda: head(_to_tensor=lambda self, distribution: distribution.sample()),
        "tensor", "the mean as the tensor",
    ),
    "the same draw at each call": (
        lambda: head(call=same_draw), "layer_seed", "a new draw for each call",
    ),
    "a dropped regularizer on reload": (
        lambda: head(get_config=without("activity_regularizer")),
        "regularizer", "`activity_regularizer` in the config",
    ),
    "a KL that is summed over the batch": (
        lambda: head(call=summed_kl), "regularizer", "loss terms: 1. Received: 2",
    ),
    "a config without the event's size": (
        lambda: head(get_config=without("event_size")), "layer_config", "TypeError",
    ),
    "a config that forgets the seed": (
        lambda: head(get_config=without("seed")), "layer_config", "`seed` in the config",
    ),
    "a class that is not registered": (
        lambda: lambda: OneMore(2), "saving", "OneMore",
    ),
}  # fmt: skip

BROKEN_DRAW = broken(
    Exponential, _sample=lambda self, n, seed: self._standard(n, seed) / detour(self.rate)
)
