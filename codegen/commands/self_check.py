"""Never hand over a file that was not imported, strictly loaded and run once."""

from __future__ import annotations

import math
import mmap
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from itertools import accumulate, islice, product
from pathlib import Path
from types import ModuleType
from typing import Any

from codegen.errors import Bug, ConversionError
from codegen.graph import Graph, Module, Value
from codegen.model.nested import instances

#: Stands for the generated file in a traceback.
_FILE = "<generated>"

#: Sizes tried in turn where the model leaves a size open: small first, as the check costs time.
_OPEN_SIZES = (16, 64, 224, 1)

#: Batch sizes tried in turn: an empty batch goes all the way at no cost, but not every operation takes one.
_BATCHES = (0, 1)

#: Tried last, beside sizes of the model: an open size may have to be one of them, or not too small.
_MORE_SIZES = (8,)

#: Tried after all others, if that takes little: windows in a row, or a slice, may not fit in less.
_LARGE_SIZES, _LITTLE = (512, 4096), 2**28

#: Sizes that people's inputs have: what goes wrong with the last of them, and a sample, tells most.
_TELLING_SIZES = (16, 64, 224)

#: What no size of the inputs is to blame for.
_MISTAKES = (NameError, TypeError, AttributeError)

#: How many batch sizes of the inputs are tried where they cannot be the same.
_ATTEMPTS = 200


#: What a tensor may take in the run. Models of larger ones run with an empty batch, or not at all.
_MAX_BYTES = 2**32


#: Pages of its own, which stay shared until they are written to; Windows has no other.
_PRIVATE: dict[str, int] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
)

_ALIGNMENT = 64
_COUNTER = ".num_batches_tracked"


class SelfCheckFailed(Bug):
    """The generated file does not do what it should: a bug of k2t-gen, not of the user's file.

    Args:
        problem: What happened.
        line: The line of `forward` at which it happened, from 1; None if it happened elsewhere.
        is_mistake: Whether that is code which can never work, and not numbers that torch does not take.
    """

    def __init__(self, problem: str, line: int | None = None, *, is_mistake: bool = True) -> None:
        self.problem, self.line, self.is_mistake = problem, line, is_mistake
        super().__init__(f"the generated file fails its self-check ({problem}); please report this")


class TooLarge(ConversionError):
    """The model takes more memory than there is, even for one sample."""

    def __init__(self) -> None:
        super().__init__(
            "the model cannot be run once, which a conversion ends with: it takes more than "
            f"{_MAX_BYTES >> 30} GB for one of its tensors, or than this machine has; give it smaller inputs"
        )


def self_check(source: str, weights: Path | None, graph: Graph, class_name: str) -> None:
    """Import the source, load the weights strictly, run the model on an empty batch or a sample.

    The sample is of zeros, or of another number if it must be. The run takes zeros as weights, which cost
    no memory: it shows that the code works and that every shape is as inferred; the numbers do not matter.

    Args:
        source: The generated source.
        weights: The written state dict; None if the model is to start without.
        graph: Tells inputs and expected outputs.
        class_name: Name of the model's class.

    Raises:
        SelfCheckFailed: Anything went wrong.
        TooLarge: There is not enough memory for the run.
    """
    import torch

    try:
        module = ModuleType("converted")
        module.__file__ = "converted.py"
        exec(compile(source, _FILE, "exec"), module.__dict__)  # our own text, safe by construction
        make = getattr(module, class_name)
        model = make() if weights is None else _loaded(torch, make, weights)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # several would wait for each other longer than they compute
        try:
            with warnings.catch_warnings(action="ignore"):  # of sizes and numbers that are ours
                _run(torch, model.eval(), graph)
        finally:
            torch.set_num_threads(threads)
    except (MemoryError, TooLarge):
        raise TooLarge from None
    except Exception as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise SelfCheckFailed(problem, _line(error), is_mistake=isinstance(error, _MISTAKES)) from error


