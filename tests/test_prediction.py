"""One distribution over a whole data set, whatever the model, the data and the batch size."""

import keras
import numpy as np
import pytest
from heads import HEADS
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import tensors_of

ROWS, INPUTS = 23, 3


@pytest.fixture
def x(rng):
    return rng.normal(size=(ROWS, INPUTS)).astype("float32")


def small_normal():
    layers = [keras.layers.Dense(4), kdl.layers.IndependentNormal(2)]
    return keras.Sequential([keras.Input((INPUTS,)), *layers])


def require_same(found, rv):
    """The density of the model's own output, at draws."""
    assert (found.batch_shape, found.event_shape) == (rv.batch_shape, rv.event_shape)
    y = rv.sample(seed=1)
    np.testing.assert_allclose(
        numpy(found.log_prob(y)), numpy(rv.log_prob(y)), rtol=1e-6, atol=3e-6
    )


def flow():
    made = kdl.layers.AutoregressiveNetwork(params=2, hidden_units=[8], activation="relu")
    return [kdl.layers.MultivariateNormalDiag(2), kdl.layers.AutoregressiveTransform(made)]


def foreign_normal(raw):
    loc, scale = raw[..., :2], ops.softplus(raw[..., 2:])
    normal = kdl.distributions.Independent(kdl.distributions.Normal(loc, scale), 1)
    return kdl.interop.to_torch(normal) if BACKEND == "torch" else kdl.interop.to_tfp(normal)


def test_every_head_flow_and_foreign_distribution_gives_its_own_density(x):
    """As the outputs of one model, which is compiled once."""
    inputs = keras.Input((INPUTS,))
    outputs = {row.name: row.make()(keras.layers.Dense(row.num_params)(inputs)) for row in HEADS}
    base, transform = flow()
    outputs["flow"] = transform(base(keras.layers.Dense(4)(inputs)))
    outputs["conditional flow"] = kdl.layers.ConditionalFlow(2, hidden_units=(4,))(inputs)
    outputs["foreign"] = kdl.layers.DistributionLambda(foreign_normal)(
        keras.layers.Dense(4)(inputs)
    )
    outputs["shared scale"] = kdl.layers.DistributionLambda(
        lambda t: kdl.distributions.Normal(t[..., 0], 2.0)
    )(inputs)
    outputs["tensor"] = keras.layers.Dense(1)(inputs)
    model = keras.Model(inputs, outputs)
    found = kdl.predict_distribution(model, x, batch_size=8, verbose=0)
    own = model(x)
    assert found.keys() == outputs.keys()
    np.testing.assert_allclose(found.pop("tensor"), numpy(own["tensor"]), rtol=1e-5, atol=1e-6)
    require_same(found.pop("foreign"), own["foreign"])
    for name, distribution in found.items():
        rv = own[name]
        assert distribution.family_name == rv.distribution.family_name, name
        assert (distribution.batch_shape, distribution.event_shape) == (
            rv.batch_shape,
            rv.event_shape,
        )
        # Densities would be compiled on JAX, for half a minute.
        pairs = zip(tensors_of(distribution), tensors_of(rv.distribution), strict=True)
        for ours, theirs in pairs:
            expected = np.broadcast_to(numpy(theirs), ours.shape)
            np.testing.assert_allclose(numpy(ours), expected, rtol=1e-5, atol=1e-6, err_msg=name)


def test_batch_size_and_kind_of_data_do_not_matter(x):
    model = small_normal()
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    rv = model(x)
    for data, options in [
        (x, {"batch_size": 1}),
        (x, {"batch_size": 100}),
        (Batches(x), {}),
        (((rows,) for rows in (x[:20], x[20:])), {"steps": 2}),
        (tf_dataset(x), {}),
        (torch_loader(x), {}),
    ]:
        require_same(kdl.predict_distribution(model, data, verbose=0, **options), rv)


def tf_dataset(x):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(x).batch(10)


def torch_loader(x):
    import torch

    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x)), 10)


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return (self.x[8 * i : 8 * i + 8],)


def test_keras_keeps_no_outputs(x):
    """Its `predict` would hold all batches beside the arrays that they are joined to."""
    sizes = []

    def note(batch, logs):
        sizes.extend(np.size(numpy(output)) for output in keras.tree.flatten(logs["outputs"]))

    notes = keras.callbacks.LambdaCallback(on_predict_batch_end=note)
    kdl.predict_distribution(small_normal(), x, batch_size=8, verbose=0, callbacks=[notes])
    assert len(sizes) > 1
    assert max(sizes) == 1


