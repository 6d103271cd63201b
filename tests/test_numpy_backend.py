"""Keras's NumPy backend: inference. Run in a process of its own from any backend."""

import pytest

CODE = """
import keras, numpy as np
import keras_distlayers as kdl
assert keras.config.backend() == "numpy"

inputs = keras.Input((5,))
z = kdl.layers.MultivariateNormalTriL(3, seed=0)(keras.layers.Dense(9)(inputs))
model = keras.Model(inputs, {"z": z, "mean": z.mean(), "nll": -z.log_prob(np.ones(3, "float32"))})
x = np.ones((4, 5), "float32")
out = model(x)
rv = out["z"]
np.testing.assert_allclose(out["mean"], rv.mean())
np.testing.assert_allclose(out["nll"], -rv.log_prob(np.ones(3, "float32")))
assert rv.sample(7).shape == (7, 4, 3)
assert (rv + 1.0).shape == (4, 3)
assert model.predict(x, verbose=0)["z"].shape == (4, 3)
prior = kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(3), 1.0), 1)
assert (rv.kl_divergence(prior) > 0).all()
bits = keras.Sequential([keras.Input((6,)), kdl.layers.IndependentBernoulli(6)])
bits.compile(loss=kdl.losses.NegativeLogLikelihood())
y = np.ones((4, 6), "float32")
np.testing.assert_allclose(bits.evaluate(y, y, verbose=0), 6 * np.log1p(np.exp(-1.0)), rtol=1e-5)
print("done")
"""


@pytest.mark.slow
def test_numpy_backend_infers(subprocess_python):
    assert subprocess_python(CODE, {"KERAS_BACKEND": "numpy"}) == "done"
