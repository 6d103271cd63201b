"""What a fitted model says of new data: distributions, intervals, quantiles, means."""

from keras_distlayers.prediction.statistics import (
    predict_interval,
    predict_mean,
    predict_quantiles,
    predict_stddev,
)
from keras_distlayers.prediction.whole_data import predict_distribution

__all__ = [
    "predict_distribution",
    "predict_interval",
    "predict_mean",
    "predict_quantiles",
    "predict_stddev",
]
