"""The GPU table: training steps by hand in JAX and with Keras, and the example, on one card.

    KERAS_BACKEND=jax python tests/benchmarks/gpu.py --data mnist --out gpu-results

It measures the important rows first, writes all results after each group of rows, and leaves
the rest out when the budget is spent. With --small it runs on a CPU.
"""

import argparse
import functools
import json
import os
import pathlib
import sys
import time

BEGUN = time.perf_counter()
os.environ.setdefault("KERAS_BACKEND", "jax")
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT)]

import gpu_digits
import gpu_example
import gpu_report
import gpu_rows
import jax
import keras
import mnist_vae
from rich.console import Console

# Precision and batch size. The example comes after the first groups, -log p before the last.
FIRST_GROUPS = (("float32", 256), ("float32", 128))
MORE_GROUPS = (("mixed_bfloat16", 256), ("mixed_bfloat16", 128))
LAST_GROUPS = (("float32", 1024), ("mixed_bfloat16", 1024))
ENDING = 5.0  # seconds to write the results

console = Console(width=160)


def main():
    options = parse_options()
    if not options.small:  # a cache on disk would hide how long compilation takes
        jax.config.update("jax_enable_compilation_cache", False)
    report = Report(options)
    images = mnist_vae.load_images(options.data, mnist_vae.console)
    if options.small:
        images = tuple(part[: options.small] for part in images)
    first, more, last = groups(options)
    report.section("digits", "digits", gpu_digits.largest_relative_error)
    measure_groups(report, first, images[0][: options.row_images], options)
    model = train_example(report, images, options) if options.epochs else None
    measure_groups(report, more, images[0][: options.row_images], options)
    if model:
        estimate_log_p(report, model, options)
    measure_groups(report, last, images[0][: options.row_images], options)
    report.end()


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="mnist", help="mnist, digits, or an .npz file as Keras's mnist.npz")
    add("--out", type=pathlib.Path, default=pathlib.Path("gpu-results"), help="folder of results")
    add("--docs", type=pathlib.Path, help="a page to put the table into, between its comments")
    add("--network", choices=("conv", "dense"), default="conv", help="the example's two")
    add("--epochs", type=int, default=60, help="of the example")
    add("--samples", type=int, default=5000, help="per image, for -log p")
    add("--sampling-seconds", type=float, default=75.0, help="at most, for -log p")
    add("--row-images", type=int, default=20_000, help="training images in an epoch of a row")
    add("--row-seconds", type=float, default=1.0, help="about, to time each row")
    add("--budget", type=float, default=345.0, help="seconds after which rows are left out")
    add(
        "--small",
        type=int,
        default=0,
        metavar="IMAGES",
        help="train on this many images, in batches of 16",
    )
    return parser.parse_args()


def groups(options):
    if options.small:
        return [("float32", 16)], [("mixed_bfloat16", 16)], []
    return FIRST_GROUPS, MORE_GROUPS, LAST_GROUPS


def measure_groups(report, groups, images, options):
    """Rows that share a batch size and a precision are measured together."""
    for precision, batch_size in groups:
        measure = functools.partial(
            gpu_rows.measured, images, batch_size, precision, options.network, options.row_seconds
        )
        name = f"{precision}, batches of {batch_size}"
        report.section("rows", name, measure, needs=report.longest_group)


def train_example(report, images, options):
    """The example's figures; returns its model, or nothing if it was left out."""
    model = []

    def train():
        figures, parts = gpu_example.trained(images, options.network, options.epochs)
        model.extend(parts)
        return figures

    name = f"the example, {options.epochs} epochs"
    report.section("example", name, train, needs=report.longest_group)
    return model


def estimate_log_p(report, model, options):
    measure = functools.partial(
        gpu_example.minus_log_p, *model, options.samples, options.sampling_seconds
    )
    name = f"-log p, {options.samples} samples"
    report.section("example", name, measure, needs=options.sampling_seconds)


class Report:
    """The results so far, written as JSON and Markdown after each section."""

    def __init__(self, options):
        self.options = options
        self.longest_group = 0.0
        options.out.mkdir(parents=True, exist_ok=True)
        self.results = {
            "device": jax.devices()[0].device_kind,
            "platform": jax.devices()[0].client.platform_version,
            "versions": {"JAX": jax.__version__, "Keras": keras.__version__},
            "date": time.strftime("%Y-%m-%d"),
            "network": options.network,
            "rows": [],
            "skipped": [],
            "errors": {},
            "section_seconds": {},
            "finished": False,
        }
        self.write()

    def section(self, key, name, measure, needs=0.0):
        """Adds what `measure` returns, unless less time is left than it needs."""
        if time.perf_counter() - BEGUN + needs + ENDING > self.options.budget:
            console.print(f"Left out: {name}")
            self.results["skipped"].append(name)
            return self.write()
        begun = time.perf_counter()
        try:
            self.add(key, measure())
        except Exception as error:  # keep what is measured already
            console.print_exception()
            self.results["errors"][name] = f"{type(error).__name__}: {error}"[:300]
        seconds = time.perf_counter() - begun
        if key == "rows":
            self.longest_group = max(self.longest_group, seconds)
        self.results["section_seconds"][name] = seconds
        console.print(f"{name}: {seconds:.1f} s")
        return self.write()

    def add(self, key, figures):
        if key == "rows":
            self.results["rows"] += figures
        else:
            self.results.setdefault(key, {}).update(figures)

    def write(self):
        results = self.results
        results["seconds"] = time.perf_counter() - BEGUN
        results["memory_stats"] = jax.devices()[0].memory_stats()
        out = self.options.out
        (out / "gpu.json").write_text(json.dumps(results, indent=1))
        (out / "gpu.md").write_text(gpu_report.markdown(results))

    def end(self):
        """Writes the results for the last time, and the page of the docs."""
        self.results["finished"] = True
        self.write()
        text = (self.options.out / "gpu.md").read_text()
        print(text)
        if self.options.docs:
            page = self.options.docs.read_text()
            self.options.docs.write_text(gpu_report.put_into(page, text))
        if self.results["errors"]:
            raise SystemExit("Some rows failed; the results say which.")


if __name__ == "__main__":
    main()
