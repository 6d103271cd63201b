"""Plots: the numbers that are drawn, read from the Axes, and the promises of the bands."""

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import numpy
from keras import ops
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers import plots, scores

kd = kdl.distributions


def line(ax, label):
    """The x and y of the line with a label."""
    (found,) = [line for line in ax.lines if line.get_label() == label]
    return found.get_data()


def band(ax, x, label):
    """The ends at x of the filled area with a label."""
    (area,) = [area for area in ax.collections if area.get_label() == label]
    vertices = area.get_paths()[0].vertices
    y = vertices[np.isclose(vertices[:, 0], x), 1]
    return y.min(), y.max()


def labels(ax):
    return ax.get_legend_handles_labels()[1]


# ---------------------------------------------------------------- calibration


def right_normals(rng, size=400, events=1):
    """Normals of several entries, and values drawn from them."""
    loc = rng.normal(size=(size, events)).astype("float32")
    value = (loc + 2.0 * rng.normal(size=loc.shape)).astype("float32")
    return kd.Independent(kd.Normal(loc, 2.0), 1), value


def leaves_band(ax):
    """Whether the curve of an ECDF is outside its band anywhere."""
    x, y = next(line.get_data() for line in ax.lines if line.get_label().endswith("values"))
    label = next(label for label in labels(ax) if label.endswith("95%"))
    ends = np.array([band(ax, point, label) for point in x])
    return bool(((y < ends[:, 0] - 1e-9) | (y > ends[:, 1] + 1e-9)).any())


def test_coverage_is_that_of_the_scores(rng):
    distribution, value = right_normals(rng)
    ax = plots.coverage(distribution, value)
    nominal, observed = line(ax, "400 values")
    for share in (0.1, 0.5, 0.9):
        expected = numpy(scores.coverage(distribution, value, share)).mean()
        assert observed[np.isclose(nominal, share)] == pytest.approx(expected, abs=1.1 / 400)
    assert not leaves_band(ax)


def test_ecdf_difference_is_that_of_the_pit(rng):
    distribution, value = right_normals(rng, size=100, events=4)
    ax = plots.pit_ecdf_difference(distribution, value)
    x, difference = line(ax, "400 values")
    pit = numpy(scores.pit(distribution, value)).ravel()
    expected = [(pit <= point).mean() - point for point in x]
    np.testing.assert_allclose(difference, expected, atol=1e-9)
    assert not leaves_band(ax)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_wrong_scales_leave_the_bands(rng, factor):
    distribution, value = right_normals(rng)
    wrong = kd.Normal(distribution.mean(), 2.0 * factor)
    ax = plots.pit_ecdf_difference(wrong, value)
    x, difference = line(ax, "400 values")
    assert leaves_band(ax)
    # Too narrow: first above 0, then below.
    assert np.sign(difference[x == 0.25] - difference[x == 0.75]) == (1.0 if factor < 1 else -1.0)
    assert leaves_band(plots.coverage(wrong, value))
    ax = plots.pit_histogram(wrong, value)
    heights = ax.patches[0].get_data().values
    low, high = band(ax, 0.0, "uniform, 95%")
    assert ((heights < low) | (heights > high)).any()


def test_histogram_is_a_density_within_its_band(rng):
    distribution, value = right_normals(rng)
    value[:100] = np.nan
    ax = plots.pit_histogram(distribution, value, num_bins=10)
    heights = ax.patches[0].get_data().values
    pit = numpy(scores.pit(distribution, value))
    np.testing.assert_allclose(heights, np.histogram(pit[100:], 10, (0, 1))[0] / 30.0)
    low, high = band(ax, 0.0, "uniform, 95%")
    assert low < heights.min() < 1.0 < heights.max() < high
    assert 1.0 - low == pytest.approx(high - 1.0, abs=0.1)
    assert "300 values" in labels(ax)