def _line(error: Exception) -> int | None:
    """The line of the generated `forward` in which it was raised."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == _FILE and frame.f_code.co_name == "forward"
    ]
    return lines[-1] if lines else None


def _loaded(torch: Any, make: Callable[[], Any], weights: Path) -> Any:
    """A model whose state is as large and as complete as that in the file, but takes no memory."""
    with torch.device("meta"):
        model = make()
    state = torch.load(weights, weights_only=True, mmap=True)
    # torch counts batches from zero where a file has no number of them
    if any(name not in state and not name.endswith(_COUNTER) for name, _ in model.named_buffers()):
        model = make()  # has tables that it computes and does not save
    model.load_state_dict(_without_memory(torch, state), assign=True)
    return model


def _without_memory(torch: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Zeros in the tensors' stead, in pages that the system gives only when they are written to.

    Integers stay, as they may be indices.
    """
    large = {key: t for key, t in state.items() if t.is_floating_point() and t.numel()}
    starts = list(accumulate((-(-t.nbytes // _ALIGNMENT) * _ALIGNMENT for t in large.values()), initial=0))
    zeros = mmap.mmap(-1, max(starts[-1], 1), **_PRIVATE)
    return state | {
        key: torch.frombuffer(zeros, dtype=t.dtype, count=t.numel(), offset=start).reshape(t.shape)
        for start, (key, t) in zip(starts, large.items(), strict=False)
    }


def _run(torch: Any, model: Any, graph: Graph) -> None:
    is_open = any(None in value.shape[1:] for value in graph.inputs)
    failure: Exception | None = None
    is_too_large = is_beyond = False
    # Zeros are what fails least; but a number that is a size or a step may have to be another.
    for number, (size, batches) in product(range(4), _sizes(graph, is_open)):
        if _largest(graph, size, max(batches, default=0)) > _MAX_BYTES:
            is_too_large = True
            continue
        inputs = [
            _filled(torch, value, n, size, number) for value, n in zip(graph.inputs, batches, strict=True)
        ]
        try:
            with torch.no_grad():
                outputs = model(*inputs)
            _compare(outputs if isinstance(outputs, tuple) else (outputs,), graph.outputs)
        except torch.linalg.LinAlgError:  # of a matrix of zeros; all before it works
            return
        except _MISTAKES:
            raise
        except Exception as error:  # too small a size for this model, perhaps
            is_too_large = is_too_large or "can't allocate memory" in str(error)
            is_usual = number == 0 and set(batches) == {1} and size in _TELLING_SIZES
            if _is_beyond(error, (size, *batches)):
                is_beyond = True
            elif is_usual or failure is None:
                failure = error
            continue
        return
    if is_beyond:  # all before it works
        return
    raise failure if failure and not is_too_large else TooLarge


def _is_beyond(error: Exception, sizes: tuple[int, ...]) -> bool:
    """Whether a number of the file counts beyond an axis whose size is one of ours."""
    found = re.search(r"out of bounds for dimension(?: \d+)? with size (\d+)", str(error))
    return isinstance(error, IndexError) and found is not None and int(found[1]) in {*sizes} - {0}


def _largest(graph: Graph, size: int, batch: int) -> int:
    """What the largest tensor of the model itself takes, in bytes."""
    values = [*graph.inputs, *(value for node in graph.nodes for value in node.results())]
    return max((8 * math.prod(_sizes_of(value, size, batch)) for value in values), default=0)


def _sizes(graph: Graph, is_open: bool) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Sizes to try for open axes, and the inputs' batch sizes: usual ones first."""
    count = len(graph.inputs)
    sizes = _OPEN_SIZES if is_open else _OPEN_SIZES[:1]
    yield from ((size, (batch,) * count) for size, batch in product(sizes, _BATCHES))
    values = [*graph.inputs, *(value for node in graph.nodes for value in node.results())]
    modules = [module for node in graph.nodes for module in instances(node.operands, Module)]
    shapes = [value.shape for value in values]
    shapes += [recipe.shape for module in modules for recipe in module.state.values()]
    known = sorted({n for shape in shapes for n in shape if n is not None and n > 1})
    more = (*known[:6], *known[-1:], *_MORE_SIZES)
    sizes = (*more, *sizes) if is_open else sizes
    yield from ((size, (batch,) * count) for size, batch in product(sizes, (*more, *_BATCHES)))
    for large in _LARGE_SIZES:
        if is_open and _largest(graph, large, 1) <= _LITTLE:
            yield from ((large, (batch,) * count) for batch in _BATCHES)
        if _largest(graph, sizes[0], large) <= _LITTLE:
            yield sizes[0], (large,) * count
    if count > 1:
        yield from ((sizes[0], batches) for batches in islice(product((1, *more), repeat=count), _ATTEMPTS))


def _filled(torch: Any, value: Value, batch: int, size: int, number: int) -> Any:
    return torch.full(_sizes_of(value, size, batch), number, dtype=getattr(torch, value.dtype))


def _sizes_of(value: Value, size: int, batch: int) -> list[int]:
    """The shape as torch sees it, with these sizes where the model leaves them open."""
    return [n if n is not None else batch if axis == 0 else size for axis, n in enumerate(value.stored_shape)]


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
