"""Keras 3 layers whose outputs are tensors and probability distributions at once."""

__version__ = "0.1.0"
