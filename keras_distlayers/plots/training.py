"""How the training of a model went."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from keras_distlayers._core.errors import message
from keras_distlayers.plots._style import MAIN, OTHER, axes_or_new, legend, new_axes

_DEFAULT = ("loss", "nll", "kl_divergence")
_TITLES = {
    "nll": "NLL, nats per example",
    "kl_divergence": "KL divergence, nats per example",
    "kl_weight": "weight of the KL divergence",
    "crps": "CRPS, units of the target",
}


def history(
    history: Any,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> np.ndarray:
    """The losses and metrics of a training by epoch, and those of its validation.

    Args:
        history: What `fit` returned, or its `history`: a dict with a list for each name.
        names: What to show, a panel for each; None for those of `loss`, `nll` (the metric
            `NegativeLogLikelihood`) and `kl_divergence` (from `callbacks.KLMonitor`) that there
            are. What has a `val_` before its name is drawn in the same panel.
        ax: As many Axes as names; one Axes for a single name; None for a new figure.

    Returns:
        An array of Axes, one for each name.

    Raises:
        TypeError: if `ax` is something else.
        ValueError: if a name is not in the history, or if the number of Axes differs.

    Examples:
        >>> import keras_distlayers as kdl
        >>> logs = {"loss": [3.0, 2.0], "nll": [2.0, 1.5], "val_nll": [2.1, 1.9]}
        >>> axes = kdl.plots.history(logs)
        >>> [ax.get_ylabel() for ax in axes]
        ['loss', 'NLL, nats per example']
    """
    where = "plots.history"
    logs = getattr(history, "history", history)
    names = _checked_names(where, names, logs)
    axes = _checked_axes(where, ax, len(names))
    for panel, name in zip(axes, names, strict=True):
        epochs = np.arange(1.0, len(logs[name]) + 1.0)
        marker = "o" if len(epochs) == 1 else None
        panel.plot(epochs, logs[name], color=MAIN, marker=marker, label="training")
        if f"val_{name}" in logs:
            values = logs[f"val_{name}"]
            epochs = np.linspace(len(epochs) / len(values), len(epochs), len(values))
            panel.plot(epochs, values, "--", color=OTHER, marker=marker, label="validation")
            legend(panel)
        panel.set(xlabel="epoch", ylabel=_TITLES.get(name, name.replace("_", " ")))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def _checked_names(where: str, names: Sequence[str] | None, logs: dict) -> list[str]:
    chosen = [name for name in _DEFAULT if name in logs] if names is None else list(names)
    if chosen and all(name in logs for name in chosen):
        return chosen
    raise ValueError(
        message(
            f"{where}, argument `names`",
            expected=f"names of the history: {sorted(logs)}",
            received=f"names={names}",
        )
    )


def _checked_axes(where: str, ax: Any, count: int) -> np.ndarray:
    if ax is None:
        return new_axes(count, (4.2, 3.2))
    axes = np.array([axes_or_new(where, one) for one in np.ravel(ax)], dtype=object)
    if len(axes) == count:
        return axes
    raise ValueError(
        message(
            f"{where}, argument `ax`",
            expected=f"{count} Axes, one for each name",
            received=f"{len(axes)} Axes",
        )
    )


__all__ = ["history"]
