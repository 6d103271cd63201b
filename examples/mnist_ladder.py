"""From the blog post's variational autoencoder upwards, one change at a time, in one table.

Each rung of the ladder changes one thing: the weight of the KL, the number of draws, their
gradient, the prior, the posterior, the number of stochastic layers, the decoder. All are trained
and tested on the same digits, binarized anew each epoch. Run it with:

    python examples/mnist_ladder.py --preset cpu
    python examples/mnist_ladder.py --preset cpu --rungs elbo dreg --epochs 25

A rung that was finished is not trained again, and one that was cut off goes on from its last
checkpoint: on a GPU that is at hand for minutes at a time, run the same command again.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import matplotlib.pyplot as plt
import numpy as np
from digit_images import Binarized, Grey, load_images
from epoch_times import EpochTimes
from keras import ops
from ladder_models import make_model
from rich.console import Console
from rich.table import Table

import keras_distlayers as kdl

TEST_BATCH = 20

console = Console(width=110)


# ------------------------------------------------------------------------------- the rungs


@dataclasses.dataclass(frozen=True)
class Rung:
    """A model: how it differs from the one before."""

    title: str
    prior: str = "normal"
    posterior: str = "normal"
    decoder: str = "plain"
    grey: bool = False
    warm_up: bool = False
    free_nats: float = 0.0
    num_samples: int = 1
    estimator: str = "reparameterization"


def rungs(num_samples):
    """The ladder by name, from the bottom."""
    elbo = Rung("the blog post's model: ELBO")

    def change(rung, title, **fields):
        return dataclasses.replace(rung, title=title, **fields)

    iwae = change(elbo, f"IWAE: {num_samples} draws", num_samples=num_samples)
    dreg = change(iwae, "IWAE, DReG gradients", estimator="dreg")
    flow = change(dreg, "DReG, a RealNVP as prior", prior="flow")
    return {
        "elbo": elbo,
        "warm-up": change(elbo, "ELBO, the KL's weight rising", warm_up=True),
        "free-bits": change(elbo, "ELBO, 8 nats free", free_nats=8.0),
        "iwae": iwae,
        "dreg": dreg,
        "mixture": change(dreg, "DReG, a mixture as prior", prior="mixture"),
        "vamp": change(dreg, "DReG, a VampPrior", prior="vamp"),
        "flow-prior": flow,
        "flow-posterior": change(dreg, "DReG, a flow as posterior", posterior="flow"),
        "two-layers": change(dreg, "DReG, two stochastic layers", prior="two layers"),
        "residual": change(flow, "... and a residual decoder", decoder="residual"),
        # Of other data: its nats compare with those of no other rung.
        "grey": change(
            elbo, "ELBO, a residual decoder of grey pixels", decoder="residual", grey=True
        ),
    }


@dataclasses.dataclass(frozen=True)
class Preset:
    """Networks and sizes for a machine."""

    network: str
    widths: tuple[int, ...]  # of the layers, from the image to the latents
    latent_size: int
    num_samples: int
    epochs: int
    components: int
    test_images: int
    learning_rate: float = 2e-3
    largest_gradient: float | None = None  # the norm that longer ones are cut to
    batch_size: int = 128
    chunk_size: int = 50  # draws per image that are decoded at once in the test


PRESETS = {
    "cpu": Preset(
        "dense",
        (512, 256),
        latent_size=16,
        num_samples=5,
        epochs=6,
        components=50,
        test_images=500,
    ),
    "gpu": Preset(
        "conv",
        (32, 64, 128),
        latent_size=40,
        num_samples=5,
        epochs=100,
        components=500,
        test_images=10000,
        # At 2e-3 and without a limit, the loss of the residual rung was NaN after some epochs.
        learning_rate=1e-3,
        largest_gradient=50.0,
        chunk_size=500,
    ),
}


def main():
    options = parse_options()
    preset = PRESETS[options.preset]
    changes = {
        name: getattr(options, name)
        for name in [field.name for field in dataclasses.fields(Preset)]
        if getattr(options, name, None) is not None
    }
    preset = dataclasses.replace(preset, **changes)
    options.out.mkdir(parents=True, exist_ok=True)
    images = load_images(options.data, console)
    ladder = rungs(preset.num_samples)
    rows = {}
    for name in options.rungs or ladder:
        rows[name] = climb(name, ladder[name], preset, images, options)
        console.print(as_table(rows, ladder, preset))


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--preset", choices=PRESETS, default="cpu", help="the sizes of networks and runs")
    add("--rungs", nargs="+", choices=rungs(1), help="which; by default all")
    add("--data", default="mnist", help="mnist, digits, or an .npz file as Keras's mnist.npz")
    add("--epochs", type=int, help="passes over the data for each rung; by default the preset's")
    add("--test-images", type=int, help="how many of the first test images; the preset's")
    add("--learning-rate", type=float, help="the largest of the schedule; the preset's")
    add("--latent-size", type=int, help="the length of z; by default the preset's")
    add("--num-samples", type=int, help="draws of the bounds with several; the preset's")
    add("--evidence-samples", type=int, default=5000, help="draws for -log p(x)")
    add("--seed", type=int, default=0, help="of weights, draws and binarization")
    add("--out", type=pathlib.Path, default=pathlib.Path("ladder-results"), help="folder")
    return parser.parse_args()


def climb(name, rung, preset, images, options):
    """The figures of one rung, trained now or before."""
    finished = options.out / f"{name}.json"
    settings = {**dataclasses.asdict(preset), "seed": options.seed, "data": options.data}
    settings["evidence_samples"] = options.evidence_samples
    settings = json.loads(json.dumps(settings))  # as they come back from a file
    if finished.exists():
        row = json.loads(finished.read_text())
        if row["settings"] == settings:
            return row
        raise SystemExit(f"{finished} is of other settings: choose another folder with --out.")
    console.rule(f"[bold]{name}[/bold]: {rung.title}")
    keras.utils.set_random_seed(options.seed)
    model = make_model(rung, preset, options.evidence_samples)
    train, test = data_of(rung, preset, images, options.seed)
    seconds = fit(model, rung, train, options.out / f"{name}-checkpoint", preset)
    path = options.out / f"{name}.keras"
    model.save(path)
    row = {"settings": settings, "parameters": model.count_params(), "seconds": seconds}
    row |= evaluate(model, test)
    again = keras.models.load_model(path)
    before, after = first_bound(model, test), first_bound(again, test)
    if not np.array_equal(before, after):
        raise SystemExit(f"{path}: the reloaded model has another bound.")
    save_picture(again, test, options.out / f"{name}.png")
    finished.write_text(json.dumps(row))
    return row


# ------------------------------------------------------------------------------- training


def data_of(rung, preset, images, seed):
    """Batches of training images, and of test images."""
    kind = Grey if rung.grey else Binarized
    train, test = images
    test = test[: preset.test_images]
    return (
        kind(train, preset.batch_size, seed, shuffle=True),
        kind(test, math.gcd(len(test), TEST_BATCH), seed + 1),
    )


class Checkpoints(keras.callbacks.BackupAndRestore):
    """A checkpoint after the first epoch and then about each minute, and the one before it.

    Training ends where the loss is not a number: no later epoch would change that.
    """

    def __init__(self, folder, seconds=60.0):
        super().__init__(folder, double_checkpoint=True)
        self.seconds, self.due = seconds, 0.0

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            raise SystemExit(
                f"The loss of epoch {epoch + 1} is {logs['loss']}. Delete {self.backup_dir}, and "
                "train with a smaller --learning-rate."
            )
        if time.monotonic() >= self.due:
            super().on_epoch_end(epoch, logs)
            self.due = time.monotonic() + self.seconds


def fit(model, rung, train, checkpoint, preset):
    """Trains the model, from the last epoch of a run that was cut off; returns the seconds."""
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        preset.epochs * len(train),
        warmup_target=preset.learning_rate,
        warmup_steps=100,
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=preset.largest_gradient)
    model.compile(optimizer, kdl.losses.NegativeLogLikelihood())
    clock = EpochTimes()
    callbacks = [
        kdl.callbacks.KLMonitor(),
        clock,
        Checkpoints(str(checkpoint)),
    ]
    model.fit(train, epochs=preset.epochs, callbacks=callbacks)
    return float(np.median(clock.seconds)) * preset.epochs


# ------------------------------------------------------------------------------- results


class LogWeights(keras.Model):
    """A model's log weights of draws for images, which `predict` works out batch by batch."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, x):
        return self.model(x).log_weights(x)


