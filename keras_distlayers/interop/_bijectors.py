"""Our bijectors as those of other libraries, as far as they have them."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from keras_distlayers import bijectors as kb
from keras_distlayers._core.typing import Tensor

if TYPE_CHECKING:
    from keras_distlayers.interop.conversions import Package

# What a library calls those without parameters. NumPyro has no tanh.
_NAMES: dict[str, dict[type[kb.Bijector], str]] = {
    "tfp": {kb.Exp: "Exp", kb.Softplus: "Softplus", kb.Sigmoid: "Sigmoid", kb.Tanh: "Tanh"},
    "torch": {
        kb.Exp: "ExpTransform", kb.Softplus: "SoftplusTransform",
        kb.Sigmoid: "SigmoidTransform", kb.Tanh: "TanhTransform",
    },
    "numpyro": {
        kb.Exp: "ExpTransform", kb.Softplus: "SoftplusTransform", kb.Sigmoid: "SigmoidTransform",
    },
}  # fmt: skip

# Functions `(library's module, bijector, convert)` for the others.
_Convert: TypeAlias = Callable[[kb.Bijector], Any]
_Rules: TypeAlias = dict[type[kb.Bijector], Callable[[ModuleType, Any, _Convert], Any]]

_OF_TFP: _Rules = {
    kb.Shift: lambda b, x, to: b.Shift(x.shift),
    kb.Scale: lambda b, x, to: b.Scale(x.scale),
    kb.Affine: lambda b, x, to: b.Chain([b.Shift(x.loc), b.Scale(x.scale)]),
    kb.ScaleTriL: lambda b, x, to: b.ScaleMatvecTriL(x.scale_tril),
    kb.Permute: lambda b, x, to: b.Permute(list(x.permutation)),
    kb.Chain: lambda b, x, to: b.Chain([to(part) for part in x.bijectors]),
    kb.Invert: lambda b, x, to: b.Invert(to(x.bijector)),
}
_OF_TORCH: _Rules = {
    kb.Shift: lambda b, x, to: b.AffineTransform(x.shift, 1.0),
    kb.Scale: lambda b, x, to: b.AffineTransform(0.0, x.scale),
    kb.Affine: lambda b, x, to: b.AffineTransform(x.loc, x.scale),
    # The first to be applied comes first there, last here.
    kb.Chain: lambda b, x, to: b.ComposeTransform([to(part) for part in x.bijectors[::-1]]),
    kb.Invert: lambda b, x, to: to(x.bijector).inv,
}
_OF_NUMPYRO: _Rules = {
    **_OF_TORCH,
    kb.Permute: lambda b, x, to: b.PermuteTransform(_indices(x.permutation)),
}
_COMPOSED = {"tfp": _OF_TFP, "torch": _OF_TORCH, "numpyro": _OF_NUMPYRO}


class _Missing(Exception):  # noqa: N818 - caught below
    """The library has no such bijector."""


def _indices(permutation: Sequence[int]) -> Tensor:
    from keras import ops

    return ops.convert_to_tensor(permutation, "int32")


def converted(library: str, package: "Package", bijector: kb.Bijector) -> Any:
    """The library's bijector, or None where it has none."""

    def convert(x: kb.Bijector) -> Any:
        if name := _NAMES[library].get(type(x)):
            return getattr(package.bijectors, name)()
        if make := _COMPOSED[library].get(type(x)):
            return make(package.bijectors, x, convert)
        raise _Missing

    try:
        return convert(bijector)
    except _Missing:
        return None


__all__ = ["converted"]
