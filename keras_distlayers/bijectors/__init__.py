"""Smooth invertible functions with their log-determinants, for every backend."""

from keras_distlayers.bijectors.bijector import Bijector, Elementwise
from keras_distlayers.bijectors.combinators import Chain, Invert
from keras_distlayers.bijectors.elementwise import (
    Affine,
    Exp,
    Scale,
    Shift,
    Sigmoid,
    Softplus,
    Tanh,
)
from keras_distlayers.bijectors.flows import MaskedAutoregressive, RealNVP
from keras_distlayers.bijectors.linear import Permute, ScaleTriL
from keras_distlayers.bijectors.spline import RationalQuadraticSpline

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
