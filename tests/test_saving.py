"""`.keras` files: on this backend, and from each backend to the others."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from bounds import bound_figures, vectors
from helpers import BACKEND, binary, numpy, small_vae, tracker_of
from test_learnable_prior import prior_figures

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, log_prob

TESTS = pathlib.Path(__file__).parent
BACKENDS = ("jax", "tensorflow", "torch")


def prior(seed=0):
    rng = np.random.default_rng(seed)
    tril = np.tril(rng.normal(size=(3, 3))) * 0.3 + np.eye(3)
    return kdl.distributions.MultivariateNormalTriL(rng.normal(size=3), tril)


def test_saving_keeps_weights_prior_and_regularizer(tmp_path):
    _, _, vae = small_vae(prior=prior(), weight=0.25)
    x = binary((16, 6))
    vae.fit(x, x, verbose=0)
    vae.save(tmp_path / "vae.keras")
    reloaded = keras.models.load_model(tmp_path / "vae.keras")  # safe_mode is on
    for ours, theirs in zip(vae.weights, reloaded.weights, strict=True):
        np.testing.assert_array_equal(numpy(ours), numpy(theirs))
    head = next(
        layer for layer in reloaded.layers if isinstance(layer, kdl.layers.MultivariateNormalTriL)
    )
    regularizer = head.activity_regularizer
    assert isinstance(regularizer, kdl.regularizers.KLDivergenceRegularizer)
    assert regularizer.weight == 0.25
    point = np.ones(3, "float32")
    np.testing.assert_array_equal(
        numpy(regularizer.distribution_b.log_prob(point)), numpy(prior().log_prob(point))
    )
    reloaded.fit(x, x, verbose=0)


def test_saving_keeps_schedules_and_options():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(
        prior(),
        use_exact_kl=False,
        num_samples=4,
        weight=kdl.schedules.Cyclical(10),
        free_nats=2.0,
    )
    config = keras.saving.serialize_keras_object(regularizer)
    clone = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert (clone.use_exact_kl, clone.num_samples, clone.free_nats) == (False, 4, 2.0)
    assert float(clone.weight(5)) == float(regularizer.weight(5))


def test_saving_weights_alone(tmp_path):
    _, _, vae = small_vae()
    _, _, other = small_vae()
    vae.save_weights(tmp_path / "vae.weights.h5")
    other.load_weights(tmp_path / "vae.weights.h5")
    for ours, theirs in zip(vae.weights, other.weights, strict=True):
        np.testing.assert_array_equal(numpy(ours), numpy(theirs))


def test_saving_a_lambda_warns_and_is_refused_on_loading(tmp_path):
    """As everywhere in Keras; a registered function is what comes back."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t[..., 0], 1.0)),
        ]
    )
    with pytest.warns(UserWarning, match="register_keras_serializable"):
        model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="lambda"):
        keras.models.load_model(tmp_path / "model.keras")


@keras.saving.register_keras_serializable("tests")
def unit_normal(t):
    return kdl.distributions.Normal(t[..., 0], 1.0)


def test_saving_keeps_a_registered_function(tmp_path):
    model = keras.Sequential([keras.Input((2,)), kdl.layers.DistributionLambda(unit_normal)])
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert reloaded(np.zeros((2, 2), "float32")).batch_shape == (2,)


def report(model):
    """What every backend has to agree on: log_prob of latents and pixels, KL, weight."""
    x = binary((8, 6), seed=3)
    encoder = keras.Model(model.inputs[0], _layer(model, "multivariate_normal").output)
    z = encoder(x)
    head = _layer(model, "multivariate_normal")
    b = head.activity_regularizer.distribution_b
    logits = keras.ops.ones((2, 6)) * 0.3
    decoder_head = _layer(model, "decoder").layers[-1]
    return {
        "log_prob": numpy(z.log_prob(np.ones((8, 3), "float32"))).tolist(),
        "kl": numpy(z.kl_divergence(b)).tolist(),
        "prior": float(numpy(b.log_prob(np.zeros(3, "float32")))),
        "pixels": numpy(decoder_head(logits).log_prob(x[:2])).tolist(),
        "weights": [float(numpy(w).sum()) for w in model.weights],
        "state": [tracker_of(model).step, tracker_of(model).weight],
    }


def _layer(model, prefix):
    return next(layer for layer in model.layers if layer.name.startswith(prefix))


