"""Several devices: DataParallel on JAX, MirroredStrategy on TensorFlow, and export."""

import os

import keras
import numpy as np
import pytest
from helpers import BACKEND, binary, small_vae

# Keras seeds itself by `random`. Its `set_random_seed` would import TensorFlow, for seconds.
DATA_PARALLEL = """
import random
random.seed(0)
import keras, numpy as np
from helpers import binary, small_vae
import keras_distlayers as kdl

devices = keras.distribution.list_devices()
assert len(devices) == 4, devices
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
_, _, vae = small_vae(metrics=[kdl.metrics.NegativeLogLikelihood()])
x = binary((64, 6))
history = vae.fit(x, x, batch_size=16, epochs=8, verbose=0, validation_data=(x, x),
                  callbacks=[kdl.callbacks.KLMonitor()]).history
assert history["loss"][-1] < history["loss"][0]
total = np.add(history["nll"], history["kl_divergence"])
np.testing.assert_allclose(history["loss"], total, rtol=1e-4)
assert vae.predict(x, batch_size=16, verbose=0).shape == (64, 6)
print("done")
"""

MIRRORED = """
import os
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras, numpy as np
from helpers import binary, numpy, small_vae, standard_normal, tracker_of
import keras_distlayers as kdl

keras.utils.set_random_seed(0)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    encoder, _, vae = small_vae(metrics=[kdl.metrics.NegativeLogLikelihood()], jit_compile=False)
x = binary((64, 6))
history = vae.fit(x, x, batch_size=16, epochs=8, verbose=0,
                  callbacks=[kdl.callbacks.KLMonitor()]).history
assert history["loss"][-1] < history["loss"][0]
# Each replica has the KL of its own part of the batch in its loss.
total = np.add(history["nll"], history["kl_divergence"])
np.testing.assert_allclose(history["loss"], total, rtol=1e-4)
# The replicas' running means joined are the mean over the whole data.
vae.evaluate(x, x, batch_size=16, verbose=0, callbacks=[kdl.callbacks.KLMonitor()])
truth = numpy(encoder(x).kl_divergence(standard_normal(3))).mean()
np.testing.assert_allclose(tracker_of(vae).kl_divergence, truth, rtol=1e-5)
assert tracker_of(vae).step == 32
print("done")
"""

EXPORT = """
import keras, numpy as np, tensorflow as tf
from helpers import binary, small_vae

_, _, vae = small_vae()
x = binary((5, 6))
vae.export({path!r}, verbose=False)
artifact = tf.saved_model.load({path!r})
served = artifact.serve(tf.constant(x))
assert served.shape == (5, 6), served
assert set(np.unique(served)) <= {{0.0, 1.0}}
print("done")
"""

if BACKEND == "jax":

    @pytest.mark.long
    def test_vae_data_parallel_over_four_devices(subprocess_python):
        flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
        assert subprocess_python(DATA_PARALLEL, {"XLA_FLAGS": flags}) == "done"


if BACKEND == "tensorflow":

    def test_vae_mirrored_strategy_over_two_replicas(subprocess_python):
        assert subprocess_python(MIRRORED) == "done"


if BACKEND in ("jax", "tensorflow"):

    def test_vae_export_to_a_saved_model(subprocess_python, tmp_path):
        path = str(tmp_path / "saved_model")
        assert subprocess_python(EXPORT.format(path=path)) == "done"


@pytest.mark.parametrize("rows", [1, 7])
def test_vae_batches_of_any_size(rows):
    """The model was built with an unknown batch size; one row is the edge case."""
    _, _, vae = small_vae()
    x = binary((rows, 6))
    vae.fit(x, x, verbose=0)
    assert np.asarray(vae(x)).shape == (rows, 6)
    assert keras.ops.shape(vae(x).log_prob(x)) == (rows,)
