"""Fixed examples of every family, with the values and gradients that each backend must give.

JAX compiles a function anew for every shape, so searching costs minutes there. The searches of
test_oracles.py, test_tails.py, test_kl.py and test_cdf.py run on Torch, where nothing compiles,
and hold its results to SciPy, TFP and torch.distributions. This command has Torch write down its
results for fixed examples, in float64, in data/replay.json:

    KERAS_BACKEND=torch python tests/replay.py

test_replay.py holds JAX and TensorFlow to them, and on Torch finds a file that is out of date.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from extremes import (
    COUNT,
    SCALES,
    SIZED_ARGUMENTS,
    arguments_of,
    is_count,
    largest_raw_number,
    sized,
    value_at,
)
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import (
    as_float64,
    as_numpy,
    double_precision,
    evaluate,
    gradient,
    statistic,
)

PATH = pathlib.Path(__file__).parent / "data" / "replay.json"

MODERATE, EXTREME = 6, 6
"""How many examples a family has of each kind, the moderate ones first."""

# For each method what it depends on beside the distribution's arguments.
METHODS = {
    "log_prob": ("value",),
    "prob": ("value",),
    "cdf": ("value",),
    "survival_function": ("value",),
    "quantile": ("p",),
    "mean": (),
    "mode": (),
    "stddev": (),
    "variance": (),
    "covariance": (),
    "entropy": (),
    "kl_divergence": ("other",),
    "cross_entropy": ("other",),
}
OF_ONE = tuple(name for name, needs in METHODS.items() if needs != ("other",))
OF_TWO = tuple(name for name, needs in METHODS.items() if needs == ("other",))

GAUSSIANS = ("MultivariateNormalTriL", "MultivariateNormalDiag", "Independent-Normal")


@dataclasses.dataclass(frozen=True)
class Case:
    """A batch of examples of one family, or of pairs from two, and what to evaluate.

    Attributes:
        make: The arguments, by name, as a distribution.
        make_other: Likewise for the second of a pair.
        methods: Their names; those that the distribution does not have are left out.
        constant: Inputs by which there is no gradient.
        steps: Methods whose results are steps of the inputs, as the mode of counts.
    """

    make: Callable[..., Any]
    methods: tuple[str, ...] = OF_ONE
    make_other: Callable[..., Any] | None = None
    constant: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def evaluate(self, inputs, dtype):
        """The methods' results, by name."""
        return evaluate(results_of, _tensors(inputs, dtype), **self._options())

    def differentiate(self, inputs):
        """Results and gradients in float64."""
        with double_precision():
            tensors = _tensors(inputs, "float64")
            options = {**self._options(), "constant": self.constant, "steps": self.steps}
            both = evaluate(results_and_gradients_of, tensors, **options)
            return keras.tree.map_structure(as_numpy, both)

    def _options(self):
        return {"make": self.make, "make_other": self.make_other, "methods": self.methods}


def _tensors(inputs, dtype):
    """In one dtype, but for labels, which stay ints."""

    def tensor(x):
        x = np.asarray(x)
        return ops.convert_to_tensor(x if x.dtype.kind == "i" else x.astype(dtype))

    return {name: keras.tree.map_structure(tensor, x) for name, x in inputs.items()}


def result_of(inputs, *, make, make_other, method):
    """A method's result, or None where the distribution does not have it."""
    points = {**inputs, "other": make_other and make_other(**inputs["other"])}
    distribution = make(**inputs["arguments"])
    is_searched = type(distribution)._quantile is kdl.distributions.Distribution._quantile
    if method == "quantile" and is_searched:  # on the cdf, which is replayed
        return None
    return statistic(distribution, method, *(points[name] for name in METHODS[method]))


def results_of(inputs, *, methods, **makers):
    results = {name: result_of(inputs, method=name, **makers) for name in methods}
    return {name: result for name, result in results.items() if result is not None}


def results_and_gradients_of(inputs, *, constant, steps, **options):
    """The results, and of the sum of each the gradients by what it depends on."""
    results, gradients = results_of(inputs, **options), {}
    makers = {name: options[name] for name in ("make", "make_other")}
    for method in (name for name in results if name not in steps):
        moving = {n: inputs[n] for n in ("arguments", *METHODS[method]) if n not in constant}
        gradients[method] = gradient(_sum, moving, inputs, method=method, **makers)
    return {"results": results, "gradients": gradients}


def _sum(moving, inputs, **options):
    return ops.sum(ops.cast(result_of({**inputs, **moving}, **options), "float64"))


# ---------------------------------------------------------------- the examples of a family


def family_case(row, methods=OF_ONE):
    if row.example().support.is_discrete:
        return Case(row.make, methods, constant=("value",), steps=("mode", "quantile"))
    return Case(row.make, methods)


def family_inputs(row):
    """Moderate examples, and extreme ones as those that test_tails.py searches."""
    rng = np.random.default_rng(0)
    shapes = row.raw_shapes((), (2,) * row.event_ndims)
    raw = {
        name: np.concatenate([
            rng.uniform(-4.0, 4.0, (MODERATE, *shape)),
            _extreme_numbers(rng, largest_raw_number(row, name), (EXTREME, *shape)),
        ])
        for name, shape in shapes.items()
    }  # fmt: skip
    arguments = arguments_of(row, raw)
    p = np.concatenate([rng.uniform(0.05, 0.95, MODERATE), 10.0 ** rng.uniform(-6, -1, EXTREME)])
    return {"arguments": arguments, "value": _values(rng, row, arguments), "p": np.float32(p)}


