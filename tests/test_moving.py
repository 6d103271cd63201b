"""What a user of tfp.layers writes first: it works, or an error says what to write."""

import json

import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers import distributions as kd

RAW = np.random.default_rng(0).normal(size=(4, 30)).astype("float32")


def rv(**options):
    return kdl.layers.IndependentNormal(2, **options)(RAW[:, :4])


# ---------------------------------------------------------------- names that are not here


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("VariationalGaussianProcess", "Gaussian processes are not here"),
        ("default_loc_scale_fn", "a function of the number of weights"),
        ("KLDivergenceRegularizer", "regularizers.KLDivergenceRegularizer"),
    ],
)
def test_a_name_of_tfp_layers_says_what_there_is(name, advice):
    with pytest.raises(AttributeError, match=advice):
        getattr(kdl.layers, name)


def test_an_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match=r"has no attribute 'DenseVariationa'$"):
        kdl.layers.DenseVariationa  # noqa: B018 - reading it is the test


def test_every_public_name_of_tfp_layers_is_here_or_has_advice():
    from tensorflow_probability import layers as theirs

    theirs.DenseFlipout  # noqa: B018 - TFP loads the module as its first name is read
    names = {name for name, value in vars(theirs).items() if callable(value)}
    assert len(names) == 30
    for name in names - set(kdl.layers.__all__):
        with pytest.raises(AttributeError, match=rf"'{name}'\. \S"):
            getattr(kdl.layers, name)


# ---------------------------------------------------------------- arguments that are not here


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (lambda: kd.Normal(0.0, 1.0, validate_args=True), "Normal.*shapes are always checked"),
        (lambda: kd.Normal(0.0, 1.0, name="x"), "distributions have no names"),
        (lambda: kd.Bernoulli(logits=0.0, dtype="int32"), "cast the draw"),
        (lambda: kd.Gamma(1.0, 1.0, allow_nan_stats=False), "no statistic raises"),
        (lambda: kdl.bijectors.Exp(validate_args=True), "Exp.*Leave it out"),
        (lambda: kdl.layers.IndependentNormal(2, validate_args=True), "Leave it out"),
        (lambda: kdl.layers.IndependentBernoulli(2, sample_dtype="int32"), "cast the draw"),
        (lambda: kdl.layers.IndependentNormal.new(RAW, 2, name="x"), "have no names"),
        (
            lambda: kdl.regularizers.KLDivergenceRegularizer(
                kd.Normal(0.0, 1.0), test_points_reduce_axis=()
            ),
            "averaged over the points",
        ),
        (
            lambda: kdl.layers.KLDivergenceAddLoss(
                kd.Normal(0.0, 1.0), test_points_reduce_axis=()
            ),
            "averaged over the points",
        ),
    ],
)
def test_an_argument_of_tfp_says_what_to_write(make, advice):
    with pytest.raises(TypeError, match=advice):
        make()


def test_your_own_class_may_have_such_an_argument():
    class Named(kd.Normal):
        static_names = ("name",)

        def __init__(self, loc, scale, name):
            kd.Distribution.__init__(self, loc=loc, scale=scale, name=name)

    assert Named(0.0, 1.0, name="mine").name == "mine"
    assert kdl.layers.IndependentNormal(2, name="mine", dtype="float32").name == "mine"


# ---------------------------------------------------------------- what works as there


def foreign_methods():
    import tensorflow_probability as tfp

    return {"mode": tfp.distributions.Distribution.mode, "mean": tfp.distributions.Normal.mean}


@pytest.mark.parametrize("name", ["mode", "mean"])
def test_unbound_methods_of_other_libraries_are_their_names(name):
    head = kdl.layers.IndependentNormal(2, convert_to_tensor_fn=foreign_methods()[name])
    assert head.convert_to_tensor_fn == name
    np.testing.assert_array_equal(numpy(head(RAW[:, :4])), RAW[:, :2])


