"""Makes the pictures of docs/plots.md: `KERAS_BACKEND=torch python docs/make_plots.py`.

The code blocks of the page run one after the other. A picture stands below the block that draws
it, and is what that block has drawn. Beside them the pictures of estimators in
docs/variational_layers.md and docs/bounds.md, which are drawn here.
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

BOUND_ESTIMATORS = {"dreg": "s-", "reparameterization": "o-"}
COUNTS = (1, 3, 10, 30, 100, 300, 1000)
LATENTS, REPEATS = 20, 500


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


def make_bound_estimators():
    """The signal to noise of the encoder's gradient against the number of draws."""
    figure, axis = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    ratios = np.transpose([signal_to_noise(count) for count in COUNTS])
    for (estimator, style), values in zip(BOUND_ESTIMATORS.items(), ratios, strict=True):
        axis.loglog(COUNTS, values, style, label=estimator)
    axis.set(title="Encoder's gradient", xlabel="draws K", ylabel="signal to noise")
    axis.set_xticks(COUNTS, COUNTS)
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9)
    figure.savefig(PAGE.parent / "images" / "bound_estimators.png", dpi=80)


def signal_to_noise(num_samples):
    """Of each of `BOUND_ESTIMATORS`, the mean over the entries of the gradient.

    Both have the same expectation. The plain one's mean over the repeats has more noise than
    signal, so the signal of both is the mean of dreg's.
    """
    found = [encoder_gradients(estimator, num_samples) for estimator in BOUND_ESTIMATORS]
    signal = np.abs(found[0].mean(axis=0))
    return [np.mean(signal / gradients.std(axis=0)) for gradients in found]


def encoder_gradients(estimator, num_samples):
    """The gradient by the mean of q(z | x) in each repeat, shape `(REPEATS, LATENTS)`.

    z ~ N(0, I), x | z ~ N(z, I), and q is N(x / 2, 2/3 I), its mean disturbed by N(0, 0.1^2), more
    than in Rainforth et al. (2018) so that fewer repeats do. A step of SGD shows the gradient.
    """
    rng = np.random.default_rng(0)
    x = np.tile(rng.normal(scale=2**0.5, size=LATENTS), (REPEATS, 1)).astype("float32")
    means = x / 2.0 + rng.normal(scale=0.1, size=LATENTS).astype("float32")
    variable = kdl.layers.VariableLayer((REPEATS, LATENTS), initializer="zeros")
    bound = kdl.layers.VariationalBound(
        kdl.layers.DistributionLambda(lambda z: normal(z, 1.0)),
        normal(np.zeros(LATENTS, "float32"), 1.0),
        num_samples,
        estimator=estimator,
        seed=1,
    )
    posterior = kdl.layers.DistributionLambda(lambda mean: normal(mean, (2.0 / 3.0) ** 0.5))
    model = keras.Sequential([keras.Input((LATENTS,)), variable, posterior, bound])
    variable.set_weights([means])
    # The loss is the mean over the repeats, of the negative bound.
    model.compile(keras.optimizers.SGD(float(REPEATS)), kdl.losses.NegativeLogLikelihood())
    model.train_on_batch(x, x)
    return variable.get_weights()[0] - means


def normal(loc, scale):
    return kdl.distributions.Independent(kdl.distributions.Normal(loc, scale), 1)


if __name__ == "__main__":
    make()
    make_estimators()
    make_bound_estimators()
