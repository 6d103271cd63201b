"""What families on the positive numbers share."""

from keras import ops


def positive_or_one(value):
    """Whether a value is positive, and the value, or 1 in place of one that is not."""
    is_inside = value > 0.0
    return is_inside, ops.where(is_inside, value, 1.0)


__all__ = ["positive_or_one"]