# A model with a fixed prior and one whose prior is learned, by one process. Keras takes its seeds
# from `random`; its `set_random_seed` would import TensorFlow too, for seconds.
WRITE = """
import json, random
random.seed(1)
import keras
from bounds import bound_figures, bound_of_known_evidence
from helpers import binary, small_vae
from test_learnable_prior import PRIORS, prior_figures
from test_saving import prior, recalibrated, recalibrated_figures, report
x = binary((16, 6))
_, _, vae = small_vae(prior=prior(), weight=0.5)
_, _, learned = small_vae(prior=PRIORS["mixture"]())
for name, model in {{"fixed": vae, "learned": learned}}.items():
    model.fit(x, x, batch_size=8, verbose=0)
    model.save({path!r} + name + ".keras")
conformal = recalibrated()
conformal.save({path!r} + "recalibrated.keras")
bound = bound_of_known_evidence()
bound.save({path!r} + "bound.keras")
figures = {{"fixed": report(vae), "learned": prior_figures(learned)}}
figures |= {{"recalibrated": recalibrated_figures(conformal), "bound": bound_figures(bound)}}
print(json.dumps(figures))
"""


def recalibrated():
    """A temperature, a map of the PIT and conformal thresholds, each around the one before."""
    model = keras.Sequential([keras.Input((4,)), kdl.layers.IndependentNormal(2)])
    mapped = kdl.recalibration.PITRecalibratedModel(
        kdl.recalibration.TemperatureScaledModel(model, 2.0), map_shape=(2, 3)
    )
    mapped.set_map([[-1.0, 0.0, 2.0]] * 2, [[-2.0, 0.5, 1.0]] * 2)
    score = {"name": "cdf", "coverage": 0.9, "randomized": True, "penalty": 0.0, "num_free": 0}
    conformal = kdl.recalibration.ConformalModel(mapped, score, thresholds_shape=(1, 2))
    conformal.set_thresholds(np.array([[2.0, np.inf]]))
    return conformal


def recalibrated_figures(model):
    ends = model(np.random.default_rng(1).normal(size=(3, 4)).astype("float32"))
    return [numpy(end).tolist() for end in ends]


def on_backend(backend, code, folder):
    """Runs code in a process with another backend; what it printed last but training."""
    script = folder / f"write_on_{backend}.py"
    script.write_text(code)
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": paths},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


WRITERS = [backend for backend in BACKENDS if backend != BACKEND]
writers = pytest.mark.parametrize("writer", WRITERS)


def written_by(backend):
    """Where the files of a backend begin, and what it found of its models.

    They are kept for the suites of the other backends, as long as no source changes: a process
    takes ten seconds.
    """
    files = sorted([*(TESTS.parent / "keras_distlayers").rglob("*.py"), *TESTS.glob("*.py")])
    sources = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    kept = TESTS.parent / ".cache" / "saved" / sources / backend
    if not kept.exists():
        folder = kept.with_name(f"{backend}-{os.getpid()}")
        folder.mkdir(parents=True)
        found = on_backend(backend, WRITE.format(path=f"{folder}/"), folder)
        (folder / "found.json").write_text(json.dumps(found))
        with contextlib.suppress(OSError):  # another worker was faster
            folder.rename(kept)
    return f"{kept}/", json.loads((kept / "found.json").read_text())


@pytest.fixture(scope="module")
def written():
    """What `written_by` gives for each other backend."""
    with concurrent.futures.ThreadPoolExecutor() as side_by_side:
        yield {backend: side_by_side.submit(written_by, backend) for backend in WRITERS}


def require_same_and_trainable(model, ours, theirs):
    assert set(ours) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-5, atol=1e-5, err_msg=name)
    x = binary((16, 6))
    # A new optimizer: Keras saves Torch's under a name that holds on Torch alone.
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    model.fit(x, x, verbose=0)  # training goes on
    assert tracker_of(model).step == 3


@pytest.mark.long
@writers
def test_saving_on_another_backend_gives_the_same_model(writer, written):
    path, found = written[writer].result()
    theirs = found["fixed"]
    model = keras.models.load_model(path + "fixed.keras")
    require_same_and_trainable(model, report(model), theirs)


