"""TFP on JAX, importable beside a JAX that is newer than it.

TFP 0.25.0 registers a class of its own, as it is imported, in two tables of JAX's that map
Python types to abstract values: `jax.interpreters.xla.pytype_aval_mappings`, gone since JAX
0.7, and `jax.core.pytype_aval_mappings`, deprecated since. The first is put back as another
name of the second; where that is gone too, both are an empty table of our own, since TFP
reads nothing from them but the entry for NumPy arrays, and JAX looks into its own. Where the
tables are there, nothing is touched.
"""

import warnings

import jax
import jax.interpreters.xla
import numpy as np

_TABLE = "pytype_aval_mappings"


def _mend(jax_core, jax_xla) -> None:
    """Puts the tables that are missing back into the two modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        table = getattr(jax_core, _TABLE, None)
        if table is None:
            table = {np.ndarray: None}
            setattr(jax_core, _TABLE, table)
        if not hasattr(jax_xla, _TABLE):
            setattr(jax_xla, _TABLE, table)


_mend(jax.core, jax.interpreters.xla)

with warnings.catch_warnings():
    # TFP reads the deprecated name itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    import tensorflow_probability.substrates.jax as substrate

__all__ = ["substrate"]