def test_counts_are_calibrated_by_randomized_pit(rng):
    rate = np.exp(rng.normal(size=400)).astype("float32")
    counts = rng.poisson(rate).astype("float32")
    poisson = kd.Poisson(rate)
    for plot in (plots.coverage, plots.pit_ecdf_difference):
        assert not leaves_band(plot(poisson, counts))
        assert leaves_band(plot(kd.Poisson(3.0 * rate), counts))
    first, again, other = (
        line(plots.coverage(poisson, counts, seed=seed), "400 values")[1] for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def reliability_points(ax):
    return line(ax, "observed")


def test_reliability_has_the_bins_of_the_calibration_error(rng):
    probs = rng.uniform(size=400).astype("float32")
    value = (rng.uniform(size=400) < probs**2).astype("float32")
    ax = plots.reliability(kd.Bernoulli(probs=probs), value, num_bins=5)
    x, y = reliability_points(ax)
    is_in = [(probs > low) & (probs <= low + 0.2) for low in np.arange(5) / 5]
    np.testing.assert_allclose(x, [probs[i].mean() for i in is_in], rtol=1e-5)
    np.testing.assert_allclose(y, [value[i].mean() for i in is_in], rtol=1e-5)
    counts = np.array([i.sum() for i in is_in])
    np.testing.assert_allclose([bar.get_height() for bar in ax.child_axes[0].patches], counts)
    error = scores.expected_calibration_error(kd.Bernoulli(probs=probs), value, num_bins=5)
    assert (counts / 400 * abs(x - y)).sum() == pytest.approx(float(error), abs=1e-5)
    assert f"ECE {float(error):.3f}" in labels(ax)
    boxes = np.array([[bar.get_y(), bar.get_y() + bar.get_height()] for bar in ax.patches])
    assert (y < boxes[:, 0]).any()
    assert ((boxes[:, 0] < x) & (x < boxes[:, 1])).all()
    # What is right is inside.
    value = (rng.uniform(size=400) < probs).astype("float32")
    ax = plots.reliability(kd.Bernoulli(probs=probs), value, num_bins=5)
    y = reliability_points(ax)[1]
    boxes = np.array([[bar.get_y(), bar.get_y() + bar.get_height()] for bar in ax.patches])
    assert ((boxes[:, 0] <= y) & (y <= boxes[:, 1])).all()


def test_reliability_takes_probabilities_and_one_hot_vectors(rng):
    probs = rng.dirichlet(np.ones(3), size=400).astype("float32")
    value = np.array([rng.choice(3, p=p / p.sum()) for p in probs.astype("float64")])
    value[:3] = [0, 1, 2]
    found = [
        reliability_points(plots.reliability(distribution, v, num_bins=5))
        for distribution, v in [
            (probs, value),
            (kd.Categorical(probs=probs), value),
            (kd.OneHotCategorical(probs=probs), np.eye(3, dtype="float32")[value]),
        ]
    ]
    one, column = (
        reliability_points(plots.reliability(p, value == 2)) for p in (probs[:, 2], probs[:, 2:])
    )
    np.testing.assert_allclose(one, column, rtol=1e-6)
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, rtol=1e-5)
    missing = value.astype("float32")
    missing[50:] = np.nan
    ax = plots.reliability(kd.Categorical(probs=probs), missing, 5, binning="equal_mass")
    assert [bar.get_height() for bar in ax.child_axes[0].patches] == [10] * 5


# ---------------------------------------------------------------- predictions


@pytest.mark.parametrize("shape", [(50,), (50, 1), (1, 50)])
def test_intervals_are_quantiles_along_x_whatever_the_order(rng, shape):
    x = rng.permutation(50).astype("float32")
    normal = kd.Normal(x.reshape(shape), 2.0)
    distribution = kd.Independent(normal, len(shape) - 1)
    ax = plots.intervals(x[:, None], distribution, coverage=(0.5, 0.9))
    at, median = line(ax, "median")
    np.testing.assert_allclose(at, np.arange(50))
    np.testing.assert_allclose(median, np.arange(50), atol=1e-5)
    for label, quantile in (("90% interval", 1.64485), ("50% interval", 0.67449)):
        ends = 7.0 - 2.0 * quantile, 7.0 + 2.0 * quantile
        assert band(ax, 7.0, label) == pytest.approx(ends, abs=1e-3)


def test_intervals_show_what_was_observed_elsewhere():
    normal = kd.Normal([0.0, 1.0], 1.0)
    ax = plots.intervals([0.0, 1.0], normal, value=[2.0, 3.0, 4.0], value_x=[0.5, 0.2, 0.9])
    np.testing.assert_allclose(line(ax, "observed"), [[0.2, 0.5, 0.9], [3.0, 2.0, 4.0]])


def test_intervals_of_a_flow_are_those_of_draws():
    """A joint distribution whose entries have no quantiles here."""
    base = kd.Independent(kd.Normal(np.zeros((1, 5), "float32"), 1.0), 1)
    flow = kd.TransformedDistribution(base, kdl.bijectors.Permute([4, 3, 2, 1, 0]))
    with pytest.raises(NotImplementedError):
        flow.marginals()
    ax = plots.intervals(np.arange(5.0), flow)
    assert band(ax, 2.0, "90% interval") == pytest.approx((-1.645, 1.645), abs=0.25)


