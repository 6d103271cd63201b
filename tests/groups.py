"""Tests of one family or head on one worker, which compiles and measures it once."""

import pytest


def grouped(rows, prefix=""):
    """The rows as parameters of a test, each in the group of its name."""
    return [
        pytest.param(row, id=row.name, marks=pytest.mark.xdist_group(prefix + row.name))
        for row in rows
    ]
