"""Seeds of the members of an ensemble."""

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np


@contextlib.contextmanager
def seeded(seed: int | None, *numbers: int) -> Iterator[None]:
    """A context whose random numbers follow from these alone; without a seed, from Python's.

    Keras takes initial weights, dropout and the order of data from global generators. On
    TensorFlow, after `keras.utils.set_random_seed`, each `fit` would have the same order of the
    data. The generators of Python and NumPy go on afterwards as if nothing had been. That of the
    backend cannot be put back, and gets a seed from Python's.
    """
    after, new = random.getrandbits(31), random.getrandbits(31)
    of_python, of_numpy = random.getstate(), np.random.get_state()
    entropy = [new if seed is None else seed, *numbers]
    keras.utils.set_random_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
    try:
        yield
    finally:
        keras.utils.set_random_seed(after)
        random.setstate(of_python)
        np.random.set_state(of_numpy)


__all__ = ["seeded"]
