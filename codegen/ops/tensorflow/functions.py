"""The decorator that registers what stands for TensorFlow functions, and how it passes a call's arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from codegen.graph import Value
from codegen.lowering.binder import check_variants
from codegen.lowering.builder import Builder
from codegen.lowering.masks import MaskRule
from codegen.lowering.parts.operands import is_tensor
from codegen.lowering.registry import ClassNames, lowers, variants
from codegen.model.nested import instances
from codegen.model.packages import TENSORFLOW
from codegen.ops.tensorflow.arguments import Reader

F = TypeVar("F", bound=Callable[..., Any])

#: Arguments of TensorFlow 1 under the names that TensorFlow 2 has for them.
_OLD_NAMES = {
    "dim": "axis",
    "dimension": "axis",
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "squeeze_dims": "axis",
}

#: Arguments that say how to compute, not what.
_HINTS = frozenset({"name", "validate_indices", "use_cudnn_on_gpu", "layout", "optimize", "dtype_hint"})


def tf(
    *names: ClassNames,
    masks: MaskRule = "drop",
    ignored: Collection[str] = (),
    old: Mapping[str, str] | None = None,
    second: str = "",
) -> Callable[[F], F]:
    """Register what stands for TensorFlow functions, by the names under which Keras 2 saves them.

    The function's parameters are named as TensorFlow names them, and annotated with how they are read, see
    `arguments`; the names of TensorFlow 1 are understood as well. What a call passes beyond them is refused.

    Args:
        names: "math.add", "compat.v1.transpose", ..., or mappings to arguments bound for them, see `lowers`.
        masks: See `LayerFunction`; a TensorFlow function hands no mask on.
        ignored: Arguments that do not change what these functions compute.
        old: Further old names of arguments, and the parameters that they mean.
        second: Name of the parameter that takes the second argument, whatever TensorFlow calls it.
    """

    def register(function: F) -> F:
        bound = variants(names)
        check_variants(function, bound)
        for name, variant in bound.items():
            call = _Call(function, variant, _HINTS | set(ignored), _OLD_NAMES | dict(old or {}), second)
            lowers(name, package=TENSORFLOW, masks=masks)(call.layer_function())
        return function

    return register


@dataclass(frozen=True)
class _Call:
    """How a function is called for a TensorFlow function; see `tf`."""

    function: Callable[..., Any]
    variant: Mapping[str, Any]
    ignored: Collection[str]
    old: Mapping[str, str]
    second: str

    def layer_function(self) -> Callable[..., Any]:
        """A layer function that takes whatever a call passes."""

        def lower(b: Builder, /, *args: Any, **kwargs: Any) -> Any:
            arguments = self._read(b, self._by_name(b, args, kwargs))
            positional = [arguments.pop(name) for name in self._positional]
            rest = arguments.pop(self._rest, ())
            return self.function(b, *positional, *rest, **arguments, **self.variant)

        lower.__name__ = self.function.__name__
        return lower

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        """The parameters that a call may fill, with annotations as objects."""
        _, *parameters = inspect.signature(self.function, eval_str=True).parameters.values()
        return {p.name: p for p in parameters if p.name not in self.variant}

    @cached_property
    def readers(self) -> dict[str, Reader]:
        """How the argument of each parameter is read."""
        return {name: Reader.of(p.annotation) for name, p in self._parameters.items()}

    @cached_property
    def _positional(self) -> list[str]:
        return [name for name, p in self._parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]

    @cached_property
    def _rest(self) -> str:
        """The parameter that takes any number of arguments, "" if none does."""
        return next((name for name, p in self._parameters.items() if p.kind is p.VAR_POSITIONAL), "")

    def _by_name(self, b: Builder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """A call's arguments by the function's own names for them."""
        given = dict(zip(self._positional, args, strict=False))
        left = args[len(self._positional) :]
        if self._rest:
            given[self._rest] = left
        elif left:
            b.malformed(f"it is called with {len(args)} arguments, but takes {len(self._positional)}")
        for name, value in kwargs.items():
            if name in self.ignored and name not in self._parameters:
                continue
            own = name if name in self._parameters else self.second or self.old.get(name, name)
            if own in self._parameters and given.get(own) is None:
                given[own] = value
            elif value is not None:
                b.unsupported(name, value, "no such argument is known")
        return given

    def _read(self, b: Builder, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same as the annotations want them, and defaults for what is not given."""
        defaults = {name: p.default for name, p in self._parameters.items() if p.default is not p.empty}
        missing = [name for name in self.readers if name not in given and name not in defaults]
        if missing:
            b.malformed(f"it is called without {', '.join(map(repr, missing))}")
        joint = [given.get(name) for name, reader in self.readers.items() if reader.is_joint]
        dtype = next((x.dtype for x in instances(joint, Value) if is_tensor(x)), None)
        arguments: dict[str, Any] = {}
        for name, reader in self.readers.items():
            value = given.get(name)
            if name == self._rest:
                arguments[name] = tuple(reader.read(b, item, name, dtype) for item in given[name])
            elif name not in given or (value is None and not reader.optional and name in defaults):
                arguments[name] = defaults[name]
            else:
                arguments[name] = reader.read(b, value, name, dtype)
        return arguments
