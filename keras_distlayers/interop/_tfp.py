"""Lets TFP be imported with a JAX that is newer than it.

While it is imported, TFP 0.25.0 registers a class in two tables of JAX that map Python types to
abstract values: `jax.interpreters.xla.pytype_aval_mappings`, removed in JAX 0.7, and
`jax.core.pytype_aval_mappings`, deprecated since then. We add the first as another name of the
second. If the second is missing too, both become a new table with one entry for NumPy arrays: TFP
reads nothing else from them, and JAX uses its own tables. Existing tables are not changed.
"""

import warnings
from types import ModuleType

import jax
import jax.interpreters.xla
import numpy as np

_TABLE = "pytype_aval_mappings"


def _add_missing_tables(jax_core: ModuleType, jax_xla: ModuleType) -> None:
    """Adds the missing tables to the two modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        table = getattr(jax_core, _TABLE, None)
        if table is None:
            table = {np.ndarray: None}
            setattr(jax_core, _TABLE, table)
        if not hasattr(jax_xla, _TABLE):
            setattr(jax_xla, _TABLE, table)


_add_missing_tables(jax.core, jax.interpreters.xla)

with warnings.catch_warnings():
    # TFP reads the deprecated name itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    import tensorflow_probability.substrates.jax as substrate

__all__ = ["substrate"]
