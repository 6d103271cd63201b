"""Ours as other libraries' and back, divergences between them, priors that are theirs."""

import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.interop.conversions import native
from keras_distlayers.testing._backend import backend as testing_backend
from keras_distlayers.testing._evaluation import draw, evaluate, gradient, log_prob, statistic

TO = {
    "jax": {"tfp": kdl.interop.to_tfp, "numpyro": kdl.interop.to_numpyro},
    "tensorflow": {"tfp": kdl.interop.to_tfp},
    "torch": {"torch": kdl.interop.to_torch},
}[BACKEND]

# What a library does not have; everything else it has to make.
MISSING = {
    "tfp": {"AsymmetricLaplace", "CensoredNormal"},
    "torch": {
        "AsymmetricLaplace", "CensoredNormal", "ZeroInflated", "Logistic", "TruncatedNormal",
        "OrderedLogistic", "QuantizedLogistic", "Deterministic", "Mixture",
    },
    "numpyro": {
        "CensoredNormal", "OneHotCategorical", "CategoricalMixtureOfOneHotCategorical",
        "QuantizedLogistic",
    },
}  # fmt: skip

# Of all conversions: on JAX an operation is compiled once for each shape, and the families share
# their operations.
BATCH = (2, 3)

families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)
libraries = pytest.mark.parametrize("library", TO)


def foreign():
    """A module of distributions whose tensors are the backend's."""
    if BACKEND == "torch":
        import torch

        return torch.distributions
    if BACKEND == "tensorflow":
        import tensorflow_probability as tfp
    else:
        from keras_distlayers.interop import tfp
    return tfp.distributions


@families
@libraries
def test_conversion_to_a_library_keeps_shapes_and_log_prob(row, library):
    if type(row.example()).__name__ in MISSING[library]:
        with pytest.raises(NotImplementedError, match=f"to_{library}: expected a family that"):
            TO[library](row.example())
        return
    for distribution in (row.example(BATCH), with_a_batch_in_one_parameter(row)):
        theirs, value = TO[library](distribution), a_value_of(distribution)
        assert tuple(theirs.batch_shape) == distribution.batch_shape
        assert tuple(theirs.event_shape) == distribution.event_shape
        own, ours = numpy(theirs.log_prob(value)), numpy(distribution.log_prob(value))
        np.testing.assert_allclose(own, ours, rtol=2e-5, atol=2e-5)
        assert own.shape == distribution.batch_shape


def a_value_of(distribution):
    value = distribution.sample(seed=0)
    if isinstance(distribution, kdl.distributions.VonMises):
        # NumPyro's density is periodic between -pi and pi alone; ours draws around `loc`.
        return ops.arctan2(ops.sin(value), ops.cos(value))
    return value


def with_a_batch_in_one_parameter(row):
    """What broadcasts here, and in the libraries' mixtures does not."""
    first = next(iter(row.parameters))
    batch = row.example_arguments(BATCH)[first]
    return row.make(**{**row.example_arguments(()), first: batch})


@families
@libraries
def test_conversion_round_trip(row, library):
    distribution = row.example(BATCH)
    if type(distribution).__name__ in MISSING[library]:
        return
    again = native(kdl.distributions.as_distribution(TO[library](distribution)))
    if again is None:
        composed = (
            "Mixture", "CategoricalMixture", "Transformed", "Quantized", "Zero",
            "Truncated",
        )  # fmt: skip
        assert type(distribution).__name__.startswith(composed)
        return
    value = distribution.sample(seed=0)
    np.testing.assert_allclose(
        numpy(again.log_prob(value)), numpy(distribution.log_prob(value)), rtol=2e-5, atol=2e-5
    )


@libraries
def test_conversion_of_a_random_variable(library):
    rv = kdl.layers.IndependentNormal(2)(ops.zeros((3, 4)))
    theirs = TO[library](rv)
    assert tuple(theirs.batch_shape) == (3,)
    if library == "tfp":
        assert isinstance(theirs, foreign().Distribution)


def test_conversion_keeps_the_order_of_a_chain_of_bijectors():
    chain = kdl.bijectors.Chain(
        [
            kdl.bijectors.Exp(),
            kdl.bijectors.Affine(1.0, 0.5),
            kdl.bijectors.Invert(kdl.bijectors.Scale(2.0)),
        ]
    )
    distribution = kdl.distributions.TransformedDistribution(
        kdl.distributions.Normal(0.0, 1.0), chain
    )
    value = ops.convert_to_tensor([1.5, 3.0])
    expected = numpy(evaluate(log_prob, distribution, value))
    for to in TO.values():
        theirs = evaluate(lambda d, value, to=to: to(d).log_prob(value), distribution, value)
        np.testing.assert_allclose(numpy(theirs), expected, 1e-5)


