"""Which digits a network is not sure of: LeNet5 with uncertain weights, beside the plain one.

Both networks have the same layers and are trained for as long. In the one with uncertain weights
each kernel is a mean-field normal distribution (`kdl.layers.Variational`), learned by the negative
ELBO, and its prediction is a mixture of 50 passes, each with weights of its own. So there the
entropy of a prediction has two parts: the mean entropy of a pass (aleatoric: the image is hard to
read) and the mutual information of label and weights (epistemic: the training data leave open what
to say). Both are shown for the test images, upright and turned by a quarter. Run it with:

    python examples/bayesian_mnist.py
    KERAS_BACKEND=torch python examples/bayesian_mnist.py --data digits --epochs 40
    python examples/bayesian_mnist.py --estimator flipout reparameterization --kl-weight 0.1
"""

import argparse
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import matplotlib.pyplot as plt
import numpy as np
from digit_images import IMAGE_SHAPE, hold_out, load_labelled
from epoch_times import EpochTimes
from keras import layers, ops
from rich.console import Console
from rich.table import Table

import keras_distlayers as kdl

NUM_CLASSES = 10
NUM_BINS = 15  # of the calibration error
PREDICT_BATCH = 1000  # images
SHOWN = 40  # images of each kind in the picture
ESTIMATORS = ("flipout", "local_reparameterization", "reparameterization")

console = Console(width=120)  # the table is wider than 80 columns


def main():
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    train, test = load_labelled(options.data, console)
    if options.validation:
        train, test = hold_out(train, options.validation)
    images = {"upright": test[0], "turned": np.rot90(test[0], axes=(1, 2))}
    table = make_table(options, len(test[0]))
    for name in ("deterministic", *options.estimator):
        keras.utils.set_random_seed(options.seed)
        model, num_samples, monitors = make_lenet(), None, []
        if name != "deterministic":
            model, num_samples = (
                make_uncertain(model, len(train[0]), name, options),
                options.passes,
            )
            monitors = [kdl.callbacks.KLMonitor()]
        seconds = fit(model, *train, options, monitors)
        predicted = {kind: predict(model, x, num_samples) for kind, x in images.items()}
        for kind, distribution in predicted.items():
            table.add_row(name, kind, *figures(distribution, test[1]), f"{seconds:.1f}")
        table.add_section()
        if num_samples:
            save_picture(images, predicted, options.out / f"bayesian_mnist_{name}.png")
    console.print(table)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="mnist", help="mnist, digits, or an .npz file as Keras's mnist.npz")
    add("--estimator", nargs="+", choices=ESTIMATORS, default=["flipout"], help="one or several")
    add("--epochs", type=int, default=10, help="passes over the training data")
    add("--batch-size", type=int, default=128, help="images per step")
    add("--learning-rate", type=float, default=3e-3, help="of Adam, before its cosine decay")
    add("--initial-stddev", type=float, default=0.01, help="of each weight before training")
    add("--prior-scale", type=float, default=1.0, help="the prior's standard deviation")
    add("--kl-weight", type=float, default=1.0, help="below 1: a cold posterior, not Bayes's")
    add("--num-samples", dest="passes", type=int, default=50, help="passes of a prediction")
    add("--validation", type=int, default=0, help="test on the last training images instead")
    add("--seed", type=int, default=0, help="of weights, draws and the order of the images")
    add("--out", type=pathlib.Path, default=pathlib.Path("bayesian-results"), help="a folder")
    return parser.parse_args()


# ------------------------------------------------------------------------------- models


def make_lenet():
    """LeNet5 with ReLU and maxima, and a distribution over the labels at its end."""
    return keras.Sequential(
        [
            keras.Input(IMAGE_SHAPE),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, "relu"),
            layers.Dense(84, "relu"),
            layers.Dense(NUM_CLASSES),
            kdl.layers.Categorical(NUM_CLASSES),
        ]
    )


def make_uncertain(lenet, dataset_size, estimator, options):
    """The network with a distribution over each kernel, around the weights that it has."""
    return kdl.variational.from_deterministic(
        lenet,
        dataset_size,
        estimator=estimator,
        posterior=kdl.layers.MeanFieldNormalPosterior(options.initial_stddev),
        prior=kdl.distributions.Normal(0.0, options.prior_scale),
        weight=options.kl_weight,
    )


def fit(model, x, y, options, monitors):
    """Trains a network; returns the median seconds of an epoch."""
    steps = options.epochs * -(-len(x) // options.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        kdl.losses.NegativeLogLikelihood(),
        metrics=[kdl.metrics.NegativeLogLikelihood(name="nll"), kdl.metrics.ModeAccuracy()],
    )
    clock = EpochTimes()
    model.fit(
        x,
        y,
        batch_size=options.batch_size,
        epochs=options.epochs,
        callbacks=[*monitors, clock],
        verbose=2,
    )
    return np.median(clock.seconds)


def predict(model, x, num_samples):
    """A distribution over the labels of each image; of several passes, their mixture."""
    return kdl.predict_distribution(
        model, x, batch_size=PREDICT_BATCH, num_samples=num_samples, verbose=0
    )


# ------------------------------------------------------------------------------- results


def make_table(options, test_size):
    title = (
        f"{test_size} test images, {options.epochs} epochs, KL weight {options.kl_weight:g}, "
        f"{keras.config.backend()}; nats per image"
    )
    table = Table(title=title)
    table.add_column("weights")
    table.add_column("images")
    for column in (
        "NLL", "accuracy", "ECE", "entropy", "aleatoric", "epistemic", "seconds per epoch",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    return table


def figures(distribution, y):
    """How good the predictions are, and how uncertain: the entropy and its two parts."""
    scores = [
        kdl.scores.log_score(distribution, y),
        ops.cast(ops.equal(distribution.mode(), y), "float32"),
        kdl.scores.expected_calibration_error(distribution, y, NUM_BINS),
        *uncertainties(distribution),
    ]
    return [f"{float(ops.mean(score)):.4f}" for score in scores]


def uncertainties(distribution):
    """The entropy, the mean entropy of a pass, and the mutual information of label and weights."""
    if isinstance(distribution, kdl.distributions.Categorical):  # one pass: the same for all
        entropy = distribution.entropy()
        return [entropy, entropy, ops.zeros_like(entropy)]
    of = kdl.uncertainty
    return [
        f(distribution) for f in (of.total_entropy, of.expected_entropy, of.mutual_information)
    ]


def save_picture(images, predicted, path):
    """The mutual information of both kinds of images, and the upright ones that stand out."""
    _, aleatoric, epistemic = (
        ops.convert_to_numpy(part) for part in uncertainties(predicted["upright"])
    )
    of_turned = ops.convert_to_numpy(uncertainties(predicted["turned"])[2])
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    bins = np.linspace(0.0, max(epistemic.max(), of_turned.max()), 40)
    axes[0].hist(epistemic, bins, log=True, histtype="step", label="upright")
    axes[0].hist(of_turned, bins, log=True, histtype="step", label="turned by a quarter")
    axes[0].set(xlabel="mutual information, nats", ylabel="test images")
    axes[0].legend()
    titles = "most aleatoric: hard to read", "most epistemic: the passes disagree"
    for axis, title, part in zip(axes[1:], titles, (aleatoric, epistemic), strict=True):
        most = np.argsort(part)[::-1][:SHOWN]
        kdl.plots.images(images["upright"][most], cmap="gray_r", ax=axis)
        axis.set_title(title)
    figure.savefig(path, dpi=80)
    plt.close(figure)
    console.print(f"Wrote {path}")


if __name__ == "__main__":
    main()
