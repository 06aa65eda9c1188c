"""The binder: each layer function's signature is its layer's schema, by which a saved config is sorted."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from codegen.errors import ConversionError, UnsupportedOption
from codegen.graph import Value
from codegen.lowering.masks import MaskRule
from codegen.model.packages import LAMBDA, TENSORFLOW
from codegen.model.spec import LayerSpec
from codegen.model.words import TRAINING_SUFFIXES

#: More options that say how a layer is trained or built, not what it computes.
TRAINING_ONLY = frozenset({"seed", "noise_shape", "autocast", "build_config", "sparse_gradients"})


@dataclass(frozen=True)
class LayerFunction:
    """A registered layer function and what its decorator said of it.

    Attributes:
        masks: "keep": the output has the first input's mask; "drop": none; "own": the function sets it.
        neutral: Options that may be present with just this value.
        training_only: Further options that do not change what the layer computes once it has weights.
        note: One line for the README's table.
        variant: Arguments that the decorator binds: what tells the class from others with this function.
    """

    function: Callable[..., Any]
    class_name: str
    package: str
    masks: MaskRule
    neutral: Mapping[str, Any]
    training_only: frozenset[str]
    note: str
    variant: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, b: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function with the builder `b`, the arguments of the call and the options."""
        return self.function(b, *args, **kwargs, **self.variant)

    @cached_property
    def call_names(self) -> tuple[str, ...]:
        """Names of the call's arguments."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    @cached_property
    def required_names(self) -> tuple[str, ...]:
        """Names of those of the call's arguments that every call must have."""
        parameters = inspect.signature(self.function).parameters
        return tuple(name for name in self.call_names if parameters[name].default is inspect.Parameter.empty)

    @cached_property
    def takes_any_args(self) -> bool:
        """Whether the call may have any number of arguments."""
        return any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(self.function).parameters.values())

    @cached_property
    def takes_any_kwargs(self) -> bool:
        """Whether the call may have keyword arguments of any name."""
        return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(self.function).parameters.values())

    @cached_property
    def options(self) -> dict[str, inspect.Parameter]:
        """The keyword-only parameters that the decorator has not bound: the layer's options."""
        parameters = inspect.signature(self.function).parameters
        return {
            name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY and name not in self.variant
        }

    @cached_property
    def types(self) -> dict[str, Any]:
        """Annotations of the options."""
        return typing.get_type_hints(self.function)

    def bind(self, spec: LayerSpec) -> dict[str, Any]:
        """Sort every key of the saved config; raise UnsupportedOption for what would be dropped silently."""
        bound: dict[str, Any] = {}
        config = spec.config if self.package != LAMBDA else spec.config.get("arguments") or {}
        for key, value in config.items():
            if key in self.options:
                bound[key] = self._convert(spec, key, value)
            elif not self._may_ignore(key, value):
                raise UnsupportedOption(spec.name, spec.class_name, key, value, "no such option is known")
        for name, parameter in self.options.items():
            if parameter.default is parameter.empty and name not in bound:
                raise ConversionError(f"layer {spec.name!r}: {spec.class_name} lacks the option {name!r}")
        return bound

    def _may_ignore(self, key: str, value: object) -> bool:
        if self.package == TENSORFLOW and key == "function":
            return True
        if key in self.neutral and value == self.neutral[key]:
            return True
        return value is None or key in TRAINING_ONLY | self.training_only or key.endswith(TRAINING_SUFFIXES)

    def _convert(self, spec: LayerSpec, key: str, value: object) -> Any:
        expected = self.types.get(key, Any)
        try:
            return convert_type(value, expected)
        except (TypeError, OverflowError):
            wanted = getattr(expected, "__name__", None) if isinstance(expected, type) else None
            text = wanted or str(expected).replace("typing.", "")
            raise UnsupportedOption(spec.name, spec.class_name, key, value, f"supported: {text}") from None


def check_variants(function: Callable[..., Any], variants: Mapping[str, Mapping[str, Any]]) -> None:
    """See that a decorator binds the same keyword-only parameters of `function` for each class.

    Raises:
        TypeError: It does not.
    """
    parameters = inspect.signature(function).parameters
    first = next(iter(variants.values()), {})
    for class_name, variant in variants.items():
        if variant.keys() != first.keys():
            raise TypeError(f"{function.__name__}: {class_name!r} does not bind what the other classes do")
        for name in variant:
            if name not in parameters or parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY:
                raise TypeError(f"{function.__name__} has no keyword-only parameter {name!r} to bind")


def convert_type(value: object, expected: Any) -> Any:
    """`value` as the annotation `expected` wants it: lists become tuples, whole floats ints.

    Raises:
        TypeError: The value is of another kind.
        OverflowError: It is too large for a float.
    """
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if expected is Any or Value in arguments:  # what may be a tensor of the graph is no matter of the config
        return _as_tuples(value)
    if origin is Literal:
        if value in arguments and any(value == a and type(value) is type(a) for a in arguments):
            return value
    elif origin in (typing.Union, types.UnionType):
        for option in arguments:
            try:
                return convert_type(value, option)
            except TypeError:
                continue
    elif origin is tuple and isinstance(value, (list, tuple)):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(convert_type(item, arguments[0]) for item in value)
        if len(arguments) == len(value):
            return tuple(convert_type(item, kind) for item, kind in zip(value, arguments, strict=True))
    elif origin is not None:
        if isinstance(value, origin):
            return value
    elif expected is bool:
        if value in (True, False) and isinstance(value, (bool, int)):
            return bool(value)
    elif expected is int:
        if type(value) is int or (isinstance(value, float) and value.is_integer()):
            return int(value)
    elif expected is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    elif expected is None or expected is type(None):
        if value is None:
            return None
    elif isinstance(value, expected):
        return value
    raise TypeError(expected)


def _as_tuples(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return tuple(_as_tuples(item) for item in value)
    return value
