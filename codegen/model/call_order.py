"""How the layers of a model hang together: whose they are, what calls read, in which order they go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codegen.errors import MalformedConfig
from codegen.model.packages import LAMBDA, OPS, SOURCE, TENSORFLOW
from codegen.model.spec import CallSpec, LayerSpec, ModelSpec, TensorRef


def packages(model: ModelSpec) -> set[str]:
    """The packages that the model's layers, and what they hold, come from."""
    found: set[str] = set()
    stack: list[Any] = [*model.layers]
    while stack:
        item = stack.pop()
        if isinstance(item, LayerSpec):
            found.add(item.package)
            if item.class_name == "Lambda" or item.package == SOURCE:  # which may call any op
                found |= {LAMBDA, OPS, TENSORFLOW}
            stack.extend(item.config.values())
            stack.extend(item.model.layers if item.model else ())
        elif isinstance(item, (list, tuple)):
            stack.extend(item)
    return found


def references(argument: Any) -> Iterator[TensorRef]:
    """All tensors in an argument, at any depth."""
    stack = [argument]
    while stack:
        item = stack.pop()
        if isinstance(item, TensorRef):
            yield item
        elif isinstance(item, CallSpec):
            stack.extend((dict(item.kwargs), list(item.args)))
        elif isinstance(item, (list, tuple)):
            stack.extend(reversed(item))
        elif isinstance(item, Mapping):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, slice):
            stack.extend((item.step, item.stop, item.start))


def call_order(model: ModelSpec) -> Iterator[tuple[LayerSpec, int]]:
    """All calls, each after those that it reads: depth first from the outputs, then what no output needs."""
    by_name = {layer.name: layer for layer in model.layers}
    done: set[tuple[str, int]] = set()
    rest = [(layer.name, index) for layer in model.layers for index in range(len(layer.calls))]
    for start in [*((ref.layer, ref.call) for ref in model.outputs), *rest]:
        stack = [(start, False)]
        while stack:
            key, ready = stack.pop()
            if key in done:
                continue
            if key[0] not in by_name:
                raise MalformedConfig(
                    f"model {model.name!r}: there is no layer {key[0]!r}, which a call reads"
                )
            layer = by_name[key[0]]
            if layer.class_name == "InputLayer":
                continue
            if ready:
                done.add(key)
                yield layer, key[1]
                continue
            if key[1] >= len(layer.calls):
                raise MalformedConfig(
                    f"layer {layer.name!r}: the output of its call {key[1] + 1} is read, but it is called "
                    f"only {len(layer.calls)} times"
                )
            stack.append((key, True))
            if len(stack) > 4 * len(rest) + 16:
                raise MalformedConfig(f"model {model.name!r}: layer {layer.name!r} depends on its own output")
            sources = [(ref.layer, ref.call) for ref in references(layer.calls[key[1]])]
            stack.extend((source, False) for source in reversed(sources) if source not in done)
