"""TFP with a JAX that is newer than it."""

import importlib
import types
import warnings

import numpy as np
import pytest

from keras_distlayers import interop


@pytest.fixture
def add_missing_tables():
    """Imported as it is needed: TFP takes seconds."""
    return importlib.import_module("keras_distlayers.interop._tfp")._add_missing_tables


def test_tfp_works_on_the_installed_jax():
    distribution = interop.tfp.distributions.Gamma(2.0, 3.0)
    np.testing.assert_allclose(distribution.log_prob(1.0), 2 * np.log(3.0) - 3.0, rtol=1e-6)


def table(jax_module):
    return jax_module.pytype_aval_mappings


def test_tfp_import_adds_both_tables_to_a_jax_with_neither(add_missing_tables):
    core, xla = types.SimpleNamespace(), types.SimpleNamespace()
    add_missing_tables(core, xla)
    assert np.ndarray in table(core)
    assert table(xla) is table(core)


def test_tfp_import_adds_the_table_that_is_missing(add_missing_tables):
    core, xla = types.SimpleNamespace(pytype_aval_mappings={}), types.SimpleNamespace()
    add_missing_tables(core, xla)
    assert table(xla) is table(core)


def test_tfp_import_leaves_a_jax_with_both_tables_alone(add_missing_tables):
    core = types.SimpleNamespace(pytype_aval_mappings={1: 2})
    xla = types.SimpleNamespace(pytype_aval_mappings={3: 4})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        add_missing_tables(core, xla)
    assert (table(core), table(xla)) == ({1: 2}, {3: 4})


@pytest.mark.slow
def test_tfp_import_leaves_the_warning_filters_alone(subprocess_python):
    code = """
import warnings
before = list(warnings.filters)
from keras_distlayers.interop import tfp
print(sum("keras_distlayers" in str(f) for f in warnings.filters))
"""
    assert subprocess_python(code) == "0"