def test_a_function_of_the_name_of_a_method_stays_a_function():
    class Mine:
        @staticmethod
        def mean(distribution):
            return distribution.stddev()

    np.testing.assert_array_equal(numpy(rv(convert_to_tensor_fn=Mine.mean)), numpy(rv().stddev()))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (np.int64(3), (3,)),
        (np.array(3), (3,)),
        (np.array([3, 2]), (3, 2)),
        ((np.int32(3), 2), (3, 2)),
    ],
)
def test_sample_shapes_may_be_numpys(shape, expected):
    assert tuple(kd.Normal(0.0, 1.0).sample(shape).shape) == expected


def test_sizes_may_be_numpys():
    assert kdl.layers.IndependentNormal(np.array([2, 3])).event_shape == (2, 3)
    assert kdl.layers.MultivariateNormalTriL(np.int64(3)).event_size == 3
    prior = kd.Normal(0.0, 1.0)
    assert (
        kdl.regularizers.KLDivergenceRegularizer(prior, num_samples=np.int64(4)).num_samples == 4
    )


def test_sizes_may_be_the_shape_of_a_tensor():
    shape = ops.zeros((2, 3)).shape  # a TensorShape on TensorFlow
    assert kdl.layers.IndependentNormal(shape).event_shape == (2, 3)
    assert tuple(kd.Normal(0.0, 1.0).sample(shape).shape) == (2, 3)