@pytest.mark.long
@writers
def test_recalibrated_model_saved_on_another_backend_is_the_same_here(writer, written):
    path, found = written[writer].result()
    model = keras.models.load_model(f"{path}recalibrated.keras")
    ours, theirs = recalibrated_figures(model), found["recalibrated"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.long  # beside the other one, whose process it shares
@writers
def test_learned_prior_saved_on_another_backend_is_the_same_here(writer, written):
    path, found = written[writer].result()
    theirs = found["learned"]
    model = keras.models.load_model(path + "learned.keras")
    require_same_and_trainable(model, prior_figures(model), theirs)


@pytest.mark.long
@writers
def test_bound_saved_on_another_backend_is_the_same_here(writer, written):
    path, found = written[writer].result()
    model = keras.models.load_model(f"{path}bound.keras")
    np.testing.assert_allclose(bound_figures(model), found["bound"], rtol=1e-5)
    x = vectors(16)
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    model.fit(x, x, verbose=0)  # training goes on


@keras.saving.register_keras_serializable("tests")
def custom_loss(y, rv):
    return -rv.log_prob(y)


def test_saving_keeps_the_compiled_loss(tmp_path):
    model = keras.Sequential([keras.Input((6,)), kdl.layers.IndependentBernoulli(6)])
    model.compile("adam", kdl.losses.DistributionLoss(custom_loss))
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    x = binary((8, 6))
    np.testing.assert_allclose(
        reloaded.evaluate(x, x, verbose=0), model.evaluate(x, x, verbose=0), rtol=1e-6
    )


LOAD = """
import json, keras, numpy
import keras_distlayers

model = keras.models.load_model({path!r})
x = keras.ops.ones((4, 3))
latent, pixels = model.get_layer("latent"), model.get_layer("pixels")
inputs = [*model.inputs, keras.Input((14,)), keras.Input((2,)), keras.Input((3,))]
densities = keras.Model(
    inputs, [latent.output.log_prob(inputs[2]), pixels(inputs[1]).log_prob(inputs[3])]
)
regularizer = latent.activity_regularizer
values = [
    *densities.predict_on_batch([x, *(keras.ops.ones((4, size)) for size in (14, 2, 3))]),
    regularizer.distribution_b.log_prob(keras.ops.ones(2)),
    regularizer.weight(5),
]
model.fit(x, x, verbose=0)
print(json.dumps([keras.ops.convert_to_numpy(v).tolist() for v in values]))
"""


def test_saving_needs_the_imports_of_keras_and_keras_distlayers_alone(tmp_path, subprocess_python):
    """A VAE with a schedule, a mixture as its prior and another as its output, and a flow."""
    parts = kdl.distributions.Normal(np.array([[-1.0, 0.0], [1.0, 2.0]], "float32"), 0.5)
    mixture = kdl.distributions.MixtureSameFamily(
        kdl.distributions.Categorical(logits=np.zeros(2, "float32")),
        kdl.distributions.Independent(parts, 1),
    )
    regularizer = kdl.regularizers.KLDivergenceRegularizer(
        mixture, weight=kdl.schedules.LinearWarmup(10)
    )
    inputs = keras.Input((3,))
    latent = kdl.layers.ConditionalFlow(
        2, num_couplings=2, hidden_units=(4,), activity_regularizer=regularizer, name="latent"
    )
    pixels = kdl.layers.MixtureNormal(num_components=2, event_shape=3, name="pixels")
    z = latent(keras.layers.Dense(4)(inputs))
    vae = keras.Model(inputs, pixels(keras.layers.Dense(14)(z)))
    vae.compile("adam", kdl.losses.NegativeLogLikelihood())
    vae.fit(np.ones((4, 3)), np.ones((4, 3)), verbose=0)
    path = str(tmp_path / "vae.keras")
    vae.save(path)

    x, raw, z, y = (np.ones((4, size), "float32") for size in (3, 14, 2, 3))
    dense = vae.layers[1]
    expected = [
        *evaluate(
            lambda: (
                latent.distribution(dense(x)).log_prob(z),
                pixels.distribution(raw).log_prob(y),
            )
        ),
        evaluate(log_prob, mixture, z[0]),
        regularizer.weight(5),
    ]
    loaded = json.loads(subprocess_python(LOAD.format(path=path)))
    for ours, theirs in zip(expected, loaded, strict=True):
        np.testing.assert_allclose(numpy(ours), theirs, rtol=1e-5)
