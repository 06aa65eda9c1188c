"""Which function lowers which Keras class, and the binder that makes each signature the layer's schema."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from codegen.errors import THIS_NAME, ConversionError, UnsupportedLayer, UnsupportedOption, shorten
from codegen.lowering.refused import REFUSED
from codegen.model.spec import LayerSpec

F = TypeVar("F", bound=Callable[..., Any])
MaskRule = Literal["keep", "drop", "own"]

KERAS = "keras.layers"
OPS = "keras.ops"
CUSTOM = "Custom"  # classes of nobody that Keras knows
TENSORFLOW = "tensorflow"
#: Package under which replacements of Lambda layers stand, by layer name.
LAMBDA = "Lambda"

#: Options that say how a layer is trained or built, not what it computes.
TRAINING_SUFFIXES = ("_initializer", "_regularizer", "_constraint")
TRAINING_ONLY = frozenset({"seed", "noise_shape", "autocast", "build_config", "sparse_gradients"})


@dataclass(frozen=True)
class LayerFunction:
    """A registered layer function and what its decorator said of it.

    Attributes:
        masks: "keep": the output has the first input's mask; "drop": none; "own": the function sets it.
        neutral: Options that may be present with just this value.
        training_only: Further options that do not change what the layer computes once it has weights.
        note: One line for the README's table.
    """

    function: Callable[..., Any]
    class_name: str
    package: str
    masks: MaskRule
    neutral: Mapping[str, Any]
    training_only: frozenset[str]
    note: str

    @cached_property
    def call_names(self) -> tuple[str, ...]:
        """Names of the call's arguments."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

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
        """The keyword-only parameters: the layer's options."""
        parameters = inspect.signature(self.function).parameters
        return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}

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


def convert_type(value: object, expected: Any) -> Any:
    """`value` as the annotation `expected` wants it: lists become tuples, whole floats ints.

    Raises:
        TypeError: The value is of another kind.
        OverflowError: It is too large for a float.
    """
    if expected is Any:
        return _as_tuples(value)
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
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


_FUNCTIONS: dict[tuple[str, str], LayerFunction] = {}


def lowers(
    *class_names: str,
    package: str = KERAS,
    masks: MaskRule = "keep",
    neutral: Mapping[str, Any] | None = None,
    training_only: Sequence[str] = (),
    note: str = "",
) -> Callable[[F], F]:
    """Register a layer function for Keras classes.

    The function's first parameter is the `Builder`; its positional parameters are the arguments of
    the layer's call (a `Value`, or a list of them); its keyword-only parameters are the layer's
    options with types and defaults.

    Args:
        class_names: Keras 3 names of the classes.
        package: "keras.layers", "keras.ops.numpy", "Addons", ...; "*" for any (a user's own layers).
        masks: What becomes of a mask, see `LayerFunction`.
        neutral: Options that change nothing when they have just this value.
        training_only: Options that only say how the weights came about.
        note: One line for the README's table of layers.
    """

    def register(function: F) -> F:
        for name in class_names:
            entry = LayerFunction(
                function, name, package, masks, dict(neutral or {}), frozenset(training_only), note
            )
            _FUNCTIONS[package, name] = entry
        return function

    return register


def replaces_lambda(*layer_names: str, masks: MaskRule = "keep") -> Callable[[F], F]:
    """Register what stands for the Lambda layers of these names, whose own Python code is never run.

    The function is written as for `lowers`; its keyword-only parameters are the entries of the
    Lambda's `arguments`.
    """
    return lowers(*layer_names, package=LAMBDA, masks=masks)


def registered() -> Mapping[tuple[str, str], LayerFunction]:
    """All registered functions by (package, class name)."""
    return _FUNCTIONS


@contextmanager
def restored() -> Iterator[None]:
    """Forget, at the end of the block, what was registered in it."""
    before = dict(_FUNCTIONS)
    try:
        yield
    finally:
        _FUNCTIONS.clear()
        _FUNCTIONS.update(before)


def _key(spec: LayerSpec) -> tuple[str, str]:
    """Package and name under which a layer is registered; a TensorFlow op goes by its function's name."""
    function = spec.config.get("function")
    if spec.package == TENSORFLOW and isinstance(function, str):
        return TENSORFLOW, function
    # Keras 3 saves the module of an op in `.keras`, but not in `.h5`; the class names are unique.
    return (OPS if spec.package.startswith(f"{OPS}.") else spec.package), spec.class_name


def _tensorflow_name(spec: LayerSpec) -> str:
    """What a TensorFlow op calls: `tf.unique`, `RaggedTensor.from_row_lengths`."""
    config = spec.config
    if isinstance(config.get("function"), str):
        return shorten("tf." + config["function"])
    parts = [config.get(key) for key in ("cls_symbol", "method_name", "attr_name", "fn_name")]
    return shorten(".".join(part for part in parts if isinstance(part, str)))


def find(spec: LayerSpec) -> LayerFunction:
    """The function for a layer, a user's own first.

    Raises:
        UnsupportedLayer: Nothing is registered for its class.
    """
    if spec.class_name == "Lambda":
        if (LAMBDA, spec.name) in _FUNCTIONS:
            return _FUNCTIONS[LAMBDA, spec.name]
        shape = spec.config.get("output_shape")
        says = f" (output shape {shorten(shape)})" if isinstance(shape, (list, tuple)) else ""
        raise UnsupportedLayer(
            spec.name,
            "Lambda",
            f"holds Python code{says}, which is never run; give its torch code in a --custom file, "
            f"in a function marked @replaces_lambda({THIS_NAME})",
        )
    # A custom class is saved bare, as `Custom>Name`, or in the module of whoever copied it.
    for key in (("*", spec.class_name), _key(spec), (CUSTOM, spec.class_name)):
        if key in _FUNCTIONS:
            return _FUNCTIONS[key]
    if spec.package == TENSORFLOW:
        advice = f"{_tensorflow_name(spec)} is not supported; give a layer function with --custom"
    elif _key(spec) in REFUSED:
        advice = f"{REFUSED[_key(spec)]}; give a layer function with --custom"
    elif spec.package == KERAS or spec.package.startswith("keras."):
        advice = "is not supported; give a layer function with --custom"
    else:
        advice = f"from {spec.package!r} is no Keras layer; give a layer function with --custom"
    raise UnsupportedLayer(spec.name, spec.class_name, advice)
