"""What a report says: plain records, which JSON and the page are made from. docs/report.md describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from codegen.evidence.facts import Verification
from codegen.model.place import Place
from codegen.model.spec import Shape
from codegen.report.statistics import Statistics

#: Of the data that `Report.as_dict` gives: grows when a key is renamed, removed or means something else.
SCHEMA = 1


@dataclass(frozen=True)
class TensorFacts:
    """A tensor: its dtype, and its shape in Keras' order, None where a size is open."""

    dtype: str
    shape: Shape


@dataclass(frozen=True)
class PortFacts:
    """An input or output of the model: the Keras layer's name, and the tensor."""

    name: str
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class CallFacts:
    """One call of one layer.

    Attributes:
        number: Of the call in the report, from 0.
        inputs: The numbers of the calls whose outputs it reads, through the borders of nested models.
        outputs: What it yields; empty for a nested model.
        module: The torch module in whose class it is computed: "conv2.0"; "" for the model itself.
        places: Its lines of the source.
    """

    number: int
    inputs: tuple[int, ...]
    outputs: tuple[TensorFacts, ...]
    module: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class VariableFacts:
    """One variable of the Keras model.

    Attributes:
        name: Its path in its layer: "kernel", "cell/bias".
        shape: As Keras stores it.
        trainable: Whether training changes it.
        tensors: Keys of the torch state dict that it is in.
        statistics: Of its numbers; None without weights.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool
    tensors: tuple[str, ...]
    statistics: Statistics | None


@dataclass(frozen=True)
class LayerFacts:
    """One layer of the Keras model.

    Attributes:
        path: Its name; inside nested models with theirs before it: "encoder/dense".
        class_name: Its class in Keras 3.
        options: As the file has them, in the words of Keras 3.
        dtype: Name of its dtype policy.
        parameters: Number of its weights.
        trainable: Whether training changes any of them; None if it has none.
        names: The torch modules, parameters and buffers that stand for it.
        calls: How it is called.
        variables: Its weights, in Keras' order.
        is_model: Whether it is a nested model, whose layers follow.
    """

    path: str
    class_name: str
    options: Mapping[str, Any]
    dtype: str
    parameters: int
    trainable: bool | None
    names: tuple[str, ...]
    calls: tuple[CallFacts, ...]
    variables: tuple[VariableFacts, ...]
    is_model: bool


@dataclass(frozen=True)
class ModuleFacts:
    """A torch module that holds others: an instance of a class of the source, or a sequence of such.

    Attributes:
        path: Its name in the model: "conv2.0".
        class_name: "BottleneckBlock", "nn.Sequential".
    """

    path: str
    class_name: str


@dataclass(frozen=True)
class ArrayFacts:
    """The arrays in the file of weights.

    Attributes:
        count: How many there are.
        shared: How many of them are used by more than one variable; all others by exactly one.
    """

    count: int
    shared: int


@dataclass(frozen=True)
class Report:
    """Everything that there is to say about a conversion.

    Attributes:
        tool_version: Of k2t-gen.
        model_name: Of the Keras model.
        class_name: "Sequential" or "Functional".
        file_name: Base name of the model's file.
        sha256: Of the file.
        keras_version: As saved; "" if the file does not say.
        inputs: In Keras' order.
        outputs: In Keras' order.
        parameters: Number of weights.
        trainable_parameters: Those of them that training changes.
        notes: In what the source differs from the Keras model, and what was left out.
        arrays: What became of the arrays of the file; None without weights.
        source_name: File name of the generated module.
        source: Its text.
        modules: Modules that hold others, each after what holds it.
        layers: In saved order, nested models before their layers.
        verification: How the numbers compare with Keras'; None if they were not compared.
    """

    tool_version: str
    model_name: str
    class_name: str
    file_name: str
    sha256: str
    keras_version: str
    inputs: tuple[PortFacts, ...]
    outputs: tuple[PortFacts, ...]
    parameters: int
    trainable_parameters: int
    notes: tuple[str, ...]
    arrays: ArrayFacts | None
    source_name: str
    source: str
    modules: tuple[ModuleFacts, ...]
    layers: tuple[LayerFacts, ...]
    verification: Verification | None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        verified = self.verification.as_dict() if self.verification else None
        return {"schema": SCHEMA, **asdict(self), "verification": verified}
