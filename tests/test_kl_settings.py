"""What of a KL term is a weight, a setting or a count: loading, variables, callbacks."""

import functools

import keras
import numpy as np
import pytest
from helpers import binary, numpy, small_vae, standard_normal, tracker_of
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.layers.kl_tracker import kl_trackers

X = binary((8, 6))


def plain_copy(vae):
    """The same network without a KL term."""

    def without_kl(layer):
        config = layer.get_config()
        if isinstance(layer, kdl.layers.Head):
            config["activity_regularizer"] = None
        return type(layer).from_config(config)

    return keras.models.clone_model(vae, clone_function=without_kl)


def assert_same_weights(ours, theirs):
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))


# ------------------------------------------------------------------ loading


@pytest.mark.parametrize("how", ["file", "arrays"])
def test_loading_weights_leaves_the_kl_weight_alone(how, tmp_path):
    (_, _, source), (_, _, target) = small_vae(weight=1.0), small_vae(weight=4.0)
    if how == "file":
        source.save_weights(tmp_path / "vae.weights.h5")
        target.load_weights(tmp_path / "vae.weights.h5")
    else:
        target.set_weights(source.get_weights())
    assert_same_weights(source, target)
    assert tracker_of(target).weight == 4.0
    target(X)
    kl = tracker_of(target).kl_divergence
    assert float(numpy(target.losses[0])) == pytest.approx(4.0 * kl, rel=1e-5)


@pytest.mark.parametrize("how", ["file", "arrays"])
@pytest.mark.parametrize("direction", ["to a model with KL", "to a model without KL"])
def test_networks_with_and_without_kl_exchange_weights(direction, how, tmp_path):
    _, _, vae = small_vae()
    # Copies without an optimizer, whose state would be in the file too.
    source, target = keras.models.clone_model(vae), plain_copy(vae)
    assert kl_trackers(target) == []
    if direction == "to a model with KL":
        source, target = target, source
    for variable in source.weights:
        variable.assign(np.ones(variable.shape))
    if how == "file":
        source.save_weights(tmp_path / "any.weights.h5")
        target.load_weights(tmp_path / "any.weights.h5")
    else:
        target.set_weights(source.get_weights())
    assert_same_weights(source, target)


def test_what_the_tracker_counts_is_not_among_the_weights():
    _, _, vae = small_vae()
    assert vae.count_params() == plain_copy(vae).count_params()
    counted = [v.name for v in tracker_of(vae).variables]
    means = ["mean", "examples", "training_mean", "training_examples"]
    assert counted == [*means, "step", "weight"]
    carried = {id(v) for v in vae.non_trainable_variables}
    assert carried >= {id(v) for v in tracker_of(vae).variables}


def test_weights_file_brings_the_step_of_a_schedule_along(tmp_path):
    schedule = kdl.schedules.LinearWarmup(10)
    (_, _, source), (_, _, target) = small_vae(weight=schedule), small_vae(weight=schedule)
    source.fit(X, X, batch_size=2, verbose=0)
    source.save_weights(tmp_path / "vae.weights.h5")
    target.optimizer.build(target.trainable_variables)  # its state is in the file too
    target.load_weights(tmp_path / "vae.weights.h5")
    assert tracker_of(target).step == 4
    target.fit(X, X, batch_size=8, verbose=0)
    assert tracker_of(target).weight == pytest.approx(0.4)


@pytest.mark.parametrize("kind", ["head", "add loss"])
def test_config_has_the_weight_as_it_is_now(kind, tmp_path):
    prior = standard_normal(2)
    if kind == "head":
        regularizer = kdl.regularizers.KLDivergenceRegularizer(prior, weight=3.0)
        layers = [kdl.layers.IndependentNormal(2, activity_regularizer=regularizer)]
    else:
        add_loss = kdl.layers.KLDivergenceAddLoss(prior, weight=3.0)
        layers = [kdl.layers.IndependentNormal(2), add_loss]
    model = keras.Sequential([keras.Input((4,)), *layers])
    tracker_of(model).weight = 0.25
    model.save(tmp_path / "model.keras")
    for copy in (
        keras.models.load_model(tmp_path / "model.keras"),
        keras.models.clone_model(model),
    ):
        assert tracker_of(copy).weight == 0.25


# ------------------------------------------------------------------ finding trackers


