"""The AST-like specification of a Keras model: frozen dataclasses, Keras 3 words whatever wrote the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from codegen.errors import shorten
from codegen.model.packages import TENSORFLOW

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer: the path of layer names from the model down, and which of its calls, from 0."""

    path: tuple[str, ...]
    index: int = 0


@dataclass(frozen=True)
class TensorRef:
    """One output of one call of a layer of the same model.

    `call` counts the layer's `calls` from 0, `output` its flattened outputs. `shape` and `dtype` are what the
    file says of the tensor, if it does; nothing is computed from them.
    """

    layer: str
    call: int = 0
    output: int = 0
    shape: Shape | None = field(default=None, compare=False)
    dtype: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Constant:
    """A tensor that stands in the config: a number or nested lists of numbers, and its dtype."""

    values: Any
    dtype: str


@dataclass(frozen=True)
class MaskRules:
    """What Keras does with the masks of one call of a layer.

    Attributes:
        sees: Whether it hands the masks of the inputs to the layer; if not, the layer has none to work with,
            but its output still has that of its input.
        hands_on: The mask that the output may have: one that was given with the call before the input's own
            (since Keras 3.11), only the input's own, or none (lists of inputs before Keras 3.4).
        casts_keep: Whether an input that the layer casts to its dtype still has its mask (since Keras 3.14).
    """

    sees: bool = True
    hands_on: Literal["given", "own", "none"] = "given"
    casts_keep: bool = True


@dataclass(frozen=True)
class CallSpec:
    """One call of a layer: positional and keyword arguments.

    An argument is a `TensorRef`, a constant (None, bool, int, float, str, list of numbers, `Constant`),
    or a tuple / list / dict of arguments. A call with a list of tensors has one argument, a list.

    `masks` is what its version of Keras does with the masks of its inputs.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    masks: MaskRules = MaskRules()


@dataclass(frozen=True)
class Changed:
    """A quirk that nobody computes any more: before `version` an option's value meant something else."""

    version: str


@dataclass(frozen=True)
class Untold:
    """The value of an option that its file leaves open, and why it cannot be known."""

    reason: str


@dataclass(frozen=True)
class LayerSpec:
    """One layer, in the canonical dialect.

    Attributes:
        name: The layer's name, unique in its model.
        class_name: Keras 3 class name (`Dense`), without module or package; for a graph op
            its class (`Add`), for a TensorFlow op `TFOpLambda`.
        config: Options under Keras 3 names and in Keras 3 form; activations are names, serialised
            layers are `LayerSpec`, lists are lists, what a file leaves open `Untold`. Without `name`,
            `trainable`, `dtype`.
        calls: How it is called in its model, in call order; empty for a sublayer of another layer.
        trainable: The saved flag of this layer alone.
        dtype: Name of its dtype policy (`float32`, `mixed_float16`, ...).
        package: Where the class comes from: "keras.layers", "keras.ops.numpy", "Addons", "Custom", ...
        model: The nested model if this layer is one (class_name Functional or Sequential).
        stored: How old files store the weights, if not as Keras 3 does.
        quirks: What the version that saved it computes otherwise than today's, by the name of the layer
            function's parameter, or of the option whose value is `Changed`; never from the file's words.
        saved_class: Name of the Python class as the file has it; "" if that is `class_name`.
        shared: The file's number for the layer where it says that this is another use of one that stands
            elsewhere in the file, with the same name and config.
        doubt: Why a class without a module is not Keras', to go before "a class of the model's author".
    """

    name: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[CallSpec, ...] = ()
    trainable: bool = True
    dtype: str = "float32"
    package: str = "keras.layers"
    model: ModelSpec | None = None
    stored: str | None = None
    quirks: Mapping[str, Any] = field(default_factory=dict)
    doubt: str = ""
    saved_class: str = ""
    shared: int | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """What messages call it: `Dense`; of a TensorFlow op what it calls, `tf.nn.relu`."""
        if self.package != TENSORFLOW:
            return self.class_name
        function = self.config.get("function")
        keys = ("cls_symbol", "method_name", "attr_name", "fn_name")
        parts = ["tf", function] if isinstance(function, str) else [self.config.get(key) for key in keys]
        text = ".".join(part for part in parts if isinstance(part, str))
        if not text:
            return self.class_name
        is_name = len(text) <= 80 and all(part.isidentifier() for part in text.split("."))
        return text if is_name else f"{self.class_name} {shorten(text)}"


@dataclass(frozen=True)
class ModelSpec:
    """A Functional or Sequential model; Sequential is written as a chain of calls.

    Attributes:
        inputs: Names of the InputLayers, in the order in which Keras flattens the model's inputs.
        outputs: The outputs, in the order in which Keras flattens them.
        layers: In saved order, InputLayers included (a Sequential always has one).
        input_names: Only for models whose inputs are a dict: the keys, in the order of `inputs`.
        casts_inputs: Whether it takes any numbers for an input, as Keras 1 and 2 feed them.
    """

    name: str
    class_name: str
    layers: tuple[LayerSpec, ...]
    inputs: tuple[str, ...]
    outputs: tuple[TensorRef, ...]
    trainable: bool = True
    input_names: tuple[str, ...] | None = None
    casts_inputs: bool = False

    def layer(self, name: str) -> LayerSpec:
        """The layer called `name`; KeyError if there is none."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)