def evaluate(model, test):
    """Mean NLL, KL, -ELBO and -log p of the test images in nats, and the active latents."""
    bound = model.layers[-1]
    bound.kl_tracker.reset()
    log_weights = LogWeights(model).predict(test)
    kl = bound.kl_tracker.kl_divergence
    elbo = log_weights.mean()
    peak = log_weights.max(axis=1, keepdims=True)
    log_p = np.log(np.exp(log_weights - peak).mean(axis=1)) + peak[:, 0]
    figures = {"nll": -elbo - kl, "kl": kl, "-elbo": -elbo, "-log p": -log_p.mean()}
    figures = {name: float(value) for name, value in figures.items()}
    return {**figures, "active": active_units(model, test)}


def active_units(model, test):
    """How many latents' means differ from image to image; None where they have no mean."""
    encoder = keras.Model(model.inputs, model.layers[-2].output)
    units = kdl.metrics.ActiveUnits(encoder.output_shape[1:])
    for index in range(len(test)):
        posterior = encoder(test[index][0])
        try:
            units.update_state(ops.zeros(posterior.shape), posterior)
        except NotImplementedError:
            return None
    return int(units.result())


def first_bound(model, test):
    """The bound of the first test images, with the same draws each time."""
    for variable in model.variables:  # a prior with latents of its own has a seed too
        if variable.name == "seed_generator_state":
            variable.assign([0, 0])
    x, _ = test[0]
    return ops.convert_to_numpy(model(x).log_prob(x))


def save_picture(model, test, path):
    """Test images and their reconstructions, and new images, as means."""
    figure, axes = plt.subplots(2, figsize=(8, 6), height_ratios=(1, 2))
    x, _ = test[0]
    kdl.plots.reconstructions(x, model, cmap="gray_r", ax=axes[0])
    new = model.layers[-1].generate(40, seed=0)
    kdl.plots.images(new, cmap="gray_r", ax=axes[1])
    figure.savefig(path, dpi=120)
    plt.close(figure)


def as_table(rows, ladder, preset):
    table = Table(title=f"{preset.test_images} test images, nats per image")
    table.add_column("rung")
    for column in ("NLL", "KL", "-ELBO", "-log p", "active", "parameters", "seconds"):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        figures = [f"{row[key]:.2f}" for key in ("nll", "kl", "-elbo", "-log p")]
        active = "-" if row["active"] is None else str(row["active"])
        sizes = [active, f"{row['parameters']:,}", f"{row['seconds']:.0f}"]
        table.add_row(ladder[name].title, *figures, *sizes)
    return table


if __name__ == "__main__":
    main()
