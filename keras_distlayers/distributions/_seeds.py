"""Seeds for laws whose draw is made of two."""


def two_seeds(seed):
    """Two seeds for two draws that do not depend on each other.

    A generator, or Keras's own where there is none, moves on by itself. Of an int a second
    one is made by a step of a linear congruential generator (Park and Miller, 1988).
    """
    return (seed, (48271 * (seed + 1)) % (2**31 - 1)) if isinstance(seed, int) else (seed, seed)
