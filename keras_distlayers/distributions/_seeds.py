"""Seeds for a distribution whose draw needs more than one stream of numbers."""


def fold_in(seed, data: int):
    """A seed for draws that are independent of those from `seed`, one for each `data`.

    A generator, Keras's own (None) included, moves on by itself with each draw; an int would
    give the same stream again.
    """
    return (seed * 48271 + 11 * data) % (2**31 - 1) if isinstance(seed, int) else seed


__all__ = ["fold_in"]
