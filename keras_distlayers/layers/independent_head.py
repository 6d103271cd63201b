"""The base of the heads over events whose entries are independent of each other."""

import functools
from collections.abc import Mapping
from typing import Any, Unpack

from keras_distlayers.layers._declared_head import DeclaredHead
from keras_distlayers.layers._readers import IndependentReader, ParameterReader
from keras_distlayers.layers._sizes import EventShape
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions


class IndependentHead(DeclaredHead):
    """The base of a head for an event of any shape whose entries are independent.

    A head of your own declares its distribution, the family of one entry, and its parameters.
    Each parameter has a transform from any real number, such as `Positive`. The last axis of
    the input holds the first parameter of all entries, then the second of all, and so on.

    A head with more arguments than these sets them as attributes and then calls
    `super().__init__(event_shape, ...)`; `distribution_arguments` names those that the
    distribution takes. Where its constructor takes other parameters than the declared ones,
    write the class method `from_parameters(cls, **parameters)`, which returns the distribution.

    Args:
        event_shape: The shape of one event: an int or a sequence of ints; () for a scalar.

    Input shape: `batch_shape + (params_size(event_shape),)`: each parameter of all entries
    before the next.

    Output shape: `batch_shape + event_shape`.

    Raises:
        ValueError: if `event_shape` is not made of positive integers.

    Examples:
        The head of a Pareto distribution whose values start at 1:

        >>> import keras
        >>> import keras_distlayers as kdl
        >>> class Pareto(kdl.distributions.Distribution):
        ...     parameter_ndims = {"concentration": 0}
        ...     def __init__(self, concentration):
        ...         super().__init__(concentration=concentration)
        ...     def _log_prob(self, value):
        ...         a = self.concentration
        ...         return keras.ops.log(a) - (a + 1.0) * keras.ops.log(value)
        ...     def _sample(self, sample_shape, seed):
        ...         shape = (*sample_shape, *self.dynamic_shape())
        ...         uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seed)
        ...         return (1.0 - uniform) ** (-1.0 / self.concentration)
        >>> class IndependentPareto(kdl.layers.IndependentHead):
        ...     distribution_class = Pareto
        ...     parameters = {"concentration": kdl.layers.Positive()}
        >>> IndependentPareto.params_size((2, 3))
        6
        >>> rv = IndependentPareto((2, 3), seed=1)(keras.ops.zeros((5, 6)))
        >>> tuple(rv.shape), tuple(rv.log_prob(rv).shape)
        ((5, 2, 3), (5,))

    Attributes:
        distribution_class: The family of an entry.
        parameters: The transform of each raw parameter, in the order of the input's last axis,
            by the name that the distribution gives to the parameter.
        distribution_arguments: The arguments of the head that the distribution takes, too.
    """

    event_shape: tuple[int, ...]

    def __init__(
        self,
        event_shape: EventShape = (),
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__({"event_shape": event_shape}, convert_to_tensor_fn, **options)

    @classmethod
    def params_size(cls, event_shape: EventShape = ()) -> int:
        """The number of raw parameters: one of each kind per entry."""
        return cls.reader_for(event_shape=event_shape).size

    @classmethod
    def _make_reader(
        cls, sizes: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> ParameterReader:
        make = functools.partial(cls.from_parameters, **arguments)
        return IndependentReader(cls.parameters, sizes["event_shape"], make)


__all__ = ["IndependentHead"]
