"""What a layer or a model is made of."""

from typing import Any

import keras


def parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer and those inside it, found as its attributes and in lists and dicts of them."""
    found: list[keras.layers.Layer] = []
    seen: dict[int, Any] = {}
    waiting: list[Any] = [layer]
    while waiting:
        x = waiting.pop()
        if not isinstance(x, keras.layers.Layer | list | tuple | dict) or id(x) in seen:
            continue
        seen[id(x)] = x
        if isinstance(x, keras.layers.Layer):
            found.append(x)
            x = vars(x)
        waiting += x.values() if isinstance(x, dict) else x
    return found


__all__ = ["parts"]
