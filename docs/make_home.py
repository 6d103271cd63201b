"""Makes the pictures of the home page: `python docs/make_home.py`, about a minute.

The two regressions are trained by examples/regression.py. The digits are part of the picture that
examples/mnist_vae.py made.
"""

import pathlib
import sys

import matplotlib.pyplot as plt

ROOT = pathlib.Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT / "examples"))

import regression  # noqa: E402

ASPECT = 1.5  # width by height, the same for all three


def make_digits():
    """The left columns of the digits decoded from the prior."""
    pixels = plt.imread(IMAGES / "prior_samples.png")
    width = round(ASPECT * len(pixels))
    plt.imsave(IMAGES / "home_digits.png", pixels[:, :width], cmap="gray")


def make_panel(name, data, head, draw):
    """One fit of the regression example, without a title."""
    figure, axis = plt.subplots(figsize=(3.2 * ASPECT, 3.2), layout="constrained")
    draw(axis, regression.fit(data, head, epochs=60, seed=0))
    axis.set(xticks=[], yticks=[], xlabel="", ylabel="")
    axis.legend(loc="upper left", fontsize=9)
    figure.savefig(IMAGES / f"home_{name}.png", dpi=150)


if __name__ == "__main__":
    make_digits()
    make_panel("intervals", "curve", "normal", regression.draw_intervals)
    make_panel("mixture", "inverse", "mixture of 5 normals", regression.draw_density)
