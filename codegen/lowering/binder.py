"""The binder: each layer function's signature is its layer's schema, by which a saved config is sorted."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar, dataclass_transform

from codegen.errors import ConversionError, UnsupportedOption
from codegen.graph import Value
from codegen.lowering.masks import MaskRule
from codegen.lowering.ranges import OutOfRange, Range, int64
from codegen.model.packages import LAMBDA, TENSORFLOW
from codegen.model.spec import Changed, LayerSpec, Untold
from codegen.model.words import TRAINING_SUFFIXES

T = TypeVar("T")

_IS_QUIRK = "quirk"
_IS_GROUP = "__k2t_options__"
#: Marks what a layer of an older Keras did otherwise, `sorts_axes: Quirk[bool] = True`: no option of the
#: config, but set where a file's version says so (config/dialects/quirks.py). The default is today's Keras.
Quirk = Annotated[T, _IS_QUIRK]

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
    def rest_name(self) -> str:
        """Name of the parameter that takes any number of arguments; "" if there is none."""
        parameters = inspect.signature(self.function).parameters.values()
        return next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")

    @property
    def takes_any_args(self) -> bool:
        """Whether the call may have any number of arguments."""
        return bool(self.rest_name)

    @cached_property
    def takes_any_kwargs(self) -> bool:
        """Whether the call may have keyword arguments of any name."""
        return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(self.function).parameters.values())

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """Annotations of the parameters."""
        return typing.get_type_hints(self.function, include_extras=True)

    @cached_property
    def schema(self) -> Mapping[str, Option]:
        """What the binder sets: keyword-only parameters that the decorator has not bound, groups spread."""
        found: dict[str, Option] = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            if parameter.kind is not parameter.KEYWORD_ONLY or name in self.variant:
                continue
            annotation = self.types.get(name, Any)
            if is_options(annotation):
                found.update((option.name, option) for option in _spread(name, annotation))
            else:
                found[name] = _option(name, annotation, parameter.default is parameter.empty)
        return found

    @cached_property
    def options(self) -> Mapping[str, Option]:
        """The layer's options: what a config may say."""
        return {name: option for name, option in self.schema.items() if not option.is_quirk}

    @cached_property
    def quirks(self) -> Mapping[str, Option]:
        """What the layer can do as an older Keras did."""
        return {name: option for name, option in self.schema.items() if option.is_quirk}

    def bind(self, spec: LayerSpec) -> dict[str, Any]:
        """The function's keyword-only arguments.

        Raises:
            UnsupportedOption: Something in the saved config would be dropped silently, or is of a wrong kind.
            ConversionError: An option that has no default is missing.
        """
        given: dict[str, Any] = {}
        config = spec.config if self.package != LAMBDA else spec.config.get("arguments") or {}
        if not isinstance(config, Mapping):
            raise UnsupportedOption(
                spec.name, spec.class_name, "arguments", config, "supported: options by name"
            )
        for key, value in config.items():
            if isinstance(value, Untold) and key in self.options:
                raise UnsupportedOption(spec.name, spec.class_name, key, None, value.reason)
            if key in self.options:
                given[key] = self._convert(spec, key, value)
            elif not self._may_ignore(key, value):
                raise UnsupportedOption(spec.name, spec.title, key, value, self._no_option(key))
        for key, value in spec.quirks.items():
            if isinstance(value, Changed):
                _refuse_changed(spec, key, value)
            if key in self.quirks:
                given[key] = self._convert(spec, key, value)
        for name, option in self.schema.items():
            if option.is_required and name not in given:
                raise ConversionError(f"layer {spec.name!r}: {spec.title} lacks the option {name!r}")
        return self._grouped(given)

    def _grouped(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by parameter: those of a group of options as one."""
        bound: dict[str, Any] = {}
        groups: dict[str, tuple[type, dict[str, Any]]] = {}
        for name, option in self.schema.items():
            if option.group is not None:
                groups.setdefault(option.parameter, (option.group, {}))
            if name in given:
                where = bound if option.group is None else groups[option.parameter][1]
                where[name] = given[name]
        return bound | {parameter: group(**values) for parameter, (group, values) in groups.items()}

    def _no_option(self, key: str) -> str:
        """Why an option is refused that is no parameter."""
        code = inspect.unwrap(self.function).__code__
        if (self.function.__module__ or "").startswith("codegen."):
            return "no such option is known"
        place = f"{code.co_name}() in {Path(code.co_filename).name}, line {code.co_firstlineno}"
        return f"give {place} a keyword-only parameter {key!r}"

    def _may_ignore(self, key: str, value: object) -> bool:
        if self.package == TENSORFLOW and key == "function":
            return True
        if key in self.neutral and value == self.neutral[key]:
            return True
        return value is None or key in TRAINING_ONLY | self.training_only or key.endswith(TRAINING_SUFFIXES)

    def _convert(self, spec: LayerSpec, key: str, value: object) -> Any:
        expected = self.schema[key].type
        try:
            return convert_type(value, expected)
        except OutOfRange as fault:
            raise UnsupportedOption(spec.name, spec.class_name, key, value, f"supported: {fault}") from None
        except (TypeError, OverflowError):
            raise UnsupportedOption(
                spec.name, spec.title, key, value, f"supported: {described(expected)}"
            ) from None


def _refuse_changed(spec: LayerSpec, option: str, changed: Changed) -> NoReturn:
    reason = (
        f"in Keras before {changed.version} it computed something else; "
        f"save the model again with {changed.version} or newer"
    )
    raise UnsupportedOption(spec.name, spec.title, option, spec.config.get(option), reason)


# -------------------------------------------------------------------- the schema


@dataclass(frozen=True)
class Option:
    """One thing that the binder sets.

    Attributes:
        name: The key of the config, or the quirk.
        type: What `convert_type` makes of it.
        parameter: The function's parameter.
        group: The parameter's class if that is a group of options, which has this one as a field.
    """

    name: str
    type: Any
    is_required: bool
    is_quirk: bool
    parameter: str
    group: type | None = None


@dataclass_transform(kw_only_default=True, frozen_default=True)
def options(cls: type[T]) -> type[T]:
    """Make a class a group of options: a frozen dataclass of keywords that the binder spreads.

    A layer function that has a keyword-only parameter of this type has its fields as options, or as quirks.
    """
    group = dataclass(frozen=True, kw_only=True)(cls)
    setattr(group, _IS_GROUP, True)
    return group


def is_options(annotation: object) -> bool:
    """Whether an annotation is a group of options."""
    return isinstance(annotation, type) and hasattr(annotation, _IS_GROUP)


def _option(name: str, annotation: Any, is_required: bool) -> Option:
    is_quirk = typing.get_origin(annotation) is Annotated and _IS_QUIRK in annotation.__metadata__
    kind = typing.get_args(annotation)[0] if is_quirk else annotation
    return Option(name, kind, is_required, is_quirk, name)


def _spread(parameter: str, group: type) -> Iterator[Option]:
    """The fields of a group of options."""
    hints = typing.get_type_hints(group, include_extras=True)
    for part in fields(group):
        has_default = part.default is not MISSING or part.default_factory is not MISSING
        option = _option(part.name, hints[part.name], not has_default)
        yield replace(option, parameter=parameter, group=group)


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
        OutOfRange: It is too large for an integer of torch's, or outside the range that the annotation names.
    """
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin is Annotated:
        return _in_range(convert_type(value, arguments[0]), arguments[1:])
    if expected is Any or Value in arguments:  # what may be a tensor of the graph is no matter of the config
        return _as_tuples(value)
    if origin is Literal:
        if value in arguments and any(value == a and type(value) is type(a) for a in arguments):
            return value
    elif origin in (typing.Union, types.UnionType):
        out_of_range = None
        for option in arguments:
            try:
                return convert_type(value, option)
            except OutOfRange as fault:
                out_of_range = fault
            except TypeError:
                continue
        if out_of_range is not None:
            raise out_of_range
    elif origin in (tuple, Sequence):
        if isinstance(value, (list, tuple)):
            return _convert_items(value, (*arguments, ...) if origin is Sequence else arguments)
    elif origin is not None:
        if isinstance(value, origin):
            return value
    elif expected is bool:
        if value in (True, False) and isinstance(value, (bool, int)):
            return bool(value)
    elif expected is int:
        if type(value) is int or (isinstance(value, float) and value.is_integer()):
            return int64(int(value))
    elif expected is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    elif expected is None or expected is type(None):
        if value is None:
            return None
    elif isinstance(value, expected):
        return value
    raise TypeError(expected)


def described(expected: Any) -> str:
    """What an annotation lets through, as a message says it: "float, 'fro', 'nuc', None"."""
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin is Annotated:
        return described(arguments[0])
    if origin is Literal:
        return ", ".join(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return ", ".join(map(described, arguments))
    if origin in (tuple, Sequence):
        items = [described(item) for item in arguments if item is not Ellipsis]
        return (
            f"a list of {items[0]}"
            if len(arguments) > len(items) or origin is Sequence
            else f"[{', '.join(items)}]"
        )
    if expected in (None, type(None)):
        return "None"
    return getattr(origin or expected, "__name__", str(expected))


def _convert_items(items: Sequence[object], kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    """Items of one kind (`int, ...`), or each of its own."""
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(items)
    if len(kinds) != len(items):
        raise TypeError(kinds)
    return tuple(convert_type(item, kind) for item, kind in zip(items, kinds, strict=True))


def _in_range(number: Any, limits: Sequence[object]) -> Any:
    for limit in limits:
        if isinstance(limit, Range) and number not in limit:
            raise OutOfRange(str(limit))
    return number


def _as_tuples(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return tuple(_as_tuples(item) for item in value)
    return value
