"""The variational autoencoder of TensorFlow's 2019 blog post, on Keras 3, on any backend.

A standard normal prior, an encoder whose output is a multivariate normal with a full
covariance and its KL divergence to the prior in the loss, a decoder whose output is a
Bernoulli distribution for each pixel, and the loss -rv_x.log_prob(x). Digits are binarized
anew each epoch (dynamic binarization). Run it with:

    python examples/mnist_vae.py
    KERAS_BACKEND=torch python examples/mnist_vae.py --data digits --epochs 50
"""

import argparse
import math
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from digit_images import IMAGE_SHAPE, Binarized, load_images
from epoch_times import EpochTimes
from keras import layers, ops
from rich.console import Console
from rich.table import Table

import keras_distlayers as kdl

LATENT_SIZE = 16
IMPORTANCE_SAMPLES = 50
TEST_BATCH = 100  # divides MNIST's 10,000 test images

console = Console()


def main():
    options = parse_options()
    keras.utils.set_random_seed(options.seed)
    train_images, test_images = load_images(options.data, console)
    network = options.network or ("conv" if on_gpu() else "dense")
    prior, encoder, decoder, vae = make_vae(network, options.beta)
    train = Binarized(train_images, options.batch_size, options.seed, shuffle=True)
    test = Binarized(test_images, TEST_BATCH, options.seed + 1)
    epochs = options.epochs or default_epochs(len(train_images))
    history, seconds = fit(vae, train, test, epochs)

    options.out.mkdir(parents=True, exist_ok=True)
    figures = evaluate(vae, with_evidence(prior, encoder, decoder), test)
    draw_pictures(prior, encoder, decoder, test, history, options.out)
    print_table(figures, seconds, network, len(test) * TEST_BATCH)
    save_and_check(vae, test, options.out / "vae.keras")


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="mnist", help="mnist, digits, or an .npz file as Keras's mnist.npz")
    add("--network", choices=("conv", "dense"), help="conv on a GPU, dense on a CPU by default")
    add("--epochs", type=int, help="passes over the data; by default enough for 100 nats or so")
    add("--batch-size", type=int, default=128, help="images per step")
    add("--beta", type=float, default=1.0, help="the weight of the KL divergence")
    add("--seed", type=int, default=0, help="of weights, draws and binarization")
    add("--out", type=pathlib.Path, default=pathlib.Path("vae-results"), help="folder of results")
    return parser.parse_args()


# ------------------------------------------------------------------------------- model


def make_vae(network, beta):
    """The prior, the encoder, the decoder, and the model that joins them."""
    prior = kdl.distributions.Independent(
        kdl.distributions.Normal(ops.zeros(LATENT_SIZE), 1.0), reinterpreted_batch_ndims=1
    )
    encoder_body, decoder_body = {"conv": conv_bodies, "dense": dense_bodies}[network]()
    encoder = keras.Sequential(
        [
            keras.Input(IMAGE_SHAPE),
            layers.Rescaling(1.0, offset=-0.5),
            *encoder_body,
            layers.Flatten(),
            layers.Dense(kdl.layers.MultivariateNormalTriL.params_size(LATENT_SIZE)),
            kdl.layers.MultivariateNormalTriL(
                LATENT_SIZE,
                activity_regularizer=kdl.regularizers.KLDivergenceRegularizer(prior, weight=beta),
            ),
        ],
        name="encoder",
    )
    decoder = keras.Sequential(
        [
            keras.Input((LATENT_SIZE,)),
            *decoder_body,
            layers.Flatten(),
            kdl.layers.IndependentBernoulli(IMAGE_SHAPE),
        ],
        name="decoder",
    )
    vae = keras.Model(encoder.inputs[0], decoder(encoder.outputs[0]), name="vae")
    return prior, encoder, decoder, vae


def conv_bodies():
    """The blog post's convolutions."""

    def conv(filters, kernel, strides, padding="same"):
        return layers.Conv2D(filters, kernel, strides, padding, activation="leaky_relu")

    def transposed(filters, kernel, strides, padding="same"):
        return layers.Conv2DTranspose(filters, kernel, strides, padding, activation="leaky_relu")

    encoder = [
        conv(32, 5, 1), conv(32, 5, 2), conv(64, 5, 1), conv(64, 5, 2), conv(64, 7, 1, "valid"),
    ]  # fmt: skip
    decoder = [
        layers.Reshape((1, 1, LATENT_SIZE)), transposed(64, 7, 1, "valid"), transposed(64, 5, 1),
        transposed(64, 5, 2), transposed(32, 5, 1), transposed(32, 5, 2), transposed(32, 5, 1),
        layers.Conv2D(1, 5, padding="same"),
    ]  # fmt: skip
    return encoder, decoder


