"""Makes the pictures of docs/plots.md: `KERAS_BACKEND=torch python docs/make_plots.py`.

The code blocks of the page run one after the other. A picture stands below the block that draws
it, and is what that block has drawn. Beside them the picture of the estimators of
docs/variational_layers.md, which is drawn here.
"""

import pathlib
import re

import keras
import matplotlib
import numpy as np

import keras_distlayers as kdl

matplotlib.use("agg")
import matplotlib.pyplot as plt

PAGE = pathlib.Path(__file__).parent / "plots.md"
PARTS = re.compile(r"^```python\n(?P<code>.*?)^```|^!\[.*?\]\((?P<image>.*?)\)", re.S | re.M)

ESTIMATORS = {"reparameterization": "o-", "flipout": "s-", "local_reparameterization": "^--"}
BATCH_SIZES = (1, 4, 16, 64, 256, 1024)
INPUTS, STDDEV, DRAWS = 20, 0.2, 2000


def make():
    """Runs the page, and writes a file for each of its pictures."""
    names = {}
    for part in PARTS.finditer(PAGE.read_text(encoding="utf-8")):
        if part["code"]:
            plt.close("all")
            exec(compile(part["code"], str(PAGE), "exec"), names)
        else:
            plt.gcf().savefig(PAGE.parent / part["image"], dpi=80)


def make_estimators():
    """The noise of the loss and of its gradient against the batch size, for each estimator."""
    figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained")
    for estimator, style in ESTIMATORS.items():
        noise = np.transpose([noise_of(estimator, size) for size in BATCH_SIZES])
        for axis, values in zip(axes, noise, strict=True):
            axis.loglog(BATCH_SIZES, values, style, label=estimator)
    for axis, title in zip(axes, ("Gradient of one weight", "Loss"), strict=True):
        axis.set(title=title, xlabel="batch size", ylabel="standard deviation over draws")
        axis.set_xticks(BATCH_SIZES, BATCH_SIZES)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=9)
    figure.savefig(PAGE.parent / "images" / "estimators.png", dpi=80)


def noise_of(estimator, batch_size):
    """The standard deviations of the gradient by a weight's mean, and of the mean squared error.

    A linear model of inputs of +-1 with weights of mean 0. Each of its outputs has weights of its
    own, and is one draw.
    """
    x, y = rows(batch_size)
    layer = kdl.layers.Variational(
        keras.layers.Dense(DRAWS, kernel_initializer="zeros"),
        dataset_size=1,
        estimator=estimator,
        posterior=kdl.layers.MeanFieldNormalPosterior(STDDEV),
        seed=0,
    )
    errors = keras.ops.convert_to_numpy(layer(x)) - y
    gradients = np.mean(2.0 * errors * x[:, :1], axis=0)
    return np.std(gradients), np.std(np.mean(errors**2, axis=0))


def rows(batch_size):
    rng = np.random.default_rng(0)
    x, y = rng.choice([-1.0, 1.0], (batch_size, INPUTS)), rng.normal(size=(batch_size, 1))
    return x.astype("float32"), y.astype("float32")


if __name__ == "__main__":
    make()
    make_estimators()