class OwnWeight(keras.layers.Layer):
    """A user's layer with a weight of that name."""

    def build(self, input_shape):
        self.kl_weight = self.add_weight(shape=(), initializer="ones", name="kl_weight")

    def call(self, x):
        return x * self.kl_weight


def test_kl_weight_scheduler_leaves_a_users_weight_alone():
    own = OwnWeight()
    encoder, decoder, _ = small_vae()
    model = keras.Sequential([keras.Input((6,)), own, encoder, decoder])
    model.compile(keras.optimizers.SGD(0.0), kdl.losses.NegativeLogLikelihood())
    scheduler = kdl.callbacks.KLWeightScheduler(lambda epoch: 0.5)
    monitor = kdl.callbacks.KLMonitor()
    history = model.fit(X, X, verbose=0, callbacks=[scheduler, monitor]).history
    assert float(numpy(own.kl_weight)) == 1.0
    assert history["kl_weight"] == [0.5]


class Deep(keras.Model):
    """Heads in a list, in a wrapper, and in a nested model."""

    def __init__(self):
        super().__init__()
        self.parts = [{"first": self.head("first")}, keras.Sequential([self.head("second")])]
        self.wrapper = keras.layers.TimeDistributed(self.head("third"))

    @staticmethod
    def head(name):
        regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
        return kdl.layers.IndependentNormal(2, activity_regularizer=regularizer, name=name)

    def call(self, x):
        first = self.parts[0]["first"](x) + self.parts[1](x)
        return first + self.wrapper(ops.stack([x, x], axis=1))[:, 0]


def test_kl_monitor_finds_trackers_in_lists_wrappers_and_nested_models():
    model = Deep()
    model(np.ones((4, 4), "float32"))
    assert {t.name for t in kl_trackers(model)} == {"first_kl", "second_kl", "third_kl"}


def test_kl_callbacks_refuse_a_model_without_a_kl_term():
    _, _, vae = small_vae()
    plain = plain_copy(vae)
    plain.compile("sgd", kdl.losses.NegativeLogLikelihood())
    callbacks = [kdl.callbacks.KLMonitor(), kdl.callbacks.KLWeightScheduler(lambda epoch: 1.0)]
    for callback in callbacks:
        with pytest.raises(ValueError, match="a model with a KL term"):
            plain.fit(X, X, verbose=0, callbacks=[callback])


def test_kl_weight_scheduler_refuses_what_is_not_callable():
    with pytest.raises(TypeError, match=r"a function of the epoch.*schedule=0.5"):
        kdl.callbacks.KLWeightScheduler(0.5)


def test_kl_tracker_refuses_an_unknown_reduction():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
    with pytest.raises(ValueError, match=r"per_example.*reduction='sum'"):
        kdl.layers.KLTracker(regularizer, reduction="sum")


def test_kl_tracker_that_was_not_built_says_what_to_do():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
    tracker = kdl.layers.KLTracker(regularizer)
    with pytest.raises(RuntimeError, match=r"tracker.build\(\)"):
        tracker.add(prior_of(np.ones((4, 2), "float32")))


def test_kl_tracker_comes_back_from_its_config():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), weight=0.5)
    tracker = kdl.layers.KLTracker(regularizer, name="any")
    copy = kdl.layers.KLTracker.from_config(tracker.get_config())
    assert (copy.name, copy.regularizer.weight, copy.reduction) == ("any", 0.5, "per_example")


# ------------------------------------------------------------------ variables that nothing tracks


BETA = keras.Variable(0.5)


class Annealed:
    """A schedule that reads a variable of its own."""

    def __init__(self):
        self.beta = keras.Variable(0.5)

    def __call__(self, step):
        return self.beta * ops.cast(step, "float32")

    def method(self, step):
        return self.beta


def in_closure():
    beta = keras.Variable(0.5)
    return lambda step: beta * ops.cast(step, "float32")


def in_attribute():
    holder = Annealed()
    return lambda step: holder.beta


