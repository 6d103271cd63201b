"""Two classifiers of scikit-learn's digits, and rows that they were not trained on."""

import functools

from sklearn import datasets, linear_model, model_selection, naive_bayes


@functools.cache
def digits():
    """Half of the digits to train, a quarter each to calibrate and to test.

    Returns:
        The labels of the last two parts, and the logits of two classifiers, a logistic regression
        and a naive Bayes, for each of these parts.
    """
    x, y = datasets.load_digits(return_X_y=True)
    x, rest, y, rest_y = model_selection.train_test_split(
        x / 16.0, y, train_size=897, random_state=0, stratify=y
    )
    x_cal, x_test, y_cal, y_test = model_selection.train_test_split(
        rest, rest_y, test_size=450, random_state=0, stratify=rest_y
    )
    logistic = linear_model.LogisticRegression(max_iter=5000, tol=1e-10).fit(x, y)
    bayes = naive_bayes.GaussianNB(var_smoothing=1e-2).fit(x, y)
    logits = {
        "logistic regression": logistic.decision_function,
        "naive Bayes": bayes.predict_joint_log_proba,
    }
    of_both = {name: (of(x_cal), of(x_test)) for name, of in logits.items()}
    return y_cal, y_test, of_both
