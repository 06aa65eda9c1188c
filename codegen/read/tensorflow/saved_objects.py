"""The objects of a SavedModel, and the constants that they hold.

Format: `saved_object_graph.proto`, `graph.proto`, `tensor.proto`. Of the operations only constants are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from codegen.errors import UnreadableFile, shorten
from codegen.read.tensorflow.metadata import Metadata, of_object
from codegen.read.tensorflow.wire import fields, signed, submessage, submessages, text, varint

_EMPTY = memoryview(b"")
_INT32, _INT64 = 3, 9
_MAX_ELEMENTS = 2**26


class SavedObjects:
    """The objects by number, as in the graph of objects beside the weights.

    Args:
        graph: A MetaGraphDef.
    """

    def __init__(self, graph: memoryview) -> None:
        objects = submessage(graph, 7) or _EMPTY
        self._operations = submessage(graph, 2) or _EMPTY
        self._objects = list(submessages(objects, 1))
        self._functions = objects

    def identifier(self, number: int) -> str:
        """What kind of object it is, `_tf_keras_sequential`; "" if it is not of Keras."""
        user = submessage(self._message(number), 4)
        return text(submessage(user or _EMPTY, 1) or _EMPTY)

    def metadata(self, number: int) -> Metadata:
        """What Keras says of an object; until TensorFlow 2.4 it says it here."""
        return of_object(self._message(number))

    def edges(self, number: int) -> dict[str, int]:
        """The numbers of the objects that it holds, by attribute."""
        found = (dict(fields(edge)) for edge in submessages(self._message(number), 1))
        edges = {text(edge.get(2, _EMPTY)): edge.get(1, 0) for edge in found}
        return {name: number for name, number in edges.items() if isinstance(number, int)}

    def bound_constants(self, number: int) -> Iterator[list[int]]:
        """The constants of whole numbers that a function, object `number`, is bound to."""
        function = submessage(self._message(number), 6) or submessage(self._message(number), 8)
        name = text(submessage(function or _EMPTY, 1) or _EMPTY)
        for place in self._bound_inputs(name):
            constant = submessage(self._message(place), 9)
            if constant is not None:
                yield self._constant(text(submessage(constant, 1) or _EMPTY))

    def _message(self, number: int) -> memoryview:
        if number >= len(self._objects):
            raise UnreadableFile(f"its object {number} is nowhere; copy it again")
        return self._objects[number]

    def _bound_inputs(self, function: str) -> list[int]:
        for entry in submessages(self._functions, 2):
            if text(submessage(entry, 1) or _EMPTY) == function:
                concrete = submessage(entry, 2) or _EMPTY
                return _numbers(concrete, 2)
        return []

    def _constant(self, operation: str) -> list[int]:
        """The elements of a constant; none if it holds something else than whole numbers."""
        for node in submessages(self._operations, 1):
            if text(submessage(node, 1) or _EMPTY) == operation:
                for attribute in submessages(node, 5):
                    if text(submessage(attribute, 1) or _EMPTY) == "value":
                        return _elements(submessage(submessage(attribute, 2) or _EMPTY, 8) or _EMPTY)
        return []


def _elements(tensor: memoryview) -> list[int]:
    dtype = dict(fields(tensor)).get(1, 0)
    sizes = [dict(fields(size)).get(1, 0) for size in submessages(submessage(tensor, 2) or _EMPTY, 2)]
    count = math.prod(signed(size) for size in sizes if isinstance(size, int))
    if dtype not in (_INT32, _INT64) or not 0 <= count <= _MAX_ELEMENTS:
        return []
    content = submessage(tensor, 4)
    if content is not None:
        values = list(map(int, np.frombuffer(content, "<i4" if dtype == _INT32 else "<i8")))
    else:
        values = [signed(value) for value in _numbers(tensor, 7 if dtype == _INT32 else 10)]
        values += values[-1:] * (count - len(values))  # what repeats at the end is written once
    if len(values) != count:
        raise UnreadableFile(f"a constant of {shorten(sizes)} has {len(values)} elements; copy it again")
    return values


def _numbers(message: memoryview, number: int) -> list[int]:
    """A repeated field of numbers, packed or not."""
    found: list[int] = []
    for field, value in fields(message):
        if field == number and isinstance(value, int):
            found.append(value)
        elif field == number and isinstance(value, memoryview):
            at = 0
            while at < len(value):
                item, at = varint(value, at)
                found.append(item)
    return found
