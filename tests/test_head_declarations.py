"""What follows from a head's declaration: signature, docstring, config, sizes, readers."""

import inspect

import keras
import numpy as np
import pytest
from helpers import numpy, standard_normal

import keras_distlayers as kdl

LAYERS = {name: getattr(kdl.layers, name) for name in kdl.layers.__all__}
BASES = ("Head", "ParametricHead", "IndependentHead")
HEADS = {
    name: cls
    for name, cls in LAYERS.items()
    if isinstance(cls, type) and issubclass(cls, kdl.layers.Head) and name not in BASES
}
heads = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)


# ------------------------------------------------------------------ signature and docstring


@heads
def test_signature_spells_out_every_argument(head):
    parameters = inspect.signature(head).parameters
    assert {"convert_to_tensor_fn", "activity_regularizer", "seed"} <= set(parameters)
    kinds = [p.kind for p in parameters.values()]
    assert inspect.Parameter.VAR_POSITIONAL not in kinds
    assert [p.name for p in parameters.values() if p.kind is p.VAR_KEYWORD] == ["kwargs"]


def test_signature_keeps_the_order_of_tfp_layers():
    names = list(inspect.signature(kdl.layers.MixtureSameFamily).parameters)
    assert names[:3] == ["num_components", "component_layer", "convert_to_tensor_fn"]
    assert list(inspect.signature(kdl.layers.IndependentGamma).parameters)[:2] == [
        "event_shape",
        "convert_to_tensor_fn",
    ]


@heads
def test_docstring_describes_every_argument(head):
    documented = head.__doc__.partition("Args:")[2].partition("\n\n")[0]
    for name in inspect.signature(head).parameters:
        assert documented.count(f"    {name}: ") + documented.count(f"    **{name}: ") == 1, name


@heads
def test_docstring_has_every_section(head):
    for title in ("Call arguments", "Input shape", "Output shape", "Raises", "Examples"):
        assert head.__doc__.count(f"\n{title}:") == 1, title
    assert "\nSource: " in head.__doc__ or head is kdl.layers.DistributionLambda


@heads
def test_docstring_lists_the_raw_parameters(head):
    for i, text in enumerate(head.raw_parameters, start=1):
        assert f"\n{i}. {text}\n" in head.__doc__


def test_docstring_of_a_subclass_is_completed():
    class Documented(kdl.layers.IndependentNormal):
        """A summary.

        Args:
            event_shape: Our own words.
        """

    class Undocumented(kdl.layers.IndependentNormal):
        pass

    assert Documented.__doc__.startswith("A summary.\n")
    assert "event_shape: Our own words." in Documented.__doc__
    assert Documented.__doc__.count("event_shape: ") == 1
    assert "\n    seed: " in Documented.__doc__
    assert Undocumented.__doc__ is None


# ------------------------------------------------------------------ config


@keras.saving.register_keras_serializable("tests")
class IndependentShifted(kdl.layers.IndependentHead):
    """A head of a user, with a function and an initializer among its arguments."""

    distribution_class = kdl.distributions.Gumbel
    parameters = {"loc": kdl.layers.Real(), "scale": kdl.layers.Positive()}

    def __init__(self, event_shape=(), shift=0.0, function=None, initializer="zeros", **options):
        self.shift, self.function = shift, function
        self.initializer = keras.initializers.get(initializer)
        super().__init__(event_shape, **options)


@keras.saving.register_keras_serializable("tests")
def double(x):
    return 2.0 * x


def test_config_has_the_arguments_of_a_users_head():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), weight=0.5)
    head = IndependentShifted(
        2, 1.5, double, "ones", convert_to_tensor_fn=double, activity_regularizer=regularizer
    )
    clone = IndependentShifted.from_config(head.get_config())
    assert (clone.event_shape, clone.shift, clone.function) == ((2,), 1.5, double)
    assert isinstance(clone.initializer, keras.initializers.Ones)
    assert clone.convert_to_tensor_fn is double
    assert clone.activity_regularizer.weight == 0.5
    assert clone.get_config() == head.get_config()


def test_config_names_an_argument_that_is_not_an_attribute():
    class Forgetful(kdl.layers.IndependentNormal):
        def __init__(self, event_shape=(), shift=0.0, **options):
            super().__init__(event_shape, **options)

    with pytest.raises(AttributeError, match=r"Forgetful\.get_config: .*`shift`.*self\.shift"):
        Forgetful(2).get_config()


def test_config_written_by_hand_answers_for_its_own_arguments():
    class ByHand(kdl.layers.IndependentNormal):
        def __init__(self, size, **options):
            super().__init__((size, size), **options)

        def get_config(self):
            config = super().get_config()
            del config["event_shape"]
            return {**config, "size": self.event_shape[0]}

    clone = ByHand.from_config(ByHand(3, seed=1).get_config())
    assert (clone.event_shape, clone.seed) == ((3, 3), 1)


# ------------------------------------------------------------------ sizes