NEW = {
    "IndependentNormal": (kdl.layers.IndependentNormal, (2,)),
    "IndependentBernoulli": (kdl.layers.IndependentBernoulli, ((2, 1),)),
    "MultivariateNormalTriL": (kdl.layers.MultivariateNormalTriL, (3,)),
    "OneHotCategorical": (kdl.layers.OneHotCategorical, (3,)),
    "CategoricalMixtureOfOneHotCategorical": (
        kdl.layers.CategoricalMixtureOfOneHotCategorical, (3, 2),
    ),
    "MixtureNormal": (kdl.layers.MixtureNormal, (3, 2)),
    "MixtureSameFamily": (
        kdl.layers.MixtureSameFamily, (2, kdl.layers.MultivariateNormalTriL(2)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NEW)
def test_new_is_the_distribution_of_the_layer(name):
    head, sizes = NEW[name]
    if name == "OneHotCategorical":  # has an argument beside its size
        with pytest.raises(NotImplementedError, match=r"layer.distribution\(inputs\)"):
            head.new(RAW, *sizes)
        return
    layer = head(*sizes)
    raw = RAW[:, : layer.num_params]
    ours, expected = head.new(raw, *sizes), layer.distribution(ops.convert_to_tensor(raw))
    np.testing.assert_array_equal(numpy(ours.mean()), numpy(expected.mean()))
    with pytest.raises(ValueError, match=f"params_size={layer.num_params}"):
        head.new(RAW, *sizes)


def test_independent_leaves_one_batch_axis_by_default():
    entries = kd.Normal(np.zeros((4, 2, 3), "float32"), 1.0)
    distribution = kd.Independent(entries)
    assert (distribution.batch_shape, distribution.event_shape) == ((4,), (2, 3))
    assert distribution.get_config()["reinterpreted_batch_ndims"] == 2
    assert kd.Independent(kd.Normal(0.0, 1.0)).event_shape == ()


def test_multivariate_normal_diag_has_unit_scale_by_default():
    distribution = kd.MultivariateNormalDiag(RAW[:, :3])
    np.testing.assert_array_equal(numpy(distribution.stddev()), np.ones((4, 3), "float32"))


def test_mixture_distribution_of_a_mixture_of_one_hots():
    mixture = kdl.layers.CategoricalMixtureOfOneHotCategorical(3, 2)(RAW[:, :8])
    log_weights = numpy(mixture.mixture_distribution.log_prob(np.arange(2)[:, None]))
    components = numpy(mixture.components_distribution.mean())
    mean = (np.exp(log_weights.T)[..., None] * components).sum(axis=-2)
    np.testing.assert_allclose(numpy(mixture.mean()), mean, rtol=1e-5)


def test_a_random_variable_is_an_array_for_numpy_with_a_gradient_too():
    dense = keras.layers.Dense(4)
    output = kdl.layers.IndependentNormal(2)(dense(RAW))
    for array in (np.array(output), np.asarray(output, "float64"), output.numpy()):
        np.testing.assert_array_equal(array, numpy(output))


def test_tensor_distribution_says_what_to_write():
    with pytest.raises(AttributeError, match=r"`rv\.distribution` is the distribution"):
        rv().tensor_distribution  # noqa: B018 - reading it is the test


# ---------------------------------------------------------------- around Keras


class Around(keras.layers.Layer):
    """A layer around a head, without compute_output_shape."""

    def __init__(self):
        super().__init__()
        self.head = kdl.layers.IndependentNormal(2)

    def call(self, inputs):
        return self.head(inputs)


def test_a_layer_around_a_head_in_a_functional_model_is_told_what_it_lacks():
    inputs = keras.Input((4,))
    if BACKEND == "torch":  # where a RandomVariable is a tensor of the backend
        assert Around()(inputs).shape == (None, 2)
        return
    with pytest.raises(ValueError, match=r"compute_output_shape\(input_shape\)"):
        Around()(inputs)


def test_time_distributed_is_told_that_a_head_takes_any_batch_axes():
    head = kdl.layers.IndependentNormal(2)
    output = keras.layers.TimeDistributed(head)(RAW[:, :4].reshape(2, 2, 4))
    with pytest.raises(TypeError, match=r"TimeDistributed.*any number of batch axes"):
        kdl.losses.NegativeLogLikelihood()(np.zeros((2, 2, 2), "float32"), output)


def test_a_plain_function_as_loss_cannot_reach_the_distribution():
    """Keras converts the output before the function sees it: docs/losses_and_metrics.md."""
    model = keras.Sequential([keras.Input((4,)), kdl.layers.IndependentNormal(2)])
    model.compile("sgd", lambda y, output: -output.log_prob(y))
    with pytest.raises(AttributeError, match="log_prob"):
        model.evaluate(RAW[:, :4], RAW[:, :2], verbose=0)


# ---------------------------------------------------------------- functions that are saved


def unregistered(y, output):
    return -output.log_prob(y)


def softplus(distribution):
    """Its name is one of Keras's, which would be loaded in its place."""
    return distribution.mean()


@keras.saving.register_keras_serializable("tests.moving")
def registered(y, output):
    return -output.log_prob(y)


@pytest.mark.parametrize(
    "owner",
    [
        lambda: kdl.losses.DistributionLoss(unregistered),
        lambda: kdl.losses.DistributionLoss(lambda y, output: -output.log_prob(y)),
        lambda: kdl.metrics.DistributionMetric(unregistered),
        lambda: kdl.layers.DistributionLambda(lambda t: kd.Normal(t, 1.0)),
        lambda: kdl.layers.IndependentNormal(2, convert_to_tensor_fn=softplus),
        lambda: kdl.regularizers.KLDivergenceRegularizer(
            kd.Normal(0.0, 1.0), weight=lambda step: 0.5
        ),
    ],
)
def test_saving_what_could_not_be_loaded_warns(owner):
    with pytest.warns(UserWarning, match="keras.saving.register_keras_serializable") as caught:
        owner().get_config()
    assert sum(w.category is UserWarning for w in caught) == 1  # without Keras's own of a lambda


@pytest.mark.parametrize(
    "owner",
    [
        lambda: kdl.losses.DistributionLoss(registered),
        lambda: kdl.layers.IndependentNormal(2, convert_to_tensor_fn="mean"),
        lambda: kdl.layers.VariableLayer(2, activation="softplus"),
        lambda: kdl.layers.VariableLayer(2, activation=ops.softplus),
    ],
)
def test_saving_what_can_be_loaded_does_not_warn(owner):
    json.dumps(owner().get_config(), default=str)  # a warning is an error here
