"""What the functions of libraries are made of: calls of what is registered for TensorFlow, ops and layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from codegen.evaluation.meaning.budget import Budget
from codegen.evaluation.meaning.paths import CHANGED, OP_PARAMETERS, op_class, tensorflow_function
from codegen.evaluation.meaning.values import Fields, Function, Library, NotEvaluated, StaticShape, Unknown
from codegen.graph import Host, Value
from codegen.graph.dtypes import DTYPES
from codegen.lowering import registry
from codegen.lowering.builder import Builder
from codegen.lowering.layer_call import call_layer
from codegen.model.nested import instances
from codegen.model.packages import ACTIVATION, KERAS, OPS, TENSORFLOW
from codegen.model.spec import Constant, LayerSpec

#: Results of TensorFlow whose parts have names.
_FIELDS = {
    "linalg.qr": ("q", "r"),
    "math.top_k": ("values", "indices"),
    "unique": ("y", "idx"),
    "unique_with_counts": ("y", "idx", "count"),
}
_PYTHON_TYPES = {"bool": "bool", "float": "float32", "int": "int32"}


@dataclass(frozen=True)
class Versions:
    """What the versions of Keras and TensorFlow that saved a file do otherwise than today's.

    Attributes:
        tensorflow: Which TensorFlow `tf` is.
        data_format: Where images have their channels if nothing is said.
        resizing: The quirk of `UpSampling2D`, which `K.resize_images` shares.
        slope: That of `hard_sigmoid`.
    """

    tensorflow: Literal["1", "2", "unknown"] = "2"
    data_format: Literal["channels_last", "channels_first", "unknown"] = "channels_last"
    resizing: str = ""
    slope: str = ""


@dataclass
class Tools:
    """The layer that a function belongs to, and what can be called for it.

    Attributes:
        b: The layer's builder.
        budget: How much is left.
        call: Calls a value that the file defines.
        versions: What the versions that saved the file do otherwise.
        has_source: Whether the function is of source that is given.
    """

    b: Builder
    budget: Budget
    call: Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]
    versions: Versions
    has_source: bool = False

    @property
    def data_format(self) -> str:
        """Where images have their channels if nothing is said."""
        if self.versions.data_format == "unknown":
            raise NotEvaluated("asks for the image data format, which the file does not tell")
        return self.versions.data_format

    @cached_property
    def _tensorflow_names(self) -> frozenset[str]:
        return frozenset(name for package, name in registry.registered() if package == TENSORFLOW)

    # ---------------------------------------------------------------- calls

    def knows(self, name: str) -> bool:
        """Whether there is a function of TensorFlow of this name."""
        return tensorflow_function(name, self._tensorflow_names, is_first=False) is not None

    def tf(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of TensorFlow by its path below `tensorflow`."""
        if self.versions.tensorflow == "unknown" and name in CHANGED:
            raise NotEvaluated(
                f"calls tf.{name}, which TensorFlow 1 and 2 compute differently, and the file tells not which"
            )
        of_1 = tensorflow_function(name, self._tensorflow_names, is_first=True)
        of_2 = tensorflow_function(name, self._tensorflow_names, is_first=False)
        found = (of_1 or of_2) if self.versions.tensorflow == "1" else (of_2 or of_1)
        if found is None:
            raise NotEvaluated(f"calls tf.{name}, which is not supported")
        spec = self._spec("TFOpLambda", TENSORFLOW, {"function": found})
        result = self._call(spec, *self._operands(args, kwargs))
        if found in _FIELDS:
            result = Fields(result)
            result.names = _FIELDS[found]
        return result

    def op(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of `keras.ops`."""
        spec = self._spec(op_class(name), OPS, {})
        if (OPS, spec.class_name) not in registry.registered():
            raise NotEvaluated(f"calls keras.ops.{name}, which is not supported")
        if name in OP_PARAMETERS:
            kwargs = {**dict(zip(OP_PARAMETERS[name], args, strict=False)), **kwargs}
            args = ()
        if name == "einsum":
            spec = replace(spec, config={"subscripts": args[0]})
            args = args[1:]
        return self._call(spec, *self._operands(args, kwargs, keeps_dtypes=True))

    def layer(self, class_name: str, config: Mapping[str, Any], *inputs: Any) -> Any:
        """Call a layer that has no weights."""
        spec = self._spec(class_name, KERAS, config)
        tree = self.b.tree
        before = (len(tree.variables), len(tree.children))
        result = self._call(spec, *self._operands(inputs, {}))
        if (len(tree.variables), len(tree.children)) != before:
            raise NotEvaluated(f"makes a layer that has weights ({class_name})")
        return result

    def activation(self, name: str, x: Any, **quirks: str) -> Value:
        """Call a function of `keras.activations`, as the file's version has it if no quirks are given."""
        spec = self._spec(name, ACTIVATION, {})
        return self.b.activation(self.tensor(x), replace(spec, quirks=quirks) if quirks else spec)

    def _spec(self, class_name: str, package: str, config: Mapping[str, Any]) -> LayerSpec:
        quirks = {
            "UpSampling2D": {"resizing": self.versions.resizing},
            "hard_sigmoid": {"slope": self.versions.slope},
        }.get(class_name, {})
        return replace(
            self.b.spec,
            class_name=class_name,
            package=package,
            config=dict(config),
            quirks={name: value for name, value in quirks.items() if value},
            calls=(),
        )

    def _call(self, spec: LayerSpec, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return call_layer(replace(self.b, spec=spec), args, kwargs)

    def _operands(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], *, keeps_dtypes: bool = False
    ) -> tuple[list[Any], dict[str, Any]]:
        """A call's arguments as registered functions take them; arrays beside tensors take their dtype."""
        has_tensors = not keeps_dtypes and any(
            not isinstance(value, Host) for value in instances([list(args), dict(kwargs)], Value)
        )
        options = {name: value for name, value in kwargs.items() if name != "name"}
        return (
            [self._operand(value, has_tensors) for value in args],
            {name: self._operand(value, has_tensors, name) for name, value in options.items()},
        )

    def _operand(self, value: Any, has_tensors: bool, name: str = "") -> Any:
        if name in ("dtype", "out_type", "output_type", "dtype_hint"):
            return self.dtype(value)
        if isinstance(value, (list, tuple)):
            return [self._operand(item, has_tensors) for item in value]
        if isinstance(value, Mapping):
            return {key: self._operand(item, has_tensors) for key, item in value.items()}
        if isinstance(value, (np.ndarray, np.generic)):
            dtype = known_dtype(str(value.dtype))
            if value.ndim == 0:
                return value.item()
            return value.tolist() if has_tensors else Constant(value.tolist(), dtype)
        if isinstance(value, Library):
            return value.path.rpartition(".")[2] if name.endswith("_fn") else self.dtype(value)
        if isinstance(value, Unknown):
            raise NotEvaluated(f"uses {value.name}, which is not in the file")
        if isinstance(value, Function):
            raise NotEvaluated("hands a function to another function")
        return value

    # ---------------------------------------------------------------- values

    def tensor(self, x: Any) -> Value:
        """A tensor, also of numbers."""
        if isinstance(x, Value) and not isinstance(x, Host):
            return x
        found = self.tf("convert_to_tensor", x)
        assert isinstance(found, Value)
        return found

    def dtype(self, value: Any) -> str | None:
        """The name of a dtype, however it is said."""
        if isinstance(value, Library) or value is None:
            return None if value is None else known_dtype(value.path.rpartition(".")[2])
        name = getattr(value, "name", value)
        if isinstance(name, str):
            return known_dtype(_PYTHON_TYPES.get(name, name))
        if isinstance(value, np.dtype):
            return known_dtype(value.name)
        raise NotEvaluated("uses something as a dtype that is none")

    def cast(self, x: Any, dtype: Any) -> Any:
        """`x` in another dtype."""
        if isinstance(x, (bool, int, float, np.ndarray, np.generic)):
            return np.asarray(x).astype(self.dtype(dtype))
        return self.tf("cast", x, dtype=dtype)

    def is_non_negative(self, x: Any) -> bool:
        """Whether no element of `x` can be below zero, as far as is known."""
        if isinstance(x, Value):
            return x.non_negative
        return isinstance(x, (bool, int, float, np.generic, np.ndarray)) and bool(np.all(np.asarray(x) >= 0))

    def static_shape(self, x: Any) -> StaticShape:
        """The shape of a tensor or an array as far as it is known."""
        if isinstance(x, Value):
            return StaticShape(x.shape)
        if isinstance(x, (bool, int, float, np.ndarray, np.generic, list, tuple)):
            return StaticShape(np.shape(x))
        raise NotEvaluated("asks for the shape of what has none")

    def shape(self, x: Any) -> list[Any]:
        """The sizes of a tensor: numbers, or what is known when the model runs."""
        if isinstance(x, Value) and not isinstance(x, Host):
            return [self.b.size(x, axis) for axis in range(x.rank)]
        return list(self.static_shape(x))

    def rank(self, x: Any) -> int:
        """How many axes a tensor or an array has."""
        return len(self.static_shape(x))


def non_negative(result: Any) -> Any:
    """Note that no element of a new value can be below zero."""
    if isinstance(result, Value):
        result.non_negative = True
    return result


def known_dtype(name: str) -> str:
    """The name of a dtype that torch has."""
    if name not in DTYPES:
        raise NotEvaluated(f"uses the dtype {name!r}")
    return name


def has_tensor(*values: Any) -> bool:
    """Whether there is a tensor in these."""
    return next(instances(values, Value), None) is not None