def test_fan_chart_has_its_steps_after_the_past():
    rv = kdl.layers.IndependentNormal(4)(ops.zeros((1, 8)))
    ax = plots.fan_chart(rv, value=[1.0, 2.0, 3.0, 4.0], past=[5.0, 6.0], coverage=0.8)
    np.testing.assert_allclose(line(ax, "median")[0], [1, 2, 3, 4])
    np.testing.assert_allclose(line(ax, "past"), [[-1, 0], [5, 6]])
    np.testing.assert_allclose(line(ax, "observed"), [[1, 2, 3, 4], [1, 2, 3, 4]])
    half = 1.28155 * float(numpy(rv.stddev())[0, 0])
    assert band(ax, 2.0, "80% interval") == pytest.approx((-half, half), abs=1e-3)


def test_density_is_a_square_root_of_the_density():
    x = np.array([2.0, 0.0, 1.0], "float32")
    normal = kd.Normal(x[:, None], 0.5)
    ax = plots.density(x, kd.Independent(normal, 1), y_range=(-1.0, 3.0), num_points=41)
    found = ax.collections[0].get_array()
    y = np.linspace(-1.0, 3.0, 41)[:, None]
    expected = np.exp(-0.5 * ((y - np.arange(3.0)) / 0.5) ** 2) / (0.5 * np.sqrt(2.0 * np.pi))
    np.testing.assert_allclose(found, np.sqrt(expected), atol=1e-5)
    ax = plots.density(x, kd.Poisson([1.0, 2.0, 3.0]), y_range=(0.0, 4.0))
    root = ax.collections[0].get_array()
    np.testing.assert_allclose(root**2, stats.poisson.pmf(np.arange(5)[:, None], [2, 3, 1]), 1e-4)
    ax = plots.density(x, normal, value=[9.0, 0.0, 0.0])
    low, high = ax.get_ylim()
    assert -2.0 < low < -1.5
    assert high > 9.0


# ---------------------------------------------------------------- images, training


def images(rng, count=5):
    return rng.uniform(size=(count, 6, 4, 1)).astype("float32")


def tile(ax, row, column):
    """One of the images of 6 x 4 pixels."""
    canvas = ax.images[0].get_array()
    return canvas[row * 7 : row * 7 + 6, column * 5 : column * 5 + 4]


def test_images_are_side_by_side(rng):
    x = images(rng)
    ax = plots.images(ops.convert_to_tensor(x), num_columns=3)
    np.testing.assert_allclose(tile(ax, 1, 1), x[4, :, :, 0])
    assert ax.images[0].get_array().shape == (13, 14)
    assert np.ma.getmaskarray(np.ma.masked_invalid(tile(ax, 1, 2))).all()
    color = plots.images(np.tile(255.0 * x, 3))
    np.testing.assert_allclose(tile(color, 0, 1)[..., 2], x[1, :, :, 0] / x.max(), rtol=1e-5)


def test_reconstructions_are_means_below_the_data(rng):
    x = images(rng)
    model = keras.Sequential([keras.Input((6, 4, 1)), kdl.layers.DistributionLambda(halved)])
    for reconstruction in (model, model(x), 0.5 * x):
        ax = plots.reconstructions(x, reconstruction, num_images=3)
        np.testing.assert_allclose(tile(ax, 0, 2), x[2, :, :, 0], rtol=1e-5)
        np.testing.assert_allclose(tile(ax, 1, 2), 0.5 * x[2, :, :, 0], rtol=1e-5)


def halved(x):
    return kd.Independent(kd.Bernoulli(probs=0.5 * x), 3)


