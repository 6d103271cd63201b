"""Writes the tables of docs/heads.md from the heads themselves: `python docs/make_heads.py`.

What stands between the two marks of the page is made here; the prose around it is written by
hand. A test makes the tables again, on every backend, and compares.
"""

import inspect
import pathlib

import keras
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.distributions.kl import closed_form_kl
from keras_distlayers.symbolic import infer

PAGE = pathlib.Path(__file__).parent / "heads.md"
BEGIN = "<!-- made by docs/make_heads.py: the tables -->"
END = "<!-- made by docs/make_heads.py: the end -->"

STATISTICS = ("mean", "mode", "stddev", "entropy", "cdf", "quantile")
YES, NO = "✓", "-"

# The arguments that the examples of the page have: events of 3 entries, and of one number.
SIZES = {
    "event_shape": 3, "event_size": 3, "num_categories": 3, "num_components": 2, "rank": 1,
    "component_layer": kdl.layers.IndependentNormal(3), "count_head": kdl.layers.IndependentPoisson(3),
}  # fmt: skip
SCALARS = {
    **SIZES, "event_shape": (),
    "component_layer": kdl.layers.IndependentNormal(), "count_head": kdl.layers.IndependentPoisson(),
}  # fmt: skip


def heads() -> dict[str, type]:
    """Every public head that reads its parameters off its input, by name."""
    public = {name: getattr(kdl.layers, name) for name in kdl.layers.__all__}
    return {name: head for name, head in public.items() if is_head(head)}


def is_head(head) -> bool:
    bases = (kdl.layers.ParametricHead, kdl.layers.IndependentHead)
    is_class = isinstance(head, type) and issubclass(head, kdl.layers.ParametricHead)
    return is_class and head not in bases


def example(head, sizes):
    """A head of a class, with those of the sizes that its constructor takes."""
    names = inspect.signature(head).parameters
    return head(**{name: value for name, value in sizes.items() if name in names})


def distribution(head):
    return head.distribution(ops.zeros((head.num_params,)))


def has(head, statistic) -> bool:
    """Whether the distribution of a head gives a statistic, or says that it has none."""

    def result(raw):
        distribution = head.distribution(raw)
        arguments = {"cdf": [ops.zeros(distribution.event_shape)], "quantile": [0.5]}
        return getattr(distribution, statistic)(*arguments.get(statistic, []))

    try:
        infer(result, keras.KerasTensor((head.num_params,)))
    except NotImplementedError:
        return False
    return True


def availability(head) -> list[str]:
    """A mark for each statistic; for cdf and quantile of the distribution of one entry."""
    vector, scalar = example(head, SIZES), example(head, SCALARS)
    heads = {"cdf": scalar, "quantile": scalar}
    return [YES if has(heads.get(name, vector), name) else NO for name in STATISTICS]


def family(distribution) -> str:
    """The name of a distribution's family; of its entries' where they are independent."""
    entries = (
        distribution.distribution
        if isinstance(distribution, kdl.distributions.Independent)
        else distribution
    )
    return type(entries).__name__


def has_exact_kl(a, b) -> bool:
    return a.event_shape == b.event_shape and closed_form_kl(a, b) is not None


def partners(a, distributions) -> str:
    """The families b for which KL(a || b) has a closed form."""
    return ", ".join(sorted({f"`{family(b)}`" for b in distributions if has_exact_kl(a, b)})) or NO


def table(header, rows) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def link(name) -> str:
    return f"[{name}](reference/layers.md#keras_distlayers.layers.{name})"


def parameters_row(name, head) -> list[str]:
    size = head.params_size.__doc__.removeprefix("The number of raw parameters: ").rstrip(".")
    made = example(head, SIZES)
    raw = "; ".join(f"{i}. {text}" for i, text in enumerate(head.raw_parameters, start=1))
    return [link(name), raw, f"{made.num_params}: {size}", str(distribution(made).support)]


def statistics_row(name, head, distributions) -> list[str]:
    own = distribution(example(head, SIZES))
    gradient = YES if own.reparameterized else NO
    return [link(name), gradient, *availability(head), partners(own, distributions)]


def tables() -> str:
    """Both tables, as they stand in the page."""
    distributions = [distribution(example(head, SIZES)) for head in heads().values()]
    parameters = [parameters_row(name, head) for name, head in heads().items()]
    statistics = [statistics_row(name, head, distributions) for name, head in heads().items()]
    return "\n\n".join([
        "## What goes in",
        table(["Head", "Raw parameters, in order", "params_size", "Support"], parameters),
        "## What comes out",
        table(["Head", "gradient", *STATISTICS, "Exact KL to"], statistics),
    ])  # fmt: skip


def page(text: str) -> str:
    """The page with its tables made anew."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
