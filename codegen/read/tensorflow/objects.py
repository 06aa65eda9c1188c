"""The graph of objects in every checkpoint of TensorFlow 2: which attributes lead to which tensor.

Format: `trackable_object_graph.proto`. Keys of tensors are never taken apart: each is one of many paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from codegen.errors import UnreadableFile, shorten
from codegen.model.saved_model import ObjectWeights, StoredTensor, TrackedObject
from codegen.read.parts.damage import reading
from codegen.read.tensorflow.bundle import Bundle
from codegen.read.tensorflow.wire import fields, submessages, text

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"

_VALUE, _TABLE = "VARIABLE_VALUE", "table"

# What Keras tracks beside the attributes of its layers: lists of what they hold, functions, state of training
# and of random numbers. The same objects hang there as elsewhere, or none that a model computes with.
_BESIDE = frozenset(
    {"variables", "trainable_variables", "non_trainable_variables", "regularization_losses", "keras_api"}
    | {
        "metrics",
        "losses",
        "optimizer",
        "signatures",
        "states",
        "save_counter",
        "_self_saveable_object_factories",
    }
    | {"train_function", "test_function", "predict_function", "train_tf_function", "_default_save_signature"}
    | {"__call__", "call_and_return_all_conditional_losses", "call_and_return_conditional_losses"}
    | {"_random_generator", "_rng", "seed_generator"}
)
_NUMBERED = "layer_with_weights-"
_KERAS3 = frozenset({"_operations", "_functional"})


class ObjectGraph(Mapping[int, TrackedObject]):
    """The objects of a bundle, by number."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._messages = list(submessages(memoryview(bundle.string(_OBJECT_GRAPH)), 1))
        self._decoded: dict[int, TrackedObject] = {}
        if not self._messages:
            raise UnreadableFile("its graph of objects is empty; save it again")

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __getitem__(self, number: int) -> TrackedObject:
        with reading(shorten(str(self._bundle.prefix), 200)):
            return self.decoded(number)

    def decoded(self, number: int) -> TrackedObject:
        """The object, with errors that leave out which file it is."""
        if number not in self._decoded:
            self._decoded[number] = self._object(self._messages[number])
        return self._decoded[number]

    def _object(self, message: memoryview) -> TrackedObject:
        edges: dict[str, int] = {}
        tensor = table = None
        for field, value in fields(message):
            if field == 1 and isinstance(value, memoryview):
                edge = dict(fields(value))
                name, number = text(edge.get(2, memoryview(b""))), edge.get(1, 0)
                if not isinstance(number, int) or number >= len(self):
                    raise UnreadableFile(f"its objects hold {shorten(name)}, which is nowhere; copy it again")
                if name not in _BESIDE and not name.startswith(_NUMBERED):
                    edges[name] = number
            elif field == 2 and isinstance(value, memoryview):
                attribute = dict(fields(value))
                name, full_name, key = (text(attribute.get(part, memoryview(b""))) for part in (1, 2, 3))
                if name == _VALUE:
                    tensor = self._bundle.tensor(key, full_name)
                elif name == _TABLE:
                    table = self._table(key)
        return TrackedObject(edges, tensor, table)

    def _table(self, key: str) -> tuple[StoredTensor, StoredTensor] | None:
        """The tensors of a table of numbers; None if it is of strings, or lacks one."""
        keys, values = f"{key}-keys", f"{key}-values"
        if not (self._bundle.has_numbers(keys) and self._bundle.has_numbers(values)):
            return None
        return self._bundle.tensor(keys, ""), self._bundle.tensor(values, "")


def object_weights(bundle: Bundle) -> ObjectWeights:
    """The weights of a bundle, by the objects that hold them.

    Raises:
        UnreadableFile: The graph of objects is damaged, or is not of tf.keras.
    """
    if _OBJECT_GRAPH not in bundle:
        raise UnreadableFile(
            "this TensorFlow checkpoint was saved by the names of variables (tf.compat.v1.train.Saver), "
            "without Keras' layers; load it there and call model.save('model.h5')"
        )
    objects = ObjectGraph(bundle)
    return ObjectWeights(objects, _models(objects) or {"": 0})


def _models(objects: ObjectGraph) -> dict[str, int]:
    """The objects that have layers: the first on each way from the root."""
    found: dict[str, int] = {}
    seen = {0}
    waiting = [("", 0)]
    for path, number in waiting:  # which grows
        edges = objects.decoded(number).edges
        if _KERAS3.intersection(edges):
            raise UnreadableFile(
                "this is a TensorFlow checkpoint of a Keras 3 model; call model.save('model.keras') or "
                "model.save_weights('model.weights.h5') there"
            )
        if "layer-0" in edges:
            found[path] = number
            continue
        for name, inner in edges.items():
            if inner not in seen:
                seen.add(inner)
                waiting.append((f"{path}.{name}" if path else name, inner))
    return found
