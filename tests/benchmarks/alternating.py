"""Times two functions alternately in one process, so that other load affects both."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.table import Table

LEAST_CALLS = 10
LAST_STEPS = 20
COLUMNS = (
    "what",
    "ours, ms",
    "by hand, ms",
    "ratio",
    "pairs: 1/4, median, 3/4",
    "steps",
    "losses",
)


def nothing():
    """The default of `Comparison.before_ours`."""


@dataclasses.dataclass
class Comparison:
    """Two callables that each do the same number of train steps and return their mean loss.

    `before_ours` runs before each call of `ours`, and is not timed.
    """

    name: str
    ours: Callable[[], Any]
    by_hand: Callable[[], Any]
    steps: int = 1
    before_ours: Callable[[], Any] = nothing


def table(title, comparisons, steps, warm_up):
    """A row of figures for each comparison; they are measured one after the other."""
    result = Table(*COLUMNS, title=title)
    for comparison in comparisons:
        seconds, losses = measure(comparison, steps, warm_up)
        last = math.ceil(LAST_STEPS / comparison.steps)
        result.add_row(comparison.name, *figures(seconds, losses[-last:], comparison.steps))
    return result


def measure(comparison, steps, warm_up):
    """Seconds per step and mean losses, each of shape (calls, 2): ours, by hand."""
    calls = max(LEAST_CALLS, math.ceil(steps / comparison.steps))
    for _ in range(warm_up):
        timed_pair(comparison)
    pairs = np.array([timed_pair(comparison) for _ in range(calls)])
    return pairs[..., 0] / comparison.steps, pairs[..., 1]


def timed_pair(comparison):
    """One call of each: seconds and loss, twice."""
    comparison.before_ours()
    return timed(comparison.ours), timed(comparison.by_hand)


def timed(call):
    begun = time.perf_counter()
    loss = call()
    return time.perf_counter() - begun, float(loss)


def figures(seconds, last_losses, steps_a_call):
    ours, by_hand = np.median(seconds, axis=0)
    quartiles = np.quantile(seconds[:, 0] / seconds[:, 1], (0.25, 0.5, 0.75))
    return (
        f"{1e3 * ours:.3f}",
        f"{1e3 * by_hand:.3f}",
        f"{ours / by_hand:.3f}",
        ", ".join(f"{ratio:.3f}" for ratio in quartiles),
        str(len(seconds) * steps_a_call),
        ", ".join(f"{loss:.2f}" for loss in last_losses.mean(axis=0)),
    )