def test_subclassed_model_of_several_inputs(x):
    class TwoInputs(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.head = keras.layers.Dense(2), kdl.layers.IndependentNormal(1)

        def call(self, inputs):
            return {"y": self.head(self.dense(inputs["a"] + inputs["b"])), "sum": inputs["a"]}

    model = TwoInputs()
    data = {"a": x, "b": 2.0 * x}
    found = kdl.predict_distribution(model, data, batch_size=8, verbose=0)
    require_same(found["y"], model(data)["y"])
    np.testing.assert_array_equal(found["sum"], x)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32", "uint8", "bool"])
def test_tensors_keep_their_type(dtype, x):
    inputs = keras.Input((INPUTS,))
    cast = keras.layers.Lambda(lambda t: ops.cast(t, dtype))(inputs)
    model = keras.Model(inputs, [cast, kdl.layers.IndependentNormal(1)(inputs[:, :2])])
    x = np.abs(x)
    found, distribution = kdl.predict_distribution(model, x, batch_size=8, verbose=0)
    expected = numpy(model(x)[0])
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(numpy(distribution.mean())[:, 0], x[:, 0])


def test_passes_of_a_random_model_are_one_mixture(x):
    class Noise(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = keras.random.SeedGenerator(0)

        def call(self, inputs):
            return inputs + keras.random.normal(ops.shape(inputs), seed=self.generator)

    model = keras.Sequential([keras.Input((INPUTS,)), Noise(), *small_normal().layers])
    mixture = kdl.predict_distribution(model, x, num_samples=5, verbose=0)
    parts = mixture.components_distribution
    assert (mixture.batch_shape, parts.batch_shape) == ((ROWS,), (ROWS, 5))
    means = numpy(parts.mean())
    assert len({row.tobytes() for row in means[0]}) == 5
    np.testing.assert_allclose(numpy(mixture.mean()), means.mean(axis=1), rtol=1e-5, atol=1e-6)
    lower, upper = kdl.predict_interval(
        model, x, of="mean", num_samples=20, kind="highest_density", verbose=0
    )
    assert (lower < upper).all()


def test_passes_of_a_flow_keep_its_weights_once(x):
    model = keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(4), *flow()])
    mixture = kdl.predict_distribution(model, x, num_samples=2, verbose=0)
    require_same(mixture, model(x))
    kernels = [
        step.kernel.shape for step in mixture.components_distribution.bijector.function.steps
    ]
    assert all(len(shape) == 2 for shape in kernels)


def test_components_of_a_mixture_head_are_no_guesses_of_one_mean(x):
    head = kdl.layers.MixtureSameFamily(2, kdl.layers.MultivariateNormalDiag(2))
    model = keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(head.num_params), head])
    with pytest.raises(ValueError, match="DeepEnsemble, or pass `num_samples`"):
        kdl.predict_interval(model, x, of="mean")


def test_interval_of_the_mean_of_members_of_two_families(x):
    heads = iter([kdl.layers.IndependentNormal(2), kdl.layers.IndependentLaplace(2)])
    ensemble = kdl.ensembles.DeepEnsemble(
        lambda: keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(4), next(heads)]),
        num_members=2,
    )
    means = np.stack([numpy(member(x).mean()) for member in ensemble.members])
    ends = kdl.predict_interval(ensemble, x, 0.99, "highest_density", "mean", verbose=0)
    for end, expected in zip(ends, (means.min(axis=0), means.max(axis=0)), strict=True):
        np.testing.assert_allclose(end, expected, rtol=1e-5, atol=1e-6)


def test_statistics_are_those_of_the_distribution(x):
    model = small_normal()
    rv, options = model(x), {"batch_size": 7, "verbose": 0}
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(kdl.predict_mean(model, x, **options), numpy(rv.mean()), **close)
    np.testing.assert_allclose(
        kdl.predict_stddev(model, x, **options), numpy(rv.stddev()), **close
    )
    quantiles = kdl.predict_quantiles(model, x, [0.05, 0.5, 0.95], **options)
    expected = rv.distribution.distribution.quantile(np.float32([0.05, 0.5, 0.95])[:, None, None])
    np.testing.assert_allclose(np.moveaxis(quantiles, -1, 0), numpy(expected), **close)
    for kind in ("equal_tailed", "highest_density"):  # the same for a normal
        lower, upper = kdl.predict_interval(model, x, kind=kind, **options)
        np.testing.assert_allclose(lower, quantiles[..., 0], rtol=0.02, atol=0.02)
        np.testing.assert_allclose(upper, quantiles[..., 2], rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m, x: kdl.predict_distribution(m, x, num_samples=0), ValueError, "at least 1"),
        (lambda m, x: kdl.predict_mean(m, x[:0]), ValueError, "at least one row"),
        (lambda m, x: kdl.predict_quantiles(m, x, [1.5]), ValueError, "between 0 and 1"),
        (lambda m, x: kdl.predict_interval(m, x, 90), ValueError, "such as 0.9"),
        (lambda m, x: kdl.predict_interval(m, x, kind="hdi"), ValueError, "highest_density"),
        (lambda m, x: kdl.predict_interval(m, x, of="y"), ValueError, "'observation' or 'mean'"),
        (lambda m, x: kdl.predict_interval(m, x, of="mean"), ValueError, "num_samples"),
    ],
)
def test_bad_arguments_are_refused(call, error, words, x):
    with pytest.raises(error, match=words):
        call(small_normal(), x)


def test_models_without_a_distribution_for_each_row_are_refused(x):
    dense = keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(2)])
    with pytest.raises(TypeError, match="End the model with a head"):
        kdl.predict_distribution(dense, x, verbose=0)
    of_the_batch = kdl.layers.DistributionLambda(
        lambda t: kdl.distributions.Normal(t[..., 0], ops.std(t))
    )
    with pytest.raises(ValueError, match="depends on the batch"):
        kdl.predict_distribution(
            keras.Sequential([keras.Input((INPUTS,)), of_the_batch]), x, verbose=0
        )
