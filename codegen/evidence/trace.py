"""Watches a converted module run: every tensor that torch computes, by which module and on which line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode

from codegen.errors import ConversionError
from codegen.evidence.interpreter import as_array
from codegen.evidence.precision import precision

#: What asks about a tensor, or prepares it, and computes none.
_QUESTIONS = ("__get__", "size", "dim", "is_floating_point", "requires_grad_", "__len__", "__bool__")


@dataclass(frozen=True)
class Event:
    """One tensor that was computed.

    Attributes:
        module: Name of the innermost torch module at work: "conv2.0.conv_1".
        function: What torch calls the function.
        lines: Lines of the source that were at work, the innermost first.
        print: What stays the same when its elements are put into another order.
    """

    module: str
    function: str
    lines: tuple[int, ...]
    print: Fingerprint

    @property
    def key(self) -> tuple[str, str]:
        """Equal for what is the same step in two versions of a source."""
        return self.module, self.function


@dataclass(frozen=True)
class Fingerprint:
    """Facts of an array that do not depend on the order of its elements."""

    size: int
    sums: tuple[float, float, float]
    ends: tuple[float, float]

    @staticmethod
    def of(tensor: torch.Tensor) -> Fingerprint:
        """The facts of a tensor."""
        x = tensor.detach()
        x = (torch.view_as_real(x) if x.is_complex() else x).double().nan_to_num(0.25, 1e30, -1e30)
        if not x.numel():
            return Fingerprint(0, (0.0, 0.0, 0.0), (0.0, 0.0))
        low, high = x.aminmax()
        sums = (x.sum(), (x * x).sum(), (x * x * x).sum())
        return Fingerprint(
            x.numel(), (float(sums[0]), float(sums[1]), float(sums[2])), (float(low), float(high))
        )

    def is_like(self, other: Fingerprint, tolerance: float) -> bool:
        """Whether the arrays may hold the same numbers."""
        if self.size != other.size:
            return False
        scale = max(map(abs, (*self.ends, *other.ends)))
        if any(abs(a - b) > tolerance * scale for a, b in zip(self.ends, other.ends, strict=True)):
            return False
        pairs = zip(self.sums, other.sums, (1, 2, 3), strict=True)
        return all(abs(a - b) <= 4 * tolerance * self.size * scale**power for a, b, power in pairs)


class Trace(TorchFunctionMode):
    """The events of a run, or the tensors of those that are asked for.

    Args:
        model: The module.
        file_name: Under which its source was compiled.
        keep: Numbers of the events whose tensors are kept; None to note the events themselves.

    Attributes:
        outputs: What the model puts out, stored as it does; empty if it failed.
        failure: Why it failed; "" if it did not.
    """

    def __init__(self, model: torch.nn.Module, file_name: str, keep: Collection[int] | None) -> None:
        super().__init__()
        self.outputs: list[torch.Tensor] = []
        self.failure = ""
        self.events: list[Event] = []
        self.kept: dict[int, NDArray[Any]] = {}
        self._names = {id(module): name for name, module in model.named_modules()}
        self._file_name, self._keep, self._count = file_name, keep, 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if name not in _QUESTIONS:
            self._note(name, result)
        return result

    def _note(self, function: str, result: Any) -> None:
        if isinstance(result, (tuple, list)):
            for part in result:
                self._note(function, part)
        elif isinstance(result, torch.Tensor):
            self.note(function, result)

    def note(self, function: str, tensor: torch.Tensor) -> None:
        """Add an event."""
        if self._keep is None:
            module, lines = self._place(sys._getframe(2))
            self.events.append(Event(module, function, lines, Fingerprint.of(tensor)))
        elif self._count in self._keep:
            self.kept[self._count] = as_array(tensor)
        self._count += 1

    def _place(self, frame: FrameType | None) -> tuple[str, tuple[int, ...]]:
        module: str | None = None
        lines: list[int] = []
        while frame is not None:
            owner = frame.f_locals.get("self") if frame.f_code.co_argcount else None
            if module is None and id(owner) in self._names:
                module = self._names[id(owner)]
            if frame.f_code.co_filename == self._file_name:
                lines.append(frame.f_lineno)
            frame = frame.f_back
        return module or "", tuple(lines)


@dataclass(frozen=True)
class Source:
    """A converted module as text, with the weights that it is to have.

    Attributes:
        text: The source.
        file_name: Shown in messages.
        class_name: Of the model.
        state: The state dict.
    """

    text: str
    file_name: str
    class_name: str
    state: Mapping[str, torch.Tensor]

    def build(self, dtype: torch.dtype) -> torch.nn.Module:
        """The model with its weights, in eval mode.

        Raises:
            ConversionError: The source does not run, or does not have these weights.
        """
        module = ModuleType("checked_in")
        module.__file__ = self.file_name
        try:
            with precision(dtype):
                exec(compile(self.text, self.file_name, "exec"), module.__dict__)  # the user's own source
                model: torch.nn.Module = getattr(module, self.class_name)()
                model.load_state_dict(self.state)
                return model.eval()
        except Exception as error:
            raise ConversionError(
                f"{Path(self.file_name).name} does not load: {type(error).__name__}: {error}"
            ) from error

    def run(
        self, inputs: Sequence[torch.Tensor], dtype: torch.dtype, keep: Collection[int] | None = None
    ) -> Trace:
        """Watch the model run on these inputs, stored as it takes them; see `Trace`.

        Raises:
            ConversionError: The source does not load.
        """
        model = self.build(dtype)
        trace = Trace(model, self.file_name, keep)
        try:
            with precision(dtype):
                for number, tensor in enumerate(inputs):
                    trace.note(f"input {number}", tensor)
                with trace:
                    outputs = model(*inputs)
            trace.outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        except Exception as error:
            trace.failure = f"{type(error).__name__}: {error}"
        return trace
