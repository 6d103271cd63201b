"""Regression whose output is a distribution: networks with different last layers and weights.

These are cases of TensorFlow Probability's "Regression with Probabilistic Layers", and more of
their kind, on Keras 3 and on any backend. Each has a baseline for comparison:

    fixed      a normal distribution with a fixed scale
    aleatoric  a normal distribution whose scale depends on the input
    outliers   a Student t distribution, for data with a tenth of wrong targets
    mixture    a mixture density network, for inputs with several answers
    counts     a negative binomial distribution of counts, compared to a Poisson distribution
    weights    a distribution over the weights too, for few data: with a fixed and a learned scale

Every network is trained with the same loss, the negative log likelihood; uncertain weights add
their KL term. The data are two synthetic curves and two data sets of scikit-learn: diabetes, and
handwritten digits. A pixel of these digits is the number of set points in a block of 4 x 4.
Run it with:

    python examples/regression.py
    KERAS_BACKEND=torch python examples/regression.py --cases mixture --epochs 200
"""

import argparse
import dataclasses
import os
import pathlib
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from rich.console import Console
from rich.table import Table

import keras_distlayers as kdl

BATCH_SIZE = 64
UNCERTAIN = "uncertain weights, "
NUM_DRAWS = 50  # of uncertain weights, to predict

console = Console()


def main():
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    fits = {}
    for case in options.cases:
        for pair in CASES[case]:
            if pair not in fits:
                fits[pair] = fit(*pair, options.epochs, options.seed)
        draw_case(case, fits, options.out / f"regression_{case}.png")
    print_table(fits)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--cases", nargs="+", choices=list(CASES), default=list(CASES), help="which to run")
    add("--epochs", type=int, default=60, help="passes over the data")
    add("--seed", type=int, default=0, help="for data, weights and draws")
    add("--out", type=pathlib.Path, default=pathlib.Path("regression-results"), help="a folder")
    return parser.parse_args()


# ------------------------------------------------------------------------------- data


@dataclasses.dataclass
class Data:
    """Inputs and targets of shape (n, 1), and names for the axes. The last quarter is held out."""

    x: np.ndarray
    y: np.ndarray
    x_name: str = "x"
    y_name: str = "y"

    def __post_init__(self):
        self.x, self.y = (a.reshape(-1, 1).astype("float32") for a in (self.x, self.y))
        split = len(self.x) * 3 // 4
        self.train = self.x[:split], self.y[:split]
        self.test = self.x[split:], self.y[split:]


def make_curve(rng):
    """A wave on a line with noise that grows with x. Targets are standardized."""
    x = rng.uniform(-20.0, 60.0, 1500)
    noise = 3.0 * (0.25 + ((x + 20.0) / 80.0) ** 2)
    y = 0.125 * x * (1.0 + np.sin(x)) + 5.0 + noise * rng.standard_normal(len(x))
    return Data(x, standardized(y), y_name="y, standardized")


def make_few(rng):
    """200 points of the curve, 150 of them to train on, all from the middle of its line."""
    data = make_curve(rng)
    in_the_middle = (data.x > 0.0) & (data.x < 40.0)
    return dataclasses.replace(data, x=data.x[in_the_middle][:200], y=data.y[in_the_middle][:200])


