"""The train step of a head with another library's distribution beside the bare library call.

By hand: the same Keras model without the head, whose loss calls the library's log_prob on the
raw parameters itself; and once more with a draw as an output beside them, which a head gives too.
KERAS_BACKEND decides on the libraries. Run it with:

    KERAS_BACKEND=jax python tests/benchmarks/wrapped.py
"""

import argparse
import itertools

import alternating
import keras
import numpy as np
from keras import ops
from rich.console import Console

import keras_distlayers as kdl

EVENT = 32
console = Console(width=120)


def main():
    options = parse_options()
    rng = np.random.default_rng(0)
    shape = (options.batch_size, EVENT)
    batches = [tuple(rng.normal(size=(2, *shape)).astype("float32")) for _ in range(10)]
    rows = [row for library in libraries() for row in compare(*library, batches, options.units)]
    title = f"{keras.config.backend()}, {options.batch_size} rows, {options.units} units"
    console.print(alternating.table(title, rows, options.steps, options.warm_up))


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--steps", type=int, default=300, help="timed steps of each model, at least")
    add("--warm-up", type=int, default=10, help="steps of each model before the timed ones")
    add("--batch-size", type=int, default=128, help="rows a step")
    add("--units", type=int, default=512, help="of each of two hidden layers")
    return parser.parse_args()


def libraries():
    """Each library of the backend: independent normals of it, from raw parameters, and a draw."""
    if keras.config.backend() == "torch":
        from torch import distributions as td

        yield (
            "torch.distributions",
            lambda raw: td.Independent(normal(td, raw), 1),
            lambda distribution, seed: distribution.rsample(),
        )
    elif keras.config.backend() == "tensorflow":
        import tensorflow_probability as tfp

        tfd = tfp.distributions
        yield (
            "TFP",
            lambda raw: tfd.Independent(normal(tfd, raw), 1),
            lambda distribution, seed: distribution.sample(),
        )
    else:
        from numpyro import distributions as nd

        from keras_distlayers.interop import tfp

        tfd = tfp.distributions
        yield (
            "TFP",
            lambda raw: tfd.Independent(normal(tfd, raw), 1),
            lambda distribution, seed: distribution.sample(seed=seed.next()),
        )
        yield (
            "NumPyro",
            lambda raw: normal(nd, raw).to_event(1),
            lambda distribution, seed: distribution.sample(seed.next()),
        )


def normal(distributions, raw):
    return distributions.Normal(raw[..., :EVENT], ops.softplus(raw[..., EVENT:]) + 1e-3)


def compare(name, distribution, draw, batches, units):
    def loss(y, raw):
        return -distribution(raw).log_prob(y)

    bare = model(units)
    bare.compile(keras.optimizers.Adam(1e-3), loss)
    yield alternating.Comparison(
        name, steps_of(wrapped(distribution, units), batches), steps_of(bare, batches)
    )

    bare = model(units)
    (raw,) = bare.outputs
    drawing = keras.Model(bare.inputs[0], [raw, Draw(distribution, draw)(raw)])
    drawing.compile(keras.optimizers.Adam(1e-3), [loss, None])
    ours = steps_of(wrapped(distribution, units), batches)
    by_hand = steps_of(drawing, [(x, [y, y]) for x, y in batches])
    yield alternating.Comparison(f"{name}, with a draw", ours, by_hand)


def wrapped(distribution, units):
    """The network under a head of ours, ready to train."""
    network = model(units, kdl.layers.DistributionLambda(distribution))
    network.compile(keras.optimizers.Adam(1e-3), kdl.losses.NegativeLogLikelihood())
    return network


class Draw(keras.layers.Layer):
    """A draw of the library's distribution, by the library's own function."""

    def __init__(self, distribution, draw):
        super().__init__()
        self.distribution, self.draw = distribution, draw
        self.seed = keras.random.SeedGenerator(0)

    def call(self, raw):
        return self.draw(self.distribution(raw), self.seed)

    def compute_output_shape(self, shape):
        return (shape[0], EVENT)


def model(units, *head):
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(units, "relu") for _ in range(2)]
    dense = keras.layers.Dense(2 * EVENT)
    return keras.Sequential([keras.Input((EVENT,)), *hidden, dense, *head])


def steps_of(network, batches):
    turns = itertools.cycle(batches)
    return lambda: network.train_on_batch(*next(turns))


if __name__ == "__main__":
    main()