def test_conversion_names_the_backends_of_a_library():
    for library, backends in {"tfp": ("jax", "tensorflow"), "torch": ("torch",)}.items():
        if BACKEND not in backends:
            with pytest.raises(NotImplementedError, match=f"to_{library}: expected Keras on"):
                getattr(kdl.interop, f"to_{library}")(kdl.distributions.Normal(0.0, 1.0))


def test_as_distribution_refuses_another_backends_distribution():
    from keras_distlayers.interop import tfp

    if BACKEND == "jax":
        import torch

        distribution = torch.distributions.Normal(0.0, 1.0)
    else:
        distribution = tfp.distributions.Normal(0.0, 1.0)
    with pytest.raises(TypeError, match="expected a distribution on Keras's backend"):
        kdl.distributions.as_distribution(distribution)


def test_distribution_lambda_refuses_a_function_without_a_distribution():
    with pytest.raises(TypeError, match="expected a function that returns a distribution"):
        kdl.layers.DistributionLambda(lambda t: t)(ops.zeros((3, 2)))


if BACKEND != "torch":  # which has no joint distributions

    def test_as_distribution_of_a_joint_distribution_says_what_to_do():
        d = foreign()
        joint = d.JointDistributionSequential([d.Normal(0.0, 1.0), d.Normal(0.0, 1.0)])
        with pytest.raises(TypeError, match=r"events of dtype=.* a structure"):
            kdl.distributions.as_distribution(joint)


STATISTICS = ("mean", "mode", "stddev", "variance", "entropy")
METHODS_OF_A_VALUE = ("log_prob", "cdf", "survival_function", "quantile")


def every_method(distribution, value):
    return {name: getattr(distribution, name)() for name in STATISTICS} | {
        name: getattr(distribution, name)(value) for name in METHODS_OF_A_VALUE
    }