WEIGHTS = {
    "the variable itself": lambda: keras.Variable(0.0),
    "closure": in_closure,
    "global": lambda: lambda step: BETA + 0.0,
    "default argument": lambda: lambda step, beta=BETA: beta + 0.0,
    "partial": lambda: functools.partial(lambda beta, step: beta, keras.Variable(0.5)),
    "list": lambda: (lambda betas: lambda step: betas[0])([keras.Variable(0.5)]),
    "attribute": in_attribute,
    "callable object": Annealed,
    "method": lambda: Annealed().method,
    "inner function": lambda: lambda step: (lambda: BETA)(),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_kl_weight_refuses_a_variable(name):
    with pytest.raises(TypeError, match=r"(?s)variable.*schedules.*KLWeightScheduler"):
        kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), weight=WEIGHTS[name]())


def test_kl_weight_takes_numbers_and_functions_of_the_step():
    half = 0.5
    for weight in (
        1, 0.5, np.float32(0.5), None, lambda step: half * ops.cast(step, "float32"),
        kdl.schedules.Cyclical(3), keras.optimizers.schedules.CosineDecay(1.0, 10),
    ):  # fmt: skip
        kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), weight=weight)


def test_kl_weight_refuses_text():
    with pytest.raises(TypeError, match=r"weight='0\.5'"):
        kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), weight="0.5")


def prior_of(loc):
    return kdl.distributions.Independent(kdl.distributions.Normal(loc, 1.0), 1)


def prior_function():
    loc = keras.Variable(np.zeros(2, "float32"))
    return lambda: prior_of(loc)


PRIORS = {
    "parameter": lambda: prior_of(keras.Variable(np.zeros(2, "float32"))),
    "function": prior_function,
}


@pytest.mark.parametrize("name", PRIORS)
def test_prior_with_a_variable_that_nothing_tracks_is_refused(name):
    with pytest.raises(TypeError, match=r"(?s)`loc`, which would not be trained.*VariableLayer"):
        kdl.regularizers.KLDivergenceRegularizer(PRIORS[name]())


def test_prior_with_a_frozen_variable_is_taken():
    loc = keras.Variable(np.zeros(2, "float32"), trainable=False)
    kdl.regularizers.KLDivergenceRegularizer(prior_of(loc))


@pytest.mark.parametrize("built", [True, False])
def test_distribution_lambda_refuses_a_layer_that_nothing_tracks(built):
    dense = keras.layers.Dense(2)
    if built:
        dense.build((None, 3))
    head = kdl.layers.DistributionLambda(lambda t: prior_of(dense(t)))
    with pytest.raises(TypeError, match=r"(?s)`dense`, which would not be trained"):
        head(np.ones((4, 3), "float32"))


def test_distribution_lambda_refuses_a_variable_that_nothing_tracks():
    scale = keras.Variable(1.0)
    head = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, ops.exp(scale)))
    with pytest.raises(TypeError, match=r"(?s)`scale`, which would not be trained"):
        head(np.ones((4, 3), "float32"))


class WithScale(keras.Model):
    """A model whose weight the head's function reads: Keras trains it."""

    def __init__(self):
        super().__init__()
        self.frozen = keras.layers.Softmax()
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.head = kdl.layers.DistributionLambda(
            lambda t: kdl.distributions.Independent(
                kdl.distributions.Normal(self.frozen(t), ops.exp(self.scale)), 1
            )
        )

    def call(self, x):
        return self.head(x)


def test_distribution_lambda_may_read_the_weights_of_its_own_model():
    model = WithScale()
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    x = np.ones((4, 3), "float32")
    model.fit(x, x, verbose=0)
    assert float(numpy(model.scale)) != 1.0


# ------------------------------------------------------------------ activity_regularizer


def test_head_reads_back_its_regularizer_and_applies_it_once():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
    function = keras.regularizers.L2(0.5)
    for given in (regularizer, function, None):
        head = kdl.layers.IndependentNormal(2, "mean", activity_regularizer=given)
        model = keras.Sequential([keras.Input((4,)), head])
        assert head.activity_regularizer is given
        model(np.ones((4, 4), "float32"))
        assert len(model.losses) == (given is not None)
        assert head.activity_regularizer is given


def test_head_refuses_a_regularizer_that_is_set_afterwards():
    head = kdl.layers.IndependentNormal(2)
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
    with pytest.raises(AttributeError, match=r"(?s)given as the layer is made.*from_config"):
        head.activity_regularizer = regularizer
    assert head.activity_regularizer is None
    config = {**head.get_config(), "activity_regularizer": regularizer}
    assert type(head).from_config(config).activity_regularizer is regularizer
