"""What was measured, as NumPy arrays by name."""

from collections.abc import Callable, Mapping
from typing import Any

from keras_distlayers._backend import backend
from keras_distlayers.testing._evaluation import as_numpy, evaluate


class Record(dict[Any, Any]):
    """Results by name: arrays, records within, and None for what has no closed form.

    Where the distribution raised an error in place of a result, looking up that result raises it,
    so that only the checks that need it fail.

    Examples:
        >>> import numpy as np
        >>> from keras_distlayers.testing.measurement import Record
        >>> record = Record(mean=np.zeros(3), mode=None)
        >>> record["mean"].shape, record["mode"]
        ((3,), None)
    """

    def __getitem__(self, name: Any) -> Any:
        result = super().__getitem__(name)
        if isinstance(result, Raised):
            raise result.error
        return result


class Raised:
    """Stands for a result whose function raised an error; to jit a structure without tensors."""

    def __init__(self, error: Exception):
        self.error = error


backend.register_pytree(Raised, lambda raised: ((), raised.error), lambda error, _: Raised(error))


def attempt(function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
    """The function's result, None where there is no closed form, or the error that it raised."""
    try:
        return function(*args, **options)
    except NotImplementedError:
        return None
    except Exception as error:
        return Raised(error)


def after(result: Any, function: Callable[..., Any]) -> Any:
    """The function of a result that there is, as `attempt` returns it; else the result itself."""
    return result if result is None or isinstance(result, Raised) else attempt(function, result)


def measured(function: Callable[..., dict[str, Any]], /, *args: Any, **options: Any) -> Record:
    """The results of a function that returns a dict, in one compilation.

    Args:
        function: Of distributions and tensors; it returns a dict of tensors, of such dicts,
            and of what `attempt` returns.
        *args: Its arguments.
        **options: Its keywords, which are constants for the compiler.
    """
    return as_record(evaluate(function, *args, **options))


def as_record(results: Mapping[Any, Any]) -> Record:
    """The results with NumPy arrays for tensors."""
    return Record({name: _as_array(result) for name, result in results.items()})


def _as_array(result: Any) -> Any:
    if result is None or isinstance(result, Raised | Record):
        return result
    if isinstance(result, dict):
        return as_record(result)
    if isinstance(result, list | tuple):
        return [_as_array(item) for item in result]
    return as_numpy(result)


__all__ = ["Raised", "Record", "after", "as_record", "attempt", "measured"]
