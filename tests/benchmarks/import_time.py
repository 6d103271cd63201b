"""What importing keras_distlayers costs beyond importing keras, on each backend.

Starts seven fresh interpreters for each, alternately. Also lists the heavy packages that our
import adds. Run it with:

    python tests/benchmarks/import_time.py
"""

import json
import os
import subprocess
import sys
import time

import numpy as np
from rich.console import Console
from rich.table import Table

BACKENDS = ("jax", "tensorflow", "torch")
RUNS = 7
WATCHED = ("tensorflow_probability", "hypothesis", "matplotlib", *BACKENDS)
MODULES = ("layers", "losses", "callbacks", "regularizers", "metrics")
KERAS = "import keras"
OURS = "import " + ", ".join(f"keras_distlayers.{module}" for module in MODULES)
LIST_NEW = f"""
import json, sys
{KERAS}
before = set(sys.modules)
{OURS}
watched = {WATCHED!r}
print(json.dumps([[m for m in watched if m in before],
                  [m for m in watched if m in sys.modules and m not in before]]))
"""


def main():
    table = Table("backend", "keras, s", "keras and ours, s", "difference, s", "there", "new")
    for backend in BACKENDS:
        there, new = json.loads(run(LIST_NEW, backend).splitlines()[-1])
        times = np.median([pair(backend) for _ in range(RUNS)], axis=0)
        seconds = [f"{value:.2f}" for value in (*times, times[1] - times[0])]
        table.add_row(backend, *seconds, ", ".join(there), ", ".join(new) or "none")
    Console(width=120).print(table)


def pair(backend):
    """Seconds of an interpreter that imports keras, and of one that imports ours too."""
    return timed(KERAS, backend), timed(f"{KERAS}; {OURS}", backend)


def timed(code, backend):
    begun = time.perf_counter()
    run(code, backend)
    return time.perf_counter() - begun


def run(code, backend):
    """What the code prints in a fresh interpreter."""
    variables = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
