"""The GPU table as Markdown, from the results that `gpu.py` writes as JSON."""

BEGIN, END = "<!-- gpu table: made by make gpu -->", "<!-- end of the gpu table -->"

BY_HAND = "by hand, one jitted step"
SCAN = "by hand, under `lax.scan`"
STEP = "ours, the jitted training step"
STEPS_PER_EXECUTION = 16
FIT_DEVICE = "ours, `fit`, batches on the device"
FIT_SEVERAL = f"ours, `fit`, the same, steps_per_execution={STEPS_PER_EXECUTION}"
FIT_EXAMPLE = "ours, `fit`, the example's data"

MOST = {STEP: 1.02, FIT_DEVICE: 1.15}  # times the step by hand
LEAST_ON_H100 = 100_000  # images per second, in batches of 256

# Dense operations per second, by NVIDIA's data sheets; float32 is multiplied in TF32 there.
PEAKS = {
    "NVIDIA H100 80GB HBM3": {"float32": 494.7e12, "mixed_bfloat16": 989.4e12},
    "NVIDIA H200": {"float32": 494.7e12, "mixed_bfloat16": 989.4e12},
    "NVIDIA A100-SXM4-40GB": {"float32": 156e12, "mixed_bfloat16": 312e12},
    "NVIDIA A100-SXM4-80GB": {"float32": 156e12, "mixed_bfloat16": 312e12},
}

COLUMNS = {
    "precision": lambda row, device: row["precision"],
    "batch": lambda row, device: str(row["batch_size"]),
    "what": lambda row, device: row["way"],
    "images/s": lambda row, device: f"{row['images_per_second']:,.0f}",
    "ms per step": lambda row, device: f"{1e3 * row['seconds_per_step']:.3f}",
    "ratio to by hand": lambda row, device: f"{row['ratio']:.3f}",
    "compilation, s": lambda row, device: number(row.get("compile_seconds"), ".1f"),
    "memory, MiB": lambda row, device: number(row.get("memory_bytes"), ".0f", 2**20),
    "GFLOP per image": lambda row, device: number(
        row["flops_per_step"], ".3f", 1e9 * row["batch_size"]
    ),
    "of the peak": lambda row, device: number(share_of_peak(row, device), ".1%"),
}


def markdown(results):
    """All figures, the bars, and what is missing."""
    parts = [heading(results)]
    if results["rows"]:
        parts.append(table(COLUMNS, rows_of_text(results)))
    parts += [bars(results), digits(results), example(results), missing(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(results):
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"{results['device']}, {versions}, {results['date']}; the {results['network']} network; "
        f"{results['seconds']:.0f} seconds in total."
    )


def rows_of_text(results):
    return [
        [text(row, results["device"]) for text in COLUMNS.values()]
        for row in sorted(results["rows"], key=lambda row: (row["precision"], row["batch_size"]))
    ]


def bars(results):
    """The figures that have a bar, and whether they meet it."""
    lines = ratio_bars(results["rows"])
    if "H100" in results["device"]:
        lines += speed_bars(results["rows"])
    answers = [[*line, "yes" if met else "no"] for *line, met in lines]
    return table(("bar", "figure", "wanted", "met"), answers)


def ratio_bars(rows):
    """The worst row of each way that has a bar."""
    worst = {
        way: max([row["ratio"] for row in rows if row["way"] == way], default=None) for way in MOST
    }
    return [
        [f"{way}: ratio to by hand, worst row", f"{ratio:.3f}", f"at most {MOST[way]}",
         ratio <= MOST[way]]
        for way, ratio in worst.items()
        if ratio is not None
    ]  # fmt: skip


def speed_bars(rows):
    return [
        [f"{STEP}: images/s in {row['precision']}, batch 256", f"{row['images_per_second']:,.0f}",
         f"at least {LEAST_ON_H100:,}", row["images_per_second"] >= LEAST_ON_H100]
        for row in rows
        if (row["way"], row["batch_size"]) == (STEP, 256)
    ]  # fmt: skip


def digits(results):
    found = results.get("digits")
    return found and (
        f"Digits: {found['what']}, in float32 on the device against NumPy in float64: largest "
        f"relative error {found['largest_relative_error']:.1e}."
    )


def example(results):
    """The trained example's figures, as a table of one row."""
    found = results.get("example")
    if not found:
        return ""
    columns = {
        "epochs": f"{found['epochs']}",
        "training and its validation, s": f"{found['seconds']:.0f}",
        "seconds per epoch": f"{found['seconds_per_epoch']:.2f}",
        "NLL": f"{found['nll']:.2f}",
        "KL": f"{found['kl']:.2f}",
        "-ELBO": f"{found['-elbo']:.2f}",
    }
    if "-log p" in found:
        name = f"-log p, {found['-log p, samples']} samples, {found['-log p, images']} images"
        error = found["-log p, standard error"]
        columns[name] = f"{found['-log p']:.2f} (standard error {error:.2f})"
    intro = f"The example, {found['test_images']:,} test images, nats per image:"
    return f"{intro}\n\n{table(columns, [list(columns.values())])}"


def missing(results):
    lines = [f"- Left out, the budget was spent: {name}." for name in results["skipped"]]
    lines += [f"- Failed: {name}: {error}" for name, error in results["errors"].items()]
    if not results["finished"]:
        lines.append("- Cut off: the run had not ended when this was written.")
    return "\n".join(lines)


def share_of_peak(row, device):
    """The operations per second over the card's peak; None for a card without a peak above."""
    peak = PEAKS.get(device, {}).get(row["precision"])
    if not peak or not row["flops_per_step"]:
        return None
    return row["flops_per_step"] / row["seconds_per_step"] / peak


def number(value, form, unit=1.0):
    return "" if value is None else format(value / unit, form)


def table(columns, rows):
    """A table in Markdown; nothing if there are no rows."""
    if not rows:
        return ""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def put_into(page, text):
    """The page with the text between the two comments that mark its place."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"Expected the comments {BEGIN!r} and {END!r} in the page.")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"
