"""Dropout as the model predicts: it alone, in every kind of model, saved and reloaded."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers import distributions as kd
from keras_distlayers.ensembles import AlwaysOn, MonteCarloDropout

ROWS, INPUTS = 20, 6


@pytest.fixture
def x(rng):
    return rng.normal(size=(ROWS, INPUTS)).astype("float32")


@keras.saving.register_keras_serializable("test_monte_carlo_dropout")
def normal_around(t):
    return kd.Independent(kd.Normal(t, 1.0), 1)


def head():
    return kdl.layers.DistributionLambda(normal_around)


def normalization():
    layer = keras.layers.BatchNormalization(name="normalization")
    layer.build((None, INPUTS))
    layer.moving_mean.assign(np.full(INPUTS, 3.0))
    layer.moving_variance.assign(np.full(INPUTS, 4.0))
    return layer


def nested():
    """A Functional model around a Sequential one; with the batch normalization by itself."""
    normalize = normalization()
    inner = keras.Sequential(
        [keras.Input((INPUTS,)), normalize, keras.layers.Dropout(0.5, seed=1), head()]
    )
    inputs = keras.Input((INPUTS,))
    return keras.Model(inputs, inner(inputs)), normalize


def means(model, x):
    return numpy(model(x).mean())


def require_dropped(found, whole):
    """Each entry is 0 or twice what it is without dropout, and each is somewhere."""
    is_zero = found == 0.0
    np.testing.assert_allclose(found, np.where(is_zero, 0.0, 2.0 * whole), rtol=1e-5)
    assert 0.3 < is_zero.mean() < 0.7


def test_dropout_is_on_and_batch_normalization_is_not(x, tmp_path):
    model, normalize = nested()
    normalized = numpy(normalize(x))
    np.testing.assert_allclose(normalized, (x - 3.0) / np.sqrt(4.001), rtol=1e-5)
    statistics = [numpy(w) for w in normalize.non_trainable_variables]
    random_model = MonteCarloDropout(model)
    random_model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for some in (random_model, loaded):
        require_dropped(means(some, x), normalized)
    mixture = kdl.predict_distribution(random_model, x, batch_size=8, num_samples=3, verbose=0)
    passes = numpy(mixture.components_distribution.mean())
    require_dropped(passes, normalized[:, None])
    assert len({passes[:, k].tobytes() for k in range(3)}) == 3
    for before, w in zip(statistics, normalize.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, numpy(w))


def test_weights_are_those_of_the_model_which_stays_as_it_was(x):
    model, normalize = nested()
    # A loss without a config, of which Keras's own clone of a model would make an error.
    model.compile("sgd", kdl.losses.DistributionLoss(lambda y, rv: -rv.log_prob(y)))
    random_model = MonteCarloDropout(model)
    assert [id(w) for w in random_model.weights] == [id(w) for w in model.weights]
    normalize.beta.assign(np.ones(INPUTS))
    require_dropped(means(random_model, x), means(model, x))
    np.testing.assert_array_equal(means(model, x), numpy(normalize(x)))


class Seen(keras.layers.Layer):
    """Notes how many rows it is called on; None where a graph takes any number."""

    sizes: set = set()

    def call(self, x):
        self.sizes.add(x.shape[0])
        return x


def test_passes_are_made_one_after_the_other(x):
    """Not over a batch of passes times rows, whose memory grows with the number of passes."""
    layers = [keras.Input((INPUTS,)), Seen(), keras.layers.Dropout(0.5), head()]
    model = MonteCarloDropout(keras.Sequential(layers))
    Seen.sizes.clear()
    mixture = kdl.predict_distribution(model, x, batch_size=5, num_samples=7, verbose=0)
    assert mixture.components_distribution.batch_shape == (ROWS, 7)
    assert Seen.sizes <= {1, 5, None}  # the weights of the mixture are read off one row


def test_layers_are_chosen_by_name_or_as_objects(x):
    first, second = (keras.layers.Dropout(0.5, name=name) for name in ("first", "second"))
    inputs = keras.Input((INPUTS,))
    outputs = {"first": head()(first(inputs)), "second": head()(second(inputs))}
    model = keras.Model(inputs, outputs)
    for chosen, on, off in [(["first"], "first", "second"), ([second], "second", "first")]:
        found = {
            name: numpy(rv.mean()) for name, rv in MonteCarloDropout(model, chosen)(x).items()
        }
        require_dropped(found[on], x)
        np.testing.assert_array_equal(found[off], x)


@pytest.mark.parametrize(
    "name", ["Dropout", "SpatialDropout1D", "GaussianDropout", "AlphaDropout"]
)
def test_each_kind_of_dropout_is_found(name):
    layers = [
        keras.Input((4, 5)),
        getattr(keras.layers, name)(0.5),
        keras.layers.Flatten(),
        head(),
    ]
    model = MonteCarloDropout(keras.Sequential(layers))
    assert any(isinstance(layer, AlwaysOn) for layer in model.layers)
    x = ops.ones((3, 4, 5))
    assert not np.array_equal(means(model, x), means(model, x))


def test_a_layer_with_dropout_inside_it_is_switched_on_by_name():
    inside = keras.layers.TimeDistributed(keras.layers.Dropout(0.5), name="inside")
    layers = [keras.Input((4, 5)), inside, keras.layers.Flatten(), head()]
    model = keras.Sequential(layers)
    with pytest.raises(ValueError, match=r"inside the TimeDistributed 'inside'.*Pass layers="):
        MonteCarloDropout(model)
    require_dropped(means(MonteCarloDropout(model, ["inside"]), ops.ones((9, 4, 5))), 1.0)


class OfItsOwn(keras.Model):
    pass


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.steps = [keras.layers.Dropout(0.5), keras.layers.BatchNormalization()]

    def call(self, x, training=None):
        for step in self.steps:
            x = step(x, training=training)
        return x


@pytest.mark.parametrize(
    ("layers", "arguments", "error", "words"),
    [
        ([Block(name="block")], {}, ValueError, "inside the Block 'block'"),
        ([Block(name="block")], {"layers": ["block"]}, ValueError, "batch normalization"),
        ([keras.layers.LSTM(2, dropout=0.1)], {}, ValueError, "inside the LSTM"),
        ([keras.layers.LSTM(2)], {}, ValueError, "layers have none"),
        ([keras.layers.Dropout(0.1, name="a")], {"layers": ["b"]}, ValueError, "model: a"),
    ],
)
def test_what_cannot_be_switched_on_is_refused(layers, arguments, error, words):
    model = keras.Sequential([keras.Input((3, 2)), *layers])
    with pytest.raises(error, match=words):
        MonteCarloDropout(model, **arguments)


def test_a_model_whose_layers_keras_does_not_know_is_refused():
    with pytest.raises(TypeError, match="Sequential or Functional"):
        MonteCarloDropout(OfItsOwn())
