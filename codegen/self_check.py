"""Never hand over a file that was not imported, strictly loaded and run once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from codegen.errors import ConversionError
from codegen.graph import Graph, Value

#: Sizes tried in turn where the model leaves a size open: small first, as the check costs time.
_OPEN_SIZES = (16, 64, 224, 1)


class SelfCheckFailed(ConversionError):
    """The generated file does not do what it should: a bug of k2t-gen, not of the user's file."""


def check(source: str, weights: Path, graph: Graph, class_name: str) -> None:
    """Import the source, load the weights strictly, run the model on one sample of zeros.

    The run takes uninitialised weights, so that it costs no memory for them: it shows that the code
    works and that every shape is as inferred; the numbers do not matter.

    Args:
        source: The generated source.
        weights: The written state dict.
        graph: Tells inputs and expected outputs.
        class_name: Name of the model's class.

    Raises:
        SelfCheckFailed: Anything went wrong.
    """
    import torch

    try:
        module = ModuleType("converted")
        module.__file__ = str(weights.with_suffix(".py"))
        exec(compile(source, "<generated>", "exec"), module.__dict__)  # our own text, safe by construction
        with torch.device("meta"):
            model = getattr(module, class_name)()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # copying onto meta tensors checks keys and shapes only
            model.load_state_dict(torch.load(weights, weights_only=True, mmap=True))
        _run(torch, model.to_empty(device="cpu").eval(), graph)
    except Exception as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise SelfCheckFailed(
            f"the generated file fails its self-check ({problem}); please report this"
        ) from error


def _run(torch: Any, model: Any, graph: Graph) -> None:
    is_open = any(None in value.shape[1:] for value in graph.inputs)
    failure: Exception | None = None
    for size in _OPEN_SIZES if is_open else _OPEN_SIZES[:1]:
        inputs = [_zeros(torch, value, size) for value in graph.inputs]
        try:
            with torch.no_grad():
                outputs = model(*inputs)
        except Exception as error:  # too small a size for this model, perhaps
            failure = error
            continue
        _compare(outputs if isinstance(outputs, tuple) else (outputs,), graph.outputs)
        return
    assert failure is not None
    raise failure


def _zeros(torch: Any, value: Value, size: int) -> Any:
    shape = [n if n is not None else 1 if axis == 0 else size for axis, n in enumerate(value.stored_shape)]
    return torch.zeros(shape, dtype=getattr(torch, value.dtype))


def _compare(outputs: tuple[Any, ...], expected: list[Value]) -> None:
    if len(outputs) != len(expected):
        raise ValueError(f"{len(outputs)} outputs instead of {len(expected)}")
    for output, value in zip(outputs, expected, strict=True):
        if not _fits(tuple(output.shape), value):
            raise ValueError(
                f"output {tuple(output.shape)} instead of {value.stored_shape} ({value.layer!r})"
            )


def _fits(shape: tuple[int, ...], value: Value) -> bool:
    sizes: Iterator[tuple[int, int | None]] = zip(shape, value.stored_shape, strict=False)
    return len(shape) == value.rank and all(n is None or size == n for size, n in sizes)