def _extreme_numbers(rng, limit, shape):
    edges = np.array([0.0, 1.0, min(limit, 100.0), limit])
    numbers = np.where(
        rng.random(shape) < 0.5, rng.choice(edges, shape), rng.uniform(0.0, limit, shape)
    )
    return rng.choice([-1.0, 1.0], shape) * numbers


def _values(rng, row, arguments):
    """One value for each example, in the second half up to 30 scales from the center."""
    distribution = row.make(**arguments)
    shape, support = (MODERATE + EXTREME, *distribution.event_shape), distribution.support
    reach = np.repeat([2.0, SCALES], [MODERATE, EXTREME]).reshape((-1, *(1,) * row.event_ndims))
    if support.is_one_hot:
        return np.eye(shape[-1], dtype="float32")[rng.integers(shape[-1], size=shape[0])]
    if is_count(distribution):
        counts = rng.integers(0, 30, shape), rng.integers(0, int(COUNT), shape)
        return np.float32(np.where(reach == SCALES, counts[1], counts[0]))
    if support.is_discrete:
        lower, upper = as_float64(support.lower), as_float64(support.upper)
        labels = np.floor(lower + (upper - lower + 1.0) * rng.random(shape))
        return labels.astype(distribution.event_dtype)
    value = value_at(row, arguments, reach * rng.uniform(-1.0, 1.0, shape))
    # At a bound that has no mass, a gradient has a jump.
    return value if support.has_atoms or support.is_simplex else _off_bounds(value, support)


def _off_bounds(value, support):
    lower, upper = (np.float32(as_numpy(bound)) for bound in (support.lower, support.upper))
    value = np.where(value <= lower, np.nextafter(lower, np.float32(np.inf)), value)
    return np.where(value >= upper, np.nextafter(upper, np.float32(-np.inf)), value)


# ---------------------------------------------------------------- cdfs of all sizes


def sized_case(name):
    return family_case(sized(name, "float32")[0], ("cdf", "survival_function"))


def sized_inputs(name):
    _, arguments, values = sized(name, "float32")
    arguments = {k: np.broadcast_to(v, values.shape).ravel() for k, v in arguments.items()}
    return {"arguments": arguments, "value": values.ravel()}


# ---------------------------------------------------------------- pairs


def pairs():
    """Names of families with a divergence in closed form; of Gaussians, each with each."""
    rows = {row.name: row for row in kdl.testing.FAMILIES}
    with_itself = [
        (name, name)
        for name, row in rows.items()
        if name not in GAUSSIANS
        and statistic(row.example(), "kl_divergence", row.example()) is not None
    ]
    return [(a, b) for a in GAUSSIANS for b in GAUSSIANS] + with_itself


def pair_case(row_a, row_b):
    return Case(row_a.make, OF_TWO, make_other=row_b.make)


def pair_inputs(row_a, row_b):
    """Four distributions beside three."""
    return {
        "arguments": row_a.example_arguments((4, 1), seed=1, scale=2.0),
        "other": row_b.example_arguments((3,), seed=2, scale=2.0),
    }


# ---------------------------------------------------------------- the file


def cases():
    """Everything that the file has an entry of: a name, its `Case`, a function of its inputs."""
    rows = {row.name: row for row in kdl.testing.FAMILIES}
    for name, row in rows.items():
        yield name, family_case(row), lambda row=row: family_inputs(row)
    for name in SIZED_ARGUMENTS:
        yield f"{name}, all sizes", sized_case(name), lambda name=name: sized_inputs(name)
    for a, b in pairs():
        pair = rows[a], rows[b]
        yield f"{a} || {b}", pair_case(*pair), lambda pair=pair: pair_inputs(*pair)


def record(case, inputs):
    """The entry of a case: its inputs, results and gradients, as arrays."""
    return {"inputs": keras.tree.map_structure(np.asarray, inputs), **case.differentiate(inputs)}


def load():
    return {name: _arrays(entry) for name, entry in json.loads(PATH.read_text()).items()}


def _arrays(entry, is_input=False):
    """Inputs are the float32 numbers that they were, or ints."""
    if isinstance(entry, dict):
        return {name: _arrays(part, is_input or name == "inputs") for name, part in entry.items()}
    array = np.asarray(entry)
    return array.astype("float32") if is_input and array.dtype.kind == "f" else array


def dump(entries):
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text("{\n" + ",\n".join(_lines(entries, " ")) + "\n}\n")


def _lines(tree, indent):
    """JSON with one line for each array, so that a difference shows where it is."""
    for name, part in tree.items():
        if isinstance(part, dict):
            inner = ",\n".join(_lines(part, indent + " "))
            yield f"{indent}{json.dumps(name)}: {{\n{inner}\n{indent}}}"
        else:
            yield f"{indent}{json.dumps(name)}: {_compact(part)}"


def _compact(array):
    """The digits that tell one float32 from another; of float64 13, of which the tests need 9."""
    if array.ndim:
        return "[" + ",".join(map(_compact, array)) + "]"
    if array.dtype == "float64":
        return json.dumps(float(f"{array:.13g}"))
    return str(array)


if __name__ == "__main__":
    if keras.config.backend() != "torch":
        raise SystemExit("replay.py: expected KERAS_BACKEND=torch, on which the searches run")
    dump({name: record(case, inputs()) for name, case, inputs in cases()})
