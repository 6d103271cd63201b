"""Bayesian linear regression in closed form on the diabetes data."""

import numpy as np
from sklearn import datasets, model_selection

import keras_distlayers as kdl


def predictive_normal(posterior="full"):
    """The predictive distribution of 111 rows that were held out, and their targets.

    Weights and bias ~ N(0, 1), a noise variance of 0.5, everything standardized by the training
    part. The mean-field posterior nearest to the full one has its mean and its precisions.
    """
    data = datasets.load_diabetes()
    parts = model_selection.train_test_split(
        data.data, data.target, test_size=0.25, random_state=0
    )
    x, x_test, y, y_test = parts
    x_mean, x_std, y_mean, y_std = x.mean(axis=0), x.std(axis=0), y.mean(), y.std()
    design, design_test = (
        np.hstack([(a - x_mean) / x_std, np.ones((len(a), 1))]) for a in (x, x_test)
    )
    targets, value = (y - y_mean) / y_std, (y_test - y_mean) / y_std
    noise = 0.5
    precision = design.T @ design / noise + np.eye(design.shape[1])
    loc = design_test @ np.linalg.solve(precision, design.T @ targets / noise)
    is_full = posterior == "full"
    covariance = np.linalg.inv(precision if is_full else np.diag(np.diag(precision)))
    variance = noise + np.einsum("ij,jk,ik->i", design_test, covariance, design_test)
    normal = kdl.distributions.Normal(loc.astype("float32"), np.sqrt(variance).astype("float32"))
    return normal, value.astype("float32")
