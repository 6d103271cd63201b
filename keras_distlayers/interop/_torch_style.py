"""What distributions with the methods of torch.distributions share: Torch's and NumPyro's."""

import sys
from typing import Any

from keras_distlayers._core.typing import Tensor
from keras_distlayers.interop.wrapped import WrappedDistribution

_METHODS = {"entropy": "entropy", "cdf": "cdf", "quantile": "icdf"}
_PROPERTIES = {"covariance": "covariance_matrix"}


class TorchStyleDistribution(WrappedDistribution):
    """A distribution of the package `key`, which is found among the imported modules."""

    @property
    def reparameterized(self) -> bool:
        return self.wrapped.has_rsample

    def _statistic(self, name: str, *args: Tensor) -> Tensor:
        if name in _METHODS:
            return getattr(self.wrapped, _METHODS[name])(*args)
        return getattr(self.wrapped, _PROPERTIES.get(name, name))

    @classmethod
    def closed_form_kl(cls, a: Any, b: Any) -> Tensor:
        return sys.modules[cls.key].distributions.kl_divergence(a, b)


__all__ = ["TorchStyleDistribution"]
