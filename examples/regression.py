"""Regression whose output is a distribution: five networks that differ in their last layer.

The cases of TensorFlow Probability's "Regression with Probabilistic Layers" that need only a
head, on Keras 3, on any backend, each beside a baseline:

    fixed      a normal distribution whose scale is not learned
    aleatoric  a normal distribution whose scale depends on the input
    outliers   Student's t where a tenth of the targets is wrong
    mixture    a mixture density network, where one input has several answers
    counts     a negative binomial distribution of counts, beside Poisson's

Every network is trained with the same loss, the negative log likelihood. The data are two
made-up curves and two sets that scikit-learn bundles: diabetes, and the handwritten digits,
whose pixels are counts of the set points in blocks of 4 x 4. Run it with:

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
from keras import layers, ops
from rich.console import Console
from rich.table import Table

import keras_distlayers as kdl

BATCH_SIZE = 64
DRAWS = 10_000
INTERVALS = {"90%": (0.05, 0.95), "50%": (0.25, 0.75)}

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
    add("--seed", type=int, default=0, help="of data, weights and draws")
    add("--out", type=pathlib.Path, default=pathlib.Path("regression-results"), help="a folder")
    return parser.parse_args()


# ------------------------------------------------------------------------------- data


@dataclasses.dataclass
class Data:
    """Inputs and targets of shape (n, 1), the last quarter held out, and names for the axes."""

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
    """A wave on a line, with noise that grows with x; targets in standard deviations."""
    x = rng.uniform(-20.0, 60.0, 1500)
    noise = 3.0 * (0.25 + ((x + 20.0) / 80.0) ** 2)
    y = 0.125 * x * (1.0 + np.sin(x)) + 5.0 + noise * rng.standard_normal(len(x))
    return Data(x, standardized(y), y_name="y, standardized")


def make_diabetes(rng):
    """442 patients: the disease's progression in a year, from the body mass index."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True, scaled=False)
    order = rng.permutation(len(y))
    index = list(load_diabetes().feature_names).index("bmi")
    names = "body mass index", "progression, standardized"
    return Data(x[order, index], standardized(y[order]), *names)


def make_outliers(rng):
    """Diabetes, where a tenth of the targets, held-out ones too, is off by 4 to 8 deviations."""
    data = make_diabetes(rng)
    is_wrong = rng.random(data.y.shape) < 0.1
    error = rng.uniform(4.0, 8.0, data.y.shape) * rng.choice([-1.0, 1.0], data.y.shape)
    return dataclasses.replace(data, y=data.y + is_wrong * error)


def make_inverse(rng):
    """A curve that goes forth and back, read from the side: up to three answers to one x."""
    y = rng.uniform(-2.0, 2.0, 1500)
    return Data(0.6 * y - 1.5 * np.sin(1.5 * y) + 0.1 * rng.standard_normal(len(y)), y)


def make_ink(rng):
    """1,797 digits: the set points in the lower half, from those in the upper half."""
    from sklearn.datasets import load_digits

    images = rng.permutation(load_digits().images)
    names = "points in the upper half", "points in the lower half"
    return Data(images[:, :4].sum((1, 2)), images[:, 4:].sum((1, 2)), *names)


def standardized(y):
    return (y - y.mean()) / y.std()


DATA = {
    "curve": make_curve,
    "diabetes": make_diabetes,
    "diabetes with outliers": make_outliers,
    "inverse": make_inverse,
    "ink": make_ink,
}


# ------------------------------------------------------------------------------- models


@keras.saving.register_keras_serializable("regression")
def unit_normal(loc):
    """Its likelihood is the mean squared error's."""
    return kdl.distributions.Independent(kdl.distributions.Normal(loc, 1.0), 1)


def dense_and(head):
    """A head, and in front of it a layer with as many units as the head has parameters."""
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
}


def make_model(head_name, x):
    """Two hidden layers and the head; the inputs are standardized by their own moments."""
    return keras.Sequential(
        [
            keras.Input((1,)),
            layers.Normalization(mean=x.mean(), variance=x.var()),
            layers.Dense(64, "silu"),
            layers.Dense(64, "silu"),
            *HEADS[head_name](),
        ]
    )