def dense_bodies():
    """Two hidden layers each way, which two CPU cores train in minutes."""

    def dense(units):
        return layers.Dense(units, activation="leaky_relu")

    encoder = [layers.Flatten(), dense(512), dense(256)]
    decoder = [dense(256), dense(512), layers.Dense(math.prod(IMAGE_SHAPE))]
    return encoder, decoder


# ------------------------------------------------------------------------------- training


def default_epochs(images):
    """About 12,000 steps of 128 images, and at most 100 epochs."""
    return min(100, math.ceil(1_500_000 / images))


def fit(vae, train, test, epochs, verbose="auto"):
    """Trains; returns Keras's history and the median seconds of an epoch."""
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * len(train), warmup_target=2e-3, warmup_steps=100
    )
    vae.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=kdl.losses.NegativeLogLikelihood(),
        metrics=[kdl.metrics.NegativeLogLikelihood(name="nll")],
    )
    clock = EpochTimes()
    history = vae.fit(
        train,
        epochs=epochs,
        validation_data=test,
        callbacks=[kdl.callbacks.KLMonitor(), clock],
        verbose=verbose,
    )
    return history.history, float(np.median(clock.seconds))


# ------------------------------------------------------------------------------- results


def evaluate(vae, model, test):
    """Mean NLL, KL, -ELBO and importance-weighted -log p of the test images, in nats."""
    monitor = kdl.callbacks.KLMonitor()
    nll = vae.evaluate(test, callbacks=[monitor], verbose=0, return_dict=True)["nll"]
    kl = monitor.results["kl_divergence"]
    minus_log_p = model.evaluate(test, verbose=0, return_dict=True)["nll"]
    return {"nll": nll, "kl": kl, "-elbo": nll + kl, "-log p": minus_log_p}


def with_evidence(prior, encoder, decoder):
    """The same model, with an estimate of log p(x) as its log_prob."""
    bound = kdl.layers.VariationalBound(decoder, prior, test_num_samples=IMPORTANCE_SAMPLES)
    model = keras.Model(encoder.inputs[0], bound(encoder.outputs[0]))
    model.compile(metrics=[kdl.metrics.NegativeLogLikelihood(name="nll")])
    return model


def print_table(figures, seconds, network, test_size):
    table = Table(title=f"{test_size} test images, dynamic binarization, nats per image")
    for column in ("NLL", "KL", "-ELBO", f"-log p ({IMPORTANCE_SAMPLES} samples)"):
        table.add_column(column, justify="right")
    for column in ("seconds per epoch", "network", "backend", "device"):
        table.add_column(column)
    values = [f"{figures[name]:.2f}" for name in ("nll", "kl", "-elbo", "-log p")]
    table.add_row(*values, f"{seconds:.2f}", network, keras.config.backend(), device())
    console.print(table)


def draw_pictures(prior, encoder, decoder, test, history, out):
    """Reconstructions, prior samples, what the latents do, and the training, as PNG files."""
    x, _ = test[0]
    from_prior = decoder(prior.sample(40, seed=0))
    pictures = {
        "reconstructions": kdl.plots.reconstructions(x, decoder(encoder(x).mean()), cmap="gray_r"),
        "prior_samples": kdl.plots.images(from_prior, cmap="gray_r"),
        "latents": kdl.plots.latent_traversal(decoder, LATENT_SIZE, cmap="gray_r"),
        "training": kdl.plots.history(history, ["nll", "kl_divergence"])[0],
    }
    for name, ax in pictures.items():
        path = out / f"{name}.png"
        ax.figure.savefig(path, dpi=120)
        console.print(f"Wrote {path}")


def save_and_check(vae, test, path):
    """Saves the model, loads it back, and compares the KL divergence of the two."""
    vae.save(path)
    reloaded = keras.models.load_model(path)
    x = test[0][0]
    before, after = (model.layers[-1].get_weights() for model in (vae, reloaded))
    same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    console.print(f"Wrote {path}")
    console.print(f"Loaded it back, weights equal: {same}; it returns {reloaded(x)!r}")
    if not same:
        raise SystemExit("The reloaded model differs from the one that was saved.")


def devices():
    if keras.config.backend() == "torch":  # Keras lists JAX's and TensorFlow's devices alone
        import torch

        return ["cuda:0" if torch.cuda.is_available() else "cpu"]
    return keras.distribution.list_devices()


def on_gpu():
    return any("gpu" in name or "cuda" in name for name in devices())


def device():
    return ", ".join(devices())


if __name__ == "__main__":
    main()
