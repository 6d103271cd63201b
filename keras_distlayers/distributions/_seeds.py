"""A second stream of numbers for a law whose draw takes two."""


def another(seed):
    """A seed for draws that are independent of those from `seed`.

    A generator, Keras's own (None) included, moves on by itself with each draw; a number
    would give the same stream again.
    """
    return (seed * 48271 + 11) % (2**31 - 1) if isinstance(seed, int) else seed


__all__ = ["another"]
