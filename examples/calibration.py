"""From a fitted model to answers that hold: recalibration of a classifier and of a regression.

Two networks are trained, each with a fault that is common. The classifier of noisy digits is
trained for too long, so it is too sure. The regression has a normal head, but its noise is skewed.
Both are then recalibrated on data that they have not seen, and compared on data that neither has:

    as trained    the model's own distribution
    temperature   its logits divided, its scales multiplied by one number
    PIT           a distribution whose cdf is corrected (regression alone)
    conformal     intervals, or sets of labels, that hold 90 % of the targets

Run it with:

    python examples/calibration.py
    KERAS_BACKEND=torch python examples/calibration.py --cases digits
"""

import argparse
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops
from rich.console import Console
from rich.table import Table

import keras_distlayers as kdl

COVERAGE = 0.9
NUM_BINS = 10
console = Console()


def main():
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    for case in options.cases:
        keras.utils.set_random_seed(options.seed)
        figure, table = CASES[case](options)
        path = options.out / f"calibration_{case}.png"
        figure.savefig(path, dpi=80)
        plt.close(figure)
        console.print(table)
        console.print(f"Wrote {path}")


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--cases", nargs="+", choices=list(CASES), default=list(CASES), help="which to run")
    add("--epochs", type=int, default=100, help="passes over the training data")
    add("--seed", type=int, default=0, help="for data, weights and draws")
    add("--out", type=pathlib.Path, default=pathlib.Path("calibration-results"), help="a folder")
    return parser.parse_args()


def train(model, x, y, epochs):
    model.compile(keras.optimizers.Adam(1e-2), kdl.losses.NegativeLogLikelihood())
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model


def mean(values):
    return f"{float(ops.mean(values)):.3f}"


# ------------------------------------------------------------------------------- digits


def digits(options):
    """Reliability diagrams before and after, and the figures of both."""
    data = load_digits(np.random.default_rng(options.seed))
    train_part, calibration, test = split(*data, sizes=(600, 500), seed=options.seed)
    model = train(make_classifier(), *train_part, options.epochs)
    tempered = kdl.recalibration.TemperatureScaling().fit(model, *calibration, verbose=0)

    table = Table(title=f"digits: {len(test[0])} test images, {keras.config.backend()}")
    table.add_column("method")
    for column in ("NLL", "Brier", "ECE", "accuracy", "sets hold", "labels"):
        table.add_column(column, justify="right")
    names = {"as trained": model, f"temperature {tempered.temperature:.2f}": tempered}
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
    for axis, (name, fitted) in zip(axes, names.items(), strict=True):
        distribution = kdl.predict_distribution(fitted, test[0], verbose=0)
        table.add_row(name, *label_figures(distribution, test[1]), "", "")
        kdl.plots.reliability(distribution, test[1], num_bins=NUM_BINS, ax=axis)
        axis.set_title(name)
    for score in ("lac", "aps"):
        conformal = kdl.recalibration.SplitConformal(COVERAGE, score, seed=options.seed)
        conformal = conformal.fit(model, *calibration, verbose=0)
        held = conformal.covers(*test, verbose=0)
        sizes = conformal.predict(test[0], verbose=0).sum(axis=-1)
        table.add_row(f"conformal, {score}", *[""] * 4, mean(held), f"{sizes.mean():.2f}")
    return figure, table


def load_digits(rng):
    """Images of 8 x 8 pixels from 0 to 1, with noise that makes them hard to read."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16.0 + 0.4 * rng.normal(size=x.shape)).astype("float32"), y


def make_classifier():
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(64, "relu"),
            layers.Dense(10),
            kdl.layers.Categorical(10),
        ]
    )


def label_figures(distribution, y):
    is_hit = ops.equal(ops.cast(distribution.mode(), "int32"), ops.cast(y, "int32"))
    return (
        mean(kdl.scores.log_score(distribution, y)),
        mean(kdl.scores.brier(distribution, y)),
        mean(kdl.scores.expected_calibration_error(distribution, y, NUM_BINS)),
        mean(ops.cast(is_hit, "float32")),
    )


# ------------------------------------------------------------------------------- regression


def regression(options):
    """Intervals and the PIT before and after, and the figures of all methods."""
    data = make_skewed(np.random.default_rng(options.seed), 3000)
    train_part, calibration, test = split(*data, sizes=(1000, 1000), seed=options.seed)
    model = train(make_regression(train_part[1]), *train_part, options.epochs)
    tempered = kdl.recalibration.TemperatureScaling().fit(model, *calibration, verbose=0)
    by_pit = kdl.recalibration.PITRecalibration().fit(model, *calibration, verbose=0)
    conformal = kdl.recalibration.SplitConformal(COVERAGE).fit(model, *calibration, verbose=0)

    table = Table(title=f"regression: {len(test[0])} test rows, {keras.config.backend()}")
    table.add_column("method")
    for column in ("NLL", "CRPS", "90% intervals hold", "their width"):
        table.add_column(column, justify="right")
    names = {
        "as trained": model,
        f"temperature {tempered.temperature:.2f}": tempered,
        "PIT": by_pit,
    }
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    for column, (name, fitted) in zip(axes.T, names.items(), strict=True):
        distribution = kdl.predict_distribution(fitted, test[0], verbose=0)
        table.add_row(name, *number_figures(distribution, test[1]))
        order = np.argsort(test[0][:, 0])
        in_order = kdl.predict_distribution(fitted, test[0][order], verbose=0)
        kdl.plots.intervals(test[0][order], in_order, test[1][order], ax=column[0])
        kdl.plots.pit_ecdf_difference(distribution, test[1], ax=column[1])
        column[0].set_title(name)
    for row in axes:
        share_limits(row)
    lower, upper = conformal.predict(test[0], verbose=0)
    held = conformal.covers(*test, verbose=0)
    table.add_row("conformal, quantile", "", "", mean(held), mean(upper - lower))
    return figure, table


def share_limits(axes):
    """Gives all the widest range of y."""
    low, high = zip(*[axis.get_ylim() for axis in axes], strict=True)
    for axis in axes:
        axis.set_ylim(min(low), max(high))


def make_skewed(rng, rows):
    """A wave whose noise is exponential, and grows with x."""
    x = rng.uniform(-1.0, 1.0, size=(rows, 1))
    y = np.sin(3.0 * x) + (0.2 + 0.2 * np.abs(x)) * rng.exponential(size=x.shape)
    return x.astype("float32"), y.astype("float32")


def make_regression(y):
    head = kdl.layers.Standardized(kdl.layers.IndependentNormal(1))
    head.adapt(y)
    hidden = [layers.Dense(32, "tanh"), layers.Dense(32, "tanh")]
    return keras.Sequential([keras.Input((1,)), *hidden, layers.Dense(head.num_params), head])


def number_figures(distribution, y):
    return (
        mean(kdl.scores.log_score(distribution, y)),
        mean(kdl.scores.crps(distribution, y)),
        mean(kdl.scores.coverage(distribution, y, COVERAGE)),
        mean(kdl.scores.width(distribution, y, COVERAGE)),
    )


def split(x, y, sizes, seed):
    """Rows for training, for calibration and for the test."""
    order = np.random.default_rng(seed).permutation(len(x))
    parts = np.split(order, np.cumsum(sizes))
    return [(x[rows], y[rows]) for rows in parts]


CASES = {"digits": digits, "regression": regression}

if __name__ == "__main__":
    main()
