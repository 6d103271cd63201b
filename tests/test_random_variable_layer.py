"""RandomVariableLayer: the base of layers that take a distribution and its draw."""

import keras
import numpy as np
import pytest
from helpers import numpy, standard_normal
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.symbolic import SymbolicRandomVariable

RAW = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class Standardized(kdl.layers.RandomVariableLayer):
    """Returns a tensor made of the distribution and the draw."""

    def call_random_variable(self, rv, mask=None, training=None):
        return (ops.convert_to_tensor(rv) - rv.mean()) / rv.stddev()


@keras.saving.register_keras_serializable("tests")
class Scaled(kdl.layers.RandomVariableLayer):
    """Returns another RandomVariable, with a trainable weight in it."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(2,), initializer="ones", name="factor")

    def call_random_variable(self, rv, mask=None, training=None):
        normal = rv.distribution.distribution
        scaled = kdl.distributions.Normal(normal.loc * self.factor, normal.scale)
        return kdl.RandomVariable(kdl.distributions.Independent(scaled, 1), rv.tensor)


class Recording(kdl.layers.RandomVariableLayer):
    """Notes what it was called with."""

    def call_random_variable(self, rv, mask=None, training=None):
        self.seen = (rv, mask, training)
        return rv


def head():
    return kdl.layers.IndependentNormal(2, seed=0)


def functional(layer):
    x = keras.Input((4,))
    z = layer(head()(x))
    return keras.Model(x, z), z


def test_random_variable_layer_gets_the_random_variable_itself_and_the_mask():
    layer = Recording()
    rv = head()(RAW)
    assert layer(rv, training=True) is rv
    assert layer.seen[0] is rv
    assert layer.seen[2] is True
    sequence = np.zeros((2, 3, 4), "float32")
    sequence[0, 0] = 1.0
    kept = [[True, False, False], [False, False, False]]
    keras.Sequential([keras.layers.Masking(), head(), layer])(sequence)
    assert numpy(layer.seen[1]).tolist() == kept
    layer(head()(keras.layers.Masking()(sequence)), mask=None)  # as a layer hands on what it got
    assert numpy(layer.seen[1]).tolist() == kept


def test_random_variable_layer_returns_a_tensor_in_every_kind_of_model(tmp_path):
    model, z = functional(Standardized())
    assert tuple(z.shape) == (None, 2)
    assert not isinstance(z, SymbolicRandomVariable)
    sequential = keras.Sequential([keras.Input((4,)), head(), Standardized()])
    expected = None
    for each in (model, sequential):
        out = numpy(each(RAW))
        assert out.shape == (5, 2)
        expected = out if expected is None else expected
        np.testing.assert_array_equal(out, expected)  # the heads have the same seed
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert tuple(reloaded.predict(RAW, verbose=0).shape) == (5, 2)


def test_random_variable_layer_returns_a_random_variable_with_symbolic_statistics():
    layer = Scaled()
    model, z = functional(layer)
    assert isinstance(z, SymbolicRandomVariable)
    statistics = keras.Model(model.input, {"z": z, "mean": z.mean(), "log_prob": z.log_prob(z)})
    layer.factor.assign([3.0, 0.5])
    out = statistics(RAW)
    np.testing.assert_allclose(numpy(out["mean"]), RAW[:, :2] * [3.0, 0.5], rtol=1e-6)
    np.testing.assert_allclose(
        numpy(out["log_prob"]), numpy(out["z"].log_prob(out["z"])), rtol=1e-6
    )


def test_random_variable_layer_trains_its_weights():
    layer = Scaled()
    model, _ = functional(layer)
    model.compile(keras.optimizers.Adam(0.1), kdl.losses.NegativeLogLikelihood())
    model.fit(RAW, 2.0 * RAW[:, :2], epochs=2, verbose=0)
    assert (numpy(layer.factor) != 1.0).all()


def test_random_variable_layer_refuses_a_tensor():
    for layer in (Standardized(), kdl.layers.KLDivergenceAddLoss(standard_normal(2))):
        with pytest.raises(TypeError, match=r"(?s)expected the RandomVariable.*directly after"):
            layer(RAW)


def test_random_variable_layer_without_the_hook_says_what_to_write():
    with pytest.raises(NotImplementedError, match="call_random_variable"):
        kdl.layers.RandomVariableLayer()(head()(RAW))