def test_latent_traversal_changes_one_entry_in_each_row():
    def decoder(z):
        """Images whose pixels are the entries of the latent."""
        return ops.reshape(z, (-1, 6, 4, 1))

    origin = np.linspace(0.0, 1.0, 24)
    ax = plots.latent_traversal(decoder, 24, dimensions=[5, 0], values=[0.0, 1.0], origin=origin)
    for row, dimension in enumerate([5, 0]):
        for column, value in enumerate([0.0, 1.0]):
            expected = origin.copy()
            expected[dimension] = value
            np.testing.assert_allclose(tile(ax, row, column).ravel(), expected, atol=1e-6)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["5", "0"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1"]


def test_history_shows_training_and_validation():
    logs = {
        "loss": [3.0, 2.0, 1.0],
        "nll": [2.0, 1.5, 0.5],
        "val_nll": [2.5, 1.0, 0.8],
        "kl_divergence": [1.0, 0.5, 0.5],
        "val_kl_divergence": [0.9, 0.4, 0.6],
        "kl_weight": [0.1, 0.5, 1.0],
    }
    axes = plots.history(logs)
    assert [ax.get_ylabel() for ax in axes] == [
        "loss", "NLL, nats per example", "KL divergence, nats per example",
    ]  # fmt: skip
    np.testing.assert_allclose(line(axes[1], "training"), [[1, 2, 3], logs["nll"]])
    np.testing.assert_allclose(line(axes[1], "validation"), [[1, 2, 3], logs["val_nll"]])
    assert [len(ax.lines) for ax in axes] == [1, 2, 2]
    _, two = plt.subplots(1, 2)
    assert (plots.history(logs, ["nll", "kl_weight"], ax=two) == two).all()
    # Validation every other epoch: `validation_freq=2`.
    (ax,) = plots.history({"loss": [4.0, 3.0, 2.0, 1.0], "val_loss": [3.5, 1.5]})
    np.testing.assert_allclose(line(ax, "validation")[0], [2, 4])


# ---------------------------------------------------------------- what all share


def every_plot(ax=None):
    """A small picture by each function, by name."""
    rv = kdl.layers.IndependentNormal(1)(ops.zeros((4, 2)))
    y, x, pixels = np.zeros((4, 1), "float32"), np.arange(4.0), np.zeros((4, 6, 4))
    return {
        "coverage": plots.coverage(rv, y, ax=ax),
        "density": plots.density(x, rv, y, ax=ax),
        "fan_chart": plots.fan_chart(rv, y, ax=ax),
        "history": plots.history({"loss": [1.0]}, ax=ax)[0],
        "images": plots.images(pixels, ax=ax),
        "intervals": plots.intervals(x, rv, y, ax=ax),
        "latent_traversal": plots.latent_traversal(lambda z: pixels[:2], 2, [0], [0, 1], ax=ax),
        "pit_ecdf_difference": plots.pit_ecdf_difference(rv, y, ax=ax),
        "pit_histogram": plots.pit_histogram(rv, y, ax=ax),
        "reconstructions": plots.reconstructions(pixels, pixels, ax=ax),
        "reliability": plots.reliability([0.5, 0.5], [0, 1], ax=ax),
    }


def test_every_plot_takes_and_returns_axes_and_changes_no_setting(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a figure was shown"))
    monkeypatch.setitem(mpl.rcParams, "axes.spines.top", True)
    monkeypatch.setitem(mpl.rcParams, "axes.labelsize", 7.0)
    before = dict(mpl.rcParams)
    axes = every_plot()
    assert list(axes) == plots.__all__
    assert len({ax.figure for ax in axes.values()}) == len(plots.__all__)
    figure, ax = plt.subplots()
    assert set(every_plot(ax).values()) == {ax}
    assert len(plt.get_fignums()) == len(plots.__all__) + 1
    figure.canvas.draw()
    assert dict(mpl.rcParams) == before
    for name in {*axes} - {"images", "reconstructions"}:
        assert axes[name].get_xlabel()
        assert axes[name].get_ylabel()


NORMAL = kd.Normal([[0.0, 0.0]] * 3, 1.0)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: plots.coverage([1.0], [1.0]), TypeError, "distribution"),
        (lambda: plots.coverage(NORMAL, np.zeros((3, 2)), ax=1), TypeError, "an Axes"),
        (lambda: plots.pit_histogram(NORMAL, np.zeros((3, 2)), band=95), ValueError, "band=95"),
        (lambda: plots.pit_histogram(NORMAL, np.full((3, 2), np.nan)), ValueError, "no obs"),
        (lambda: plots.reliability(NORMAL, np.zeros((3, 2))), ValueError, "over labels"),
        (lambda: plots.reliability(np.eye(3), [0, 1, 7]), ValueError, "labels that there are"),
        (lambda: plots.reliability([0.5, 0.5], [0, 2]), ValueError, "labels that there are"),
        (lambda: plots.reliability([[1.0, 2.0]], [1]), ValueError, "sum to 1"),
        (lambda: plots.reliability([0.5], [1], binning="log"), ValueError, "binning='log'"),
        (lambda: plots.intervals([1, 2, 3], NORMAL), ValueError, "a single axis"),
        (lambda: plots.intervals([1, 2], kd.Normal([1.0, 2.0, 3.0], 1.0)), ValueError, "3 numb"),
        (lambda: plots.fan_chart(NORMAL), ValueError, "one number for each"),
        (lambda: plots.fan_chart(NORMAL[0], coverage=90), ValueError, "coverage=90"),
        (lambda: plots.images(np.zeros((3, 4))), ValueError, r"shape \(3, 4\)"),
        (lambda: plots.latent_traversal(None, 2, [2]), ValueError, "from 0 to 1"),
        (lambda: plots.history({"nll": [1.0]}, ["crps"]), ValueError, r"\['crps'\]"),
        (lambda: plots.history({"lr": [1.0]}), ValueError, r"\['lr'\]"),
    ],
)
def test_wrong_arguments_are_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
