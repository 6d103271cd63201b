"""Faulty layers of uncertain weights, as functions that make them: what others got wrong.

For each the check that is to catch it, and what the check says.
"""

import functools

import keras
from breaking import broken
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.layers import Variational

DATASET_SIZE = 100


def layer(estimator="reparameterization", prior="standard_normal", **methods):
    cls = broken(Variational, **methods)
    dense = functools.partial(keras.layers.Dense, 2, use_bias=False)
    return lambda: cls(dense(), DATASET_SIZE, estimator, prior=prior, seed=0)


def with_kl(factor):
    """The KL times a factor of the layer and its inputs, in place of the tracker's."""

    def _call(self, inputs, training=None, deterministic=False):
        posterior = self.weight_distribution()
        prior = self.kl_tracker.regularizer.prior()
        kl = posterior.kl_divergence(prior) / DATASET_SIZE
        self.add_loss(kl * factor(self, inputs))
        weights = posterior.mean() if deterministic else posterior.sample()
        return self.call_with(weights, inputs)

    return _call


class Count:
    """How many layers were made: a mean over layers divides by it."""

    def __init__(self):
        self.layers = {}

    def __call__(self, layer, inputs):
        self.layers[layer.name] = layer
        return 1.0 / len(self.layers)


def squared_prior(self, input_shape=None):
    Variational.build(self, input_shape)
    self.kl_tracker.regularizer.distribution_b = lambda: kdl.distributions.Independent(
        kdl.distributions.Normal(ops.zeros(6), 4.0), 1
    )


def kernels(self):
    posterior = self.weight_distribution()
    return (ops.reshape(x, (3, 2)) for x in (posterior.mean(), posterior.stddev()))


def noise(self, shape):
    return keras.random.normal(shape, seed=self.seed_generator)


def flipout(signs):
    def _call(self, inputs, training=None, deterministic=False):
        mean, stddev = kernels(self)
        deviation = stddev * noise(self, (3, 2))
        rows = ops.shape(inputs)[0]
        flipped = (inputs * signs(self, (rows, 3))) @ deviation * signs(self, (rows, 2))
        return inputs @ mean + flipped

    return _call


def floats_for_signs(self, shape):
    return keras.random.uniform(shape, -1.0, 3.0, seed=self.seed_generator)


def signs_of_the_batch(self, shape):
    return ops.sign(noise(self, (1, shape[1])))


def local(self, inputs, training=None, deterministic=False):
    mean, stddev = kernels(self)
    variance = ops.square(inputs) @ ops.square(stddev)
    return inputs @ mean + ops.sqrt(variance) * noise(self, ops.shape(variance))


def variance_for_stddev(self):
    posterior = Variational.weight_distribution(self)
    normal = kdl.distributions.Normal(posterior.mean(), ops.sqrt(posterior.stddev()))
    return kdl.distributions.Independent(normal, 1)


def variance_in_draws(self, inputs, training=None, deterministic=False):
    mean, stddev = kernels(self)
    return inputs @ (mean + ops.square(stddev) * noise(self, (3, 2)))


def rounded(self):
    posterior = Variational.weight_distribution(self)
    mean = ops.cast(ops.cast(posterior.mean(), "float16"), "float32")
    return kdl.distributions.Independent(kdl.distributions.Normal(mean, posterior.stddev()), 1)


def squares_in_half(self, inputs, training=None, deterministic=False):
    mean, stddev = (ops.cast(x, self.layer.compute_dtype) for x in kernels(self))
    x = ops.cast(inputs, self.layer.compute_dtype)
    variance = ops.square(x) @ ops.square(stddev)
    return x @ mean + ops.sqrt(variance) * ops.cast(noise(self, ops.shape(x @ mean)), x.dtype)


def mean_of_its_own(self):
    posterior = Variational.weight_distribution(self)
    normal = kdl.distributions.Normal(posterior.mean() + 1.0, posterior.stddev())
    return kdl.distributions.Independent(normal, 1)


def without_prior(self):
    return {k: v for k, v in Variational.get_config(self).items() if k != "prior"}


FAULTY_VARIATIONAL = {
    "a KL that is a mean over the weights": (
        lambda: layer(_call=with_kl(lambda self, x: 1 / 6)), "weight_kl", "the KL of two layers",
    ),
    "a KL that is a mean over the layers": (
        lambda: layer(_call=with_kl(Count())), "weight_kl", "the KL of two layers",
    ),
    "a KL that is a mean over the batch": (
        lambda: layer(_call=with_kl(lambda self, x: 1 / x.shape[0])),
        "weight_kl", "the KL of two layers",
    ),
    "a KL that is not divided by the size of the data set": (
        lambda: layer(_call=with_kl(lambda self, x: DATASET_SIZE)), "weight_kl", "dataset_size",
    ),
    "a KL that counts once for each call": (
        lambda: layer(_call=with_kl(lambda self, x: 1.0)), "weight_kl", "the KL of two layers",
    ),
    "a prior's variance for its standard deviation": (
        lambda: layer(prior=kdl.distributions.Normal(0.0, 2.0), build=squared_prior),
        "weight_kl", "the KL of two layers",
    ),
    "signs of flipout that are not signs": (
        lambda: layer("flipout", _call=flipout(floats_for_signs)),
        "output_moments", "variance of the outputs",
    ),
    "signs of flipout that all rows share": (
        lambda: layer("flipout", _call=flipout(signs_of_the_batch)),
        "output_rows", "correlation of two equal rows",
    ),
    "one draw of the weights for all rows": (
        lambda: layer("local_reparameterization", _call=with_kl(lambda self, x: 1.0)),
        "output_rows", "correlation of two equal rows",
    ),
    "a variance for a standard deviation in the draws": (
        lambda: layer(_call=variance_in_draws), "output_moments", "variance of the outputs",
    ),
    "a square root at zero": (
        lambda: layer("local_reparameterization", _call=local), "zero_inputs", "finite weights",
    ),
    "means in half precision": (
        lambda: layer(weight_distribution=rounded), "half_precision", "the KL over dataset_size",
    ),
    "squares in half precision": (
        lambda: layer("local_reparameterization", _call=squares_in_half),
        "half_precision", "finite outputs",
    ),
    "a config without the prior": (
        lambda: layer(prior=kdl.distributions.Normal(0.0, 2.0), get_config=without_prior),
        "variational_saving", "the KL after the reload",
    ),
    "a mean that is not the layer's weights": (
        lambda: layer(weight_distribution=mean_of_its_own), "weight_means", "the posterior's mean",
    ),
}  # fmt: skip
