"""Makes the pictures of docs/plots.md: `KERAS_BACKEND=torch python docs/make_plots.py`.

The code blocks of the page run one after the other. A picture stands below the block that draws
it, and is what that block has drawn.
"""

import pathlib
import re

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

PAGE = pathlib.Path(__file__).parent / "plots.md"
PARTS = re.compile(r"^```python\n(?P<code>.*?)^```|^!\[.*?\]\((?P<image>.*?)\)", re.S | re.M)


def make():
    """Runs the page, and writes a file for each of its pictures."""
    names = {}
    for part in PARTS.finditer(PAGE.read_text(encoding="utf-8")):
        if part["code"]:
            plt.close("all")
            exec(compile(part["code"], str(PAGE), "exec"), names)
        else:
            plt.gcf().savefig(PAGE.parent / part["image"], dpi=80)


if __name__ == "__main__":
    make()
