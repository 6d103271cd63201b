"""Smooth invertible functions with their log-determinants, for every backend."""

from keras_distlayers.bijectors.affine import Affine
from keras_distlayers.bijectors.bijector import Bijector
from keras_distlayers.bijectors.chain import Chain
from keras_distlayers.bijectors.elementwise import Elementwise
from keras_distlayers.bijectors.exp import Exp
from keras_distlayers.bijectors.invert import Invert
from keras_distlayers.bijectors.masked_autoregressive import MaskedAutoregressive
from keras_distlayers.bijectors.permute import Permute
from keras_distlayers.bijectors.rational_quadratic_spline import RationalQuadraticSpline
from keras_distlayers.bijectors.real_nvp import RealNVP
from keras_distlayers.bijectors.scale import Scale
from keras_distlayers.bijectors.scale_tril import ScaleTriL
from keras_distlayers.bijectors.shift import Shift
from keras_distlayers.bijectors.sigmoid import Sigmoid
from keras_distlayers.bijectors.softplus import Softplus
from keras_distlayers.bijectors.tanh import Tanh

__all__ = [
    "Affine",
    "Bijector",
    "Chain",
    "Elementwise",
    "Exp",
    "Invert",
    "MaskedAutoregressive",
    "Permute",
    "RationalQuadraticSpline",
    "RealNVP",
    "Scale",
    "ScaleTriL",
    "Shift",
    "Sigmoid",
    "Softplus",
    "Tanh",
]
