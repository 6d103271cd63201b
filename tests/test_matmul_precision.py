"""Products over a scale or a covariance use all digits of float32 on accelerators too.

JAX multiplies float32 in TF32 on NVIDIA cards unless a product asks for more, which its jaxpr
shows on any machine. Torch's default is full precision. TensorFlow has one switch for the whole
process, which is the user's.
"""

import numpy as np
import pytest
from helpers import BACKEND
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._reporting import check

if BACKEND == "jax":
    import jax
elif BACKEND == "tensorflow":
    import tensorflow as tf
else:
    import torch

LOC = np.zeros((4, 3), "float32")
TRIL = np.tril(np.full((4, 3, 3), 0.5, "float32"))
FACTOR = np.full((4, 3, 2), 0.5, "float32")
DIAGONAL = np.ones((4, 3), "float32")
X = np.ones((4, 3), "float32")


def uses_all_digits(x):
    """Whether a product of float32 would use all of them on an accelerator."""
    if BACKEND == "jax":
        return "HIGHEST" in str(jax.make_jaxpr(lambda x: ops.matmul(x, x.T))(x))
    if BACKEND == "tensorflow":
        return not tf.config.experimental.tensor_float_32_execution_enabled()
    settings = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    return settings == ("highest", False)


def test_checks_use_all_digits_and_leave_the_setting_as_it_was():
    """In a user's layers too, whose products in TF32 would make checks fail, or not apply."""
    seen = []

    @check
    def check_precision(subject):
        seen.append(uses_all_digits(subject))

    check_precision(X)
    assert seen == [True]
    assert not uses_all_digits(X)


def tril(loc, scale):
    return kdl.distributions.MultivariateNormalTriL(loc, scale)


def low_rank(loc, factor, diagonal):
    return kdl.distributions.MultivariateNormalLowRank(loc, factor, diagonal)


FUNCTIONS = {
    "tril-sample": (lambda *p: tril(*p).sample(2, seed=0), LOC, TRIL),
    "tril-log_prob": (lambda *p: tril(*p).log_prob(X), LOC, TRIL),
    "tril-covariance": (lambda *p: tril(*p).covariance(), LOC, TRIL),
    "tril-kl": (lambda *p: tril(X, TRIL).kl_divergence(tril(*p)), LOC, TRIL),
    "low_rank-sample": (lambda *p: low_rank(*p).sample(2, seed=0), LOC, FACTOR, DIAGONAL),
    "low_rank-log_prob": (lambda *p: low_rank(*p).log_prob(X), LOC, FACTOR, DIAGONAL),
    "low_rank-entropy": (lambda *p: low_rank(*p).entropy(), LOC, FACTOR, DIAGONAL),
    "low_rank-covariance": (lambda *p: low_rank(*p).covariance(), LOC, FACTOR, DIAGONAL),
}

if BACKEND == "jax":

    def products(jaxpr):
        """The products of matrices, those inside the jaxprs of other operations included."""
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                yield equation
            for value in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns")):
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    yield from products(inner)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_value_and_gradient_ask_for_the_highest_precision(name):
        function, *arrays = FUNCTIONS[name]
        both = jax.value_and_grad(lambda p: ops.sum(function(*p)))
        found = list(products(jax.make_jaxpr(both)(arrays).jaxpr))
        assert found
        for equation in found:
            assert set(equation.params["precision"] or ()) == {jax.lax.Precision.HIGHEST}


if BACKEND == "torch":

    def test_torch_multiplies_float32_with_all_digits():
        assert torch.get_float32_matmul_precision() == "highest"