NORMAL = kdl.layers.IndependentNormal
SIZES = {
    "event_shape-int": (lambda n: NORMAL(n).num_params, 3, 6),
    "event_shape-tuple": (lambda n: NORMAL((n, n)).num_params, 2, 8),
    "params_size": (lambda n: NORMAL.params_size((n, 2)), 3, 12),
    "event_size": (lambda n: kdl.layers.MultivariateNormalTriL(n).num_params, 3, 9),
    "rank": (lambda n: kdl.layers.MultivariateNormalLowRank(2, n).num_params, 3, 10),
    "num_categories": (lambda n: kdl.layers.OrderedLogistic(n).num_params, 3, 3),
    "num_components": (lambda n: kdl.layers.MixtureNormal(n, 2).num_params, 3, 15),
    "mixture": (lambda n: kdl.layers.MixtureSameFamily(n, NORMAL(2)).num_params, 3, 15),
    "mixture-params_size": (lambda n: kdl.layers.MixtureSameFamily.params_size(2, n), 3, 8),
    "zero-inflated": (lambda n: kdl.layers.ZeroInflated.params_size((n,), n), 3, 6),
    "pixels": (
        lambda n: kdl.layers.IndependentQuantizedLogisticMixture.params_size(2, n), 3, 18,
    ),
    "one-hot mixture": (
        lambda n: kdl.layers.CategoricalMixtureOfOneHotCategorical(2, n).num_params, 3, 9,
    ),
    "num_couplings": (lambda n: len(kdl.layers.ConditionalFlow(2, n).networks), 3, 3),
    "hidden_units": (
        lambda n: kdl.layers.AutoregressiveNetwork(2, hidden_units=[n]).hidden_units[0], 3, 3,
    ),
    "variable": (lambda n: kdl.layers.VariableLayer((n, 2)).shape[0], 3, 3),
}  # fmt: skip
sizes = pytest.mark.parametrize(("function", "size", "expected"), SIZES.values(), ids=SIZES)


@sizes
def test_size_may_be_an_integer_of_numpy(function, size, expected):
    for integer in (size, np.int64(size), np.uint8(size), np.array(size)):
        result = function(integer)
        assert (result, type(result)) == (expected, int)


@sizes
@pytest.mark.parametrize("value", [0, -3, True, np.True_, 2.0, 2.5, "2", None], ids=repr)
def test_size_of_another_kind_is_refused(function, size, expected, value):
    with pytest.raises(ValueError, match=r"argument `\w+`: expected an int.*Received: \w+="):
        function(value)


@pytest.mark.parametrize("shape", [[2, 3], np.array([2, 3]), np.zeros((2, 3)).shape], ids=repr)
def test_event_shape_may_be_any_sequence_of_integers(shape):
    head = NORMAL(shape)
    assert head.event_shape == (2, 3)
    assert head.get_config()["event_shape"] == (2, 3)
    assert {type(n) for n in head.event_shape} == {int}


def test_event_shape_may_be_the_shape_of_a_tensor():
    assert NORMAL(keras.ops.zeros((2, 3)).shape).event_shape == (2, 3)


@pytest.mark.parametrize(
    "call", [kdl.layers.IndependentHead, kdl.layers.IndependentHead.params_size]
)
def test_head_without_a_declaration_is_refused(call):
    with pytest.raises(NotImplementedError, match="IndependentHead must declare"):
        call(2)


# ------------------------------------------------------------------ heads made of heads


def raw_values(head, seed=0):
    return np.random.default_rng(seed).normal(size=(3, head.num_params)).astype("float32")


def test_mixture_does_not_own_its_component():
    component = kdl.layers.MultivariateNormalTriL(2)
    head = kdl.layers.MixtureSameFamily(3, component)
    head(raw_values(head))
    assert [v.path for v in head.variables] == [head.seed_generator.state.path]
    assert not component.built


def test_mixture_of_mixtures_reads_its_components():
    inner = kdl.layers.MixtureNormal(2, 2)
    head = kdl.layers.MixtureSameFamily(3, inner)
    assert head.num_params == 3 * (1 + inner.num_params)
    raw = raw_values(head)
    first = inner.distribution(raw[:, 3 : 3 + inner.num_params])
    ours = head.distribution(raw).components_distribution[:, 0]
    value = np.ones((3, 2), "float32")
    np.testing.assert_allclose(numpy(ours.log_prob(value)), numpy(first.log_prob(value)), 1e-6)


def test_component_may_override_make_distribution():
    class Shifted(kdl.layers.IndependentNormal):
        def make_distribution(self, inputs):
            return super().make_distribution(inputs + 1.0)

    head = kdl.layers.MixtureSameFamily(1, Shifted(2))
    raw = raw_values(head)
    expected = NORMAL(2).distribution(raw[:, 1:] + 1.0)
    np.testing.assert_allclose(numpy(head(raw).mean()), numpy(expected.mean()), rtol=1e-6)


COMPONENTS = {
    "MixtureSameFamily": lambda head: kdl.layers.MixtureSameFamily(2, head),
    "ZeroInflated": kdl.layers.ZeroInflated,
}


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_with_a_regularizer_is_refused(name):
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
    head = kdl.layers.IndependentPoisson(2, activity_regularizer=regularizer)
    with pytest.raises(ValueError, match=f"{name}, argument .*Give the regularizer to {name}"):
        COMPONENTS[name](head)


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_that_is_not_a_head_is_refused(name):
    with pytest.raises(TypeError, match=f"{name}, argument .*expected a ParametricHead"):
        COMPONENTS[name](keras.layers.Dense(2))


def test_quantized_mixture_refuses_an_empty_range():
    with pytest.raises(ValueError, match=r"`low` and `high`: expected low below high"):
        kdl.layers.IndependentQuantizedLogisticMixture(2, low=3, high=3)