@dataclasses.dataclass
class Fit:
    """A trained model with its data, its held-out NLL and the seconds that it took."""

    data: Data
    model: keras.Model
    nll: float
    seconds: float


def fit(data_name, head_name, epochs, seed):
    """Trains a head on the data, and takes the NLL of the quarter that is held out."""
    keras.utils.set_random_seed(seed)
    data = DATA[data_name](np.random.default_rng(seed))
    model = make_model(head_name, data.train[0])
    steps = epochs * -(-len(data.train[0]) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(1e-2, steps)
    model.compile(keras.optimizers.Adam(rate), kdl.losses.NegativeLogLikelihood())
    begun = time.perf_counter()
    model.fit(*data.train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - begun
    return Fit(data, model, model.evaluate(*data.test, verbose=0), seconds)


# ------------------------------------------------------------------------------- results


def intervals(model, x):
    """The median, and the ends of the intervals, from draws: any distribution has those."""
    draws = ops.convert_to_numpy(model(x).sample(DRAWS, seed=0))[..., 0]
    ends = {name: np.quantile(draws, levels, axis=0) for name, levels in INTERVALS.items()}
    return np.median(draws, axis=0), ends


def density(model, x, y):
    """The density at each pair, of shape (len(y), len(x))."""
    return ops.convert_to_numpy(model(x).prob(y[:, None, None]))


def draw_case(case, fits, path):
    """The case's two fits side by side, with the held-out examples, as a PNG file."""
    share = len({data_name for data_name, _ in CASES[case]}) == 1
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=share)
    draw_panel = draw_density if case == "mixture" else draw_intervals
    for axis, pair in zip(axes, CASES[case], strict=True):
        draw_panel(axis, fits[pair])
        axis.set_title(f"{pair[0]}, {pair[1]}: {fits[pair].nll:.2f} nats", fontsize=10)
        axis.set_xlabel(fits[pair].data.x_name)
        axis.set_ylabel(fits[pair].data.y_name)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), fontsize=9)
    figure.savefig(path, dpi=80)
    plt.close(figure)
    console.print(f"Wrote {path}")


def draw_intervals(axis, fitted):
    """The median over its intervals, and the examples."""
    x = grid(fitted.data.x, 120)
    median, ends = intervals(fitted.model, x[:, None])
    for (name, (low, high)), shade in zip(ends.items(), ("#cfe3f5", "#8dbce6"), strict=True):
        axis.fill_between(x, low, high, color=shade, label=f"{name} interval", linewidth=0)
    axis.plot(x, median, color="#08427b", label="median")
    axis.plot(*fitted.data.test, ".", color="black", markersize=2.5, label="held out")


def draw_density(axis, fitted):
    """The density as an image under the examples."""
    x, y = grid(fitted.data.x, 200), grid(1.2 * fitted.data.y, 200)
    root = np.sqrt(density(fitted.model, x[:, None], y))  # or narrow peaks outshine the rest
    axis.pcolormesh(x, y, root, cmap="Blues", vmin=0.0, vmax=1.5)
    axis.plot(*fitted.data.test, ".", color="black", markersize=1.5, label="held out")


def grid(values, size):
    """Evenly spaced numbers from the least of the values to the largest."""
    return np.linspace(values.min(), values.max(), size, dtype="float32")


def print_table(fits):
    """The fits, those of the same data next to each other."""
    title = f"Held-out negative log likelihood, nats per example, {keras.config.backend()}"
    table = Table(title=title)
    for column in ("data", "head"):
        table.add_column(column)
    for column in ("held out", "NLL", "seconds"):
        table.add_column(column, justify="right")
    for (data_name, head_name), fitted in sorted(fits.items(), key=lambda item: item[0][0]):
        size, nll, seconds = len(fitted.data.test[0]), fitted.nll, fitted.seconds
        table.add_row(data_name, head_name, str(size), f"{nll:.2f}", f"{seconds:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
