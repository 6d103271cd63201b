"""Networks that know what they do not know: several networks, or several passes of one."""

from keras_distlayers.ensembles.deep_ensemble import DeepEnsemble
from keras_distlayers.ensembles.monte_carlo_dropout import AlwaysOn, MonteCarloDropout

__all__ = ["AlwaysOn", "DeepEnsemble", "MonteCarloDropout"]
