"""Distributions of torch.distributions.

Constraint: Torch is found among the imported modules, never imported here.
"""

import sys

from keras import ops

from keras_distlayers.interop.wrapped import WrappedDistribution, wraps

_METHODS = {"entropy": "entropy", "cdf": "cdf", "quantile": "icdf"}
_PROPERTIES = {"covariance": "covariance_matrix"}


@wraps("torch")
class TorchDistribution(WrappedDistribution):
    """A distribution of torch.distributions."""

    library = "torch.distributions"
    key = "torch"

    def _tensors_of(self, wrapped):
        """Its own, and those of the distributions inside of it."""
        base = sys.modules["torch"].distributions.Distribution
        tensors = []
        for value in vars(wrapped).values():
            tensors += self._tensors_of(value) if isinstance(value, base) else [value]
        return [x for x in tensors if ops.is_tensor(x)]

    @property
    def _event_dtype(self):
        # Labels alone are drawn as integers; every log_prob casts for itself.
        categorical = sys.modules["torch"].distributions.Categorical
        return "int64" if isinstance(self.wrapped, categorical) else self.dtype

    @property
    def reparameterized(self):
        return self.wrapped.has_rsample

    def _draw(self, sample_shape, seed):
        draw = self.wrapped.rsample if self.wrapped.has_rsample else self.wrapped.sample
        return draw(sample_shape)

    def _statistic(self, name, *args):
        if name in _METHODS:
            return getattr(self.wrapped, _METHODS[name])(*args)
        return getattr(self.wrapped, _PROPERTIES.get(name, name))

    @classmethod
    def closed_form_kl(cls, a, b):
        return sys.modules["torch"].distributions.kl_divergence(a, b)


__all__ = ["TorchDistribution"]