def make_diabetes(rng):
    """442 patients: disease progression after a year, predicted from the body mass index."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True, scaled=False)
    order = rng.permutation(len(y))
    index = list(load_diabetes().feature_names).index("bmi")
    names = "body mass index", "progression, standardized"
    return Data(x[order, index], standardized(y[order]), *names)


def make_outliers(rng):
    """Diabetes. A tenth of all targets is wrong by 4 to 8 standard deviations."""
    data = make_diabetes(rng)
    is_wrong = rng.random(data.y.shape) < 0.1
    error = rng.uniform(4.0, 8.0, data.y.shape) * rng.choice([-1.0, 1.0], data.y.shape)
    return dataclasses.replace(data, y=data.y + is_wrong * error)


def make_inverse(rng):
    """A curve that goes back and forth: one x has up to three values of y."""
    y = rng.uniform(-2.0, 2.0, 1500)
    return Data(0.6 * y - 1.5 * np.sin(1.5 * y) + 0.1 * rng.standard_normal(len(y)), y)


def make_ink(rng):
    """1,797 digits: the number of set points in the lower half, from that in the upper half."""
    from sklearn.datasets import load_digits

    images = rng.permutation(load_digits().images)
    names = "points in the upper half", "points in the lower half"
    return Data(images[:, :4].sum((1, 2)), images[:, 4:].sum((1, 2)), *names)


def standardized(y):
    return (y - y.mean()) / y.std()


DATA = {
    "curve": make_curve,
    "few points": make_few,
    "diabetes": make_diabetes,
    "diabetes with outliers": make_outliers,
    "inverse": make_inverse,
    "ink": make_ink,
}


# ------------------------------------------------------------------------------- models


@keras.saving.register_keras_serializable("regression")
def unit_normal(loc):
    """Has the same likelihood as the mean squared error, up to a constant."""
    return kdl.distributions.Independent(kdl.distributions.Normal(loc, 1.0), 1)


def dense_and(head):
    """A dense layer with one unit per parameter of the head, then the head."""
    return [layers.Dense(head.num_params), head]


HEADS = {
    "normal, scale 1": lambda: [layers.Dense(1), kdl.layers.DistributionLambda(unit_normal)],
    "normal": lambda: dense_and(kdl.layers.IndependentNormal(1)),
    "Student t": lambda: dense_and(kdl.layers.IndependentStudentT(1)),
    "mixture of 5 normals": lambda: dense_and(kdl.layers.MixtureNormal(5, event_shape=1)),
    "Poisson": lambda: dense_and(kdl.layers.IndependentPoisson(1)),
    "negative binomial": lambda: dense_and(kdl.layers.IndependentNegativeBinomial(1)),
}

CASES = {
    "fixed": [("curve", "normal, scale 1"), ("diabetes", "normal, scale 1")],
    "aleatoric": [("curve", "normal"), ("diabetes", "normal")],
    "outliers": [("diabetes with outliers", "normal"), ("diabetes with outliers", "Student t")],
    "mixture": [("inverse", "normal"), ("inverse", "mixture of 5 normals")],
    "counts": [("ink", "Poisson"), ("ink", "negative binomial")],
    "weights": [
        ("few points", UNCERTAIN + "normal, scale 1"),
        ("few points", UNCERTAIN + "normal"),
    ],
}


def make_model(name, x):
    """Standardized inputs, two hidden layers and the head, with uncertain weights or without."""
    model = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Normalization(mean=x.mean(), variance=x.var()),
            layers.Dense(64, "silu"),
            layers.Dense(64, "silu"),
            *HEADS[name.removeprefix(UNCERTAIN)](),
        ]
    )
    if name.startswith(UNCERTAIN):
        # With N(0, 1) for all weights, the 64 inputs of a unit would add up to too much.
        prior = kdl.distributions.Normal(0.0, 0.3)
        model = kdl.variational.from_deterministic(model, len(x), prior=prior, weights="all")
    return model


@dataclasses.dataclass
class Fit:
    """A trained model with its data, its NLL on the held-out data and its training time."""

    data: Data
    model: keras.Model
    num_samples: int | None
    seconds: float

    def __post_init__(self):
        x, y = self.data.test
        self.nll = -float(keras.ops.mean(self.predict(x).log_prob(y)))

    def predict(self, x):
        """One distribution for each x. Draws of uncertain weights are mixed.

        All x are one batch, because each batch draws its own weights: a curve would have jumps.
        """
        options = {"batch_size": len(x), "num_samples": self.num_samples, "verbose": 0}
        return kdl.predict_distribution(self.model, x, **options)


def fit(data_name, name, epochs, seed):
    """Trains a network on the data and evaluates it on the held-out quarter."""
    keras.utils.set_random_seed(seed)
    data = DATA[data_name](np.random.default_rng(seed))
    model = make_model(name, data.train[0])
    num_samples = None
    if name.startswith(UNCERTAIN):
        num_samples, epochs = NUM_DRAWS, 8 * epochs  # of few points, for as many steps
    steps = epochs * -(-len(data.train[0]) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(1e-2, steps)
    model.compile(keras.optimizers.Adam(rate), kdl.losses.NegativeLogLikelihood())
    begun = time.perf_counter()
    model.fit(*data.train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return Fit(data, model, num_samples, time.perf_counter() - begun)


# ------------------------------------------------------------------------------- results


def draw_case(case, fits, path):
    """Draws the two fits of a case side by side, with the held-out examples, as a PNG file."""
    share = len({data_name for data_name, _ in CASES[case]}) == 1
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=share)
    draw_panel = draw_density if case == "mixture" else draw_intervals
    for axis, pair in zip(axes, CASES[case], strict=True):
        draw_panel(axis, fits[pair])
        axis.set_title(f"{pair[0]}, {pair[1]}: {fits[pair].nll:.2f} nats", fontsize=10)
        axis.get_legend().remove()
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), fontsize=9)
    figure.savefig(path, dpi=80)
    plt.close(figure)
    console.print(f"Wrote {path}")


def draw_intervals(axis, fitted):
    """Draws the intervals, the median and the held-out examples."""
    x, (x_test, y_test) = grid(fitted.data.x, 120), fitted.data.test
    if fitted.num_samples:
        x = 2.0 * x - x.mean()  # as far again beyond the data
    kdl.plots.intervals(x, fitted.predict(x[:, None]), y_test, x_test, ax=axis)
    axis.set(xlabel=fitted.data.x_name, ylabel=fitted.data.y_name)


def draw_density(axis, fitted):
    """Draws the density as an image, and the held-out examples."""
    x, (x_test, y_test) = grid(fitted.data.x, 200), fitted.data.test
    y_range = 1.2 * fitted.data.y.min(), 1.2 * fitted.data.y.max()
    predicted = fitted.predict(x[:, None])
    kdl.plots.density(x, predicted, y_test, x_test, y_range, max_density=2.25, ax=axis)
    axis.set(xlabel=fitted.data.x_name, ylabel=fitted.data.y_name)


def grid(values, size):
    """Evenly spaced numbers from the smallest to the largest of the values."""
    return np.linspace(values.min(), values.max(), size, dtype="float32")


def print_table(fits):
    """Prints one row per fit, sorted by data."""
    title = f"Held-out negative log likelihood, nats per example, {keras.config.backend()}"
    table = Table(title=title)
    for column in ("data", "head"):
        table.add_column(column)
    for column in ("held out", "NLL", "seconds"):
        table.add_column(column, justify="right")
    for (data_name, name), fitted in sorted(fits.items(), key=lambda item: item[0][0]):
        size, nll, seconds = len(fitted.data.test[0]), fitted.nll, fitted.seconds
        table.add_row(data_name, name, str(size), f"{nll:.2f}", f"{seconds:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
