"""The public API is annotated whole, for editors and type checkers."""

import functools
import inspect

import pytest

import keras_distlayers as kdl
from keras_distlayers.distribution_methods import METHODS, DistributionMethods

PACKAGES = (
    "bijectors", "callbacks", "distributions", "interop", "layers", "losses", "metrics",
    "regularizers", "schedules", "symbolic", "testing",
)  # fmt: skip
# A module of TensorFlow Probability, which would be imported here.
FOREIGN = {"tfp"}
# A checker knows what these return.
WITHOUT_RETURN = {"__init__", "__init_subclass__"}


def function_of(member):
    """The function inside a method, a property or a class method; anything else as it is."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, functools.cached_property):
        return member.func
    return getattr(member, "__func__", member)


def is_def(member):
    """Whether it is a function with a `def`; a lambda, the default of a field, takes no types."""
    return inspect.isfunction(member) and member.__name__ != "<lambda>"


def functions_of(public):
    """The function, or a class's constructor and public methods, as far as they are ours."""
    if inspect.isclass(public):
        for cls in public.__mro__:
            if cls.__module__.startswith("keras_distlayers."):
                members = {name: function_of(member) for name, member in vars(cls).items()}
                yield from (
                    member
                    for name, member in members.items()
                    if (name == "__init__" or not name.startswith("_")) and is_def(member)
                )
    elif callable(public):
        yield inspect.unwrap(public)


def missing_annotations(function):
    signature = inspect.signature(function)
    names = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    has_return = signature.return_annotation is not signature.empty
    return names if has_return or function.__name__ in WITHOUT_RETURN else [*names, "return"]


def all_missing(*publics):
    functions = [function for public in publics for function in functions_of(public)]
    assert functions
    return {f.__qualname__: missing_annotations(f) for f in functions if missing_annotations(f)}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_api_is_annotated(package):
    module = getattr(kdl, package)
    assert all_missing(*(getattr(module, n) for n in module.__all__ if n not in FOREIGN)) == {}


def test_random_variable_is_annotated():
    assert all_missing(kdl.RandomVariable) == {}
    mixed_in = {function.__name__ for function in functions_of(DistributionMethods)}
    assert mixed_in == {*METHODS, "call_distribution_method"}
    assert mixed_in <= {function.__name__ for function in functions_of(kdl.RandomVariable)}


def test_what_is_missing_is_found():
    class Partly:
        def __init__(self, size):
            self.size = size

        @property
        def shape(self):
            return (self.size,)

        @classmethod
        def of(cls, size) -> "Partly":
            return cls(size)

        def resized(self, size: int) -> "Partly":
            return type(self)(size)

    Partly.__module__ = "keras_distlayers.partly"
    missing = {name.split(".")[-1]: names for name, names in all_missing(Partly).items()}
    assert missing == {"__init__": ["size"], "shape": ["return"], "of": ["size"]}