def test_as_distribution_has_every_method():
    loc = ops.convert_to_tensor([0.0, 1.0, 2.0])
    distribution = kdl.distributions.as_distribution(foreign().Normal(loc, 1.0))
    assert (distribution.batch_shape, distribution.event_shape, distribution.dtype) == (
        (3,),
        (),
        "float32",
    )
    assert distribution.reparameterized
    value = ops.convert_to_tensor([0.5, 0.5, 0.5])
    theirs, own = (
        evaluate(every_method, d, value)
        for d in (distribution, kdl.distributions.Normal(loc, 1.0))
    )
    for name in STATISTICS:
        np.testing.assert_allclose(numpy(theirs[name]), numpy(own[name]), 1e-6)
    for name in METHODS_OF_A_VALUE:
        np.testing.assert_allclose(numpy(theirs[name]), numpy(own[name]), rtol=1e-5, atol=1e-6)
    draws, again, others = (numpy(draw(distribution, shape=4, seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(draws, again)
    assert not (draws == others).any()
    with pytest.raises(ValueError, match="leading axes that broadcast"):
        distribution.log_prob(ops.zeros((2,)))
    with pytest.raises(NotImplementedError, match="it is wrapped"):
        distribution[0]


def test_as_distribution_has_gradients_through_its_draws():
    def total(loc):
        distribution = kdl.distributions.as_distribution(foreign().Normal(loc, 1.0))
        return ops.sum(distribution.sample(seed=0))

    slope = gradient(total, ops.zeros((3,)))
    np.testing.assert_allclose(numpy(slope), np.ones(3))


# ---------------------------------------------------------------- divergences


def pair():
    ours = kdl.distributions.Independent(
        kdl.distributions.Normal(ops.convert_to_tensor([0.0, 1.0]), 2.0), 1
    )
    d = foreign()
    theirs = d.Independent(d.Normal(ops.convert_to_tensor([1.0, 1.0]), 1.0), 1)
    return (
        ours,
        theirs,
        kdl.distributions.Independent(
            kdl.distributions.Normal(ops.convert_to_tensor([1.0, 1.0]), 1.0), 1
        ),
    )


def kl_with_itself(distribution):
    return statistic(distribution, "kl_divergence", distribution)


def with_kl():
    """Families and the libraries that have them, but for mixtures: those of theirs have none.

    Found without numbers: nothing is compiled as tests are collected.
    """
    for row in kdl.testing.FAMILIES:
        distribution = row.example()
        kl = testing_backend.eval_shape(kl_with_itself, distribution)
        if "Mixture" in row.name or kl is None:
            continue
        for library in TO:
            if (library, row.name) == ("numpyro", "TransformedDistribution"):
                continue  # no closed form there, and its transforms are not converted to ours
            if type(distribution).__name__ not in MISSING[library]:
                yield pytest.param(row, library, id=f"{library}-{row.name}")


# TFP and NumPyro on JAX take the difference of log gammas that are some nats, in float32: seen on
# the CPU for Beta, on a GPU for Dirichlet.
ATOL = {"Beta": 5e-6, "Dirichlet": 5e-6}


@pytest.mark.parametrize(("row", "library"), [*with_kl()])
def test_kl_with_a_foreign_distribution_in_closed_form_either_way_round(row, library):
    """Of batches that broadcast, too."""
    a, b = row.example((2, 1), seed=0), row.example((3,), seed=1)
    expected = numpy(a.kl_divergence(b))
    their_a, their_b = (
        kdl.distributions.as_distribution(TO[library](distribution)) for distribution in (a, b)
    )
    for distribution, other in ((a, their_b), (their_a, b), (their_a, their_b)):
        found = numpy(distribution.kl_divergence(other))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=ATOL.get(row.name, 1e-6))
        assert found.shape == (2, 3)


def test_kl_with_a_foreign_distribution_by_our_formula():
    """A full normal to independent ones: TFP has no closed form for it."""
    full = kdl.distributions.MultivariateNormalTriL(
        ops.ones((2,)), ops.convert_to_tensor([[1.0, 0.0], [0.5, 2.0]])
    )
    _, theirs, same = pair()
    np.testing.assert_allclose(
        numpy(full.kl_divergence(kdl.distributions.as_distribution(theirs))),
        numpy(full.kl_divergence(same)), rtol=1e-5,
    )  # fmt: skip


def test_kl_with_a_foreign_distribution_by_monte_carlo():
    prior = foreign().Cauchy(ops.zeros(()), 1.0)
    distribution = kdl.distributions.Normal(ops.zeros((4,)), 1.0)
    with pytest.raises(NotImplementedError, match="no closed form"):
        distribution.kl_divergence(kdl.distributions.as_distribution(prior))
    kl_term = kdl.regularizers.KLDivergenceRegularizer(prior, num_samples=20_000)
    x = np.random.default_rng(0).normal(size=1_000_000)
    ratios = -0.5 * x**2 - 0.5 * np.log(2 * np.pi) + np.log(np.pi * (1.0 + x**2))
    # 6 standard errors of 80,000 draws; those of the expectation are smaller.
    assert abs(float(kl_term(distribution)) - ratios.mean()) < 6 * ratios.std() / 80_000**0.5


# ---------------------------------------------------------------- priors


@keras.saving.register_keras_serializable("tests")
def foreign_prior():
    d = foreign()
    return d.Independent(d.Laplace(ops.zeros((2,)), 1.0), 1)


@keras.saving.register_keras_serializable("tests")
def native_prior():
    return kdl.distributions.Independent(kdl.distributions.Normal(ops.zeros((2,)), 1.0), 1)


def encoder(prior):
    regularizer = kdl.regularizers.KLDivergenceRegularizer(prior)
    head = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer, seed=3)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), head])
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    return model


@pytest.mark.parametrize("prior", [foreign_prior, native_prior])
def test_prior_made_by_a_function_is_saved(prior, tmp_path):
    model = encoder(prior)
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 2), "float32")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[-1].activity_regularizer.distribution_b is prior
    np.testing.assert_allclose(numpy(again(x).log_prob(y)), numpy(model(x).log_prob(y)), rtol=1e-6)
    again.fit(x, y, verbose=0)


def test_prior_that_could_not_be_loaded_is_refused_on_saving(tmp_path):
    for prior, fix in [
        (foreign_prior(), "Pass a function without arguments"),
        (lambda: native_prior(), "register_keras_serializable"),
    ]:
        model = encoder(prior)
        model.fit(np.ones((4, 3), "float32"), np.zeros((4, 2), "float32"), verbose=0)
        with pytest.raises(TypeError, match=fix):
            model.save(tmp_path / "model.keras")


def test_prior_function_without_a_distribution_is_refused():
    with pytest.raises(TypeError, match="a function that makes a distribution"):
        encoder(lambda: 1.0)(np.ones((4, 3), "float32"))
