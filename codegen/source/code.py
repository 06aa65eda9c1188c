"""The instructions of a function that is being compiled, and the places to jump to in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from codegen.bytecode.routine import Instruction


@dataclass(eq=False)
class Label:
    """A place in the code, known once it is put there."""

    place: int = -1


@dataclass
class Code:
    """The instructions so far.

    Attributes:
        line: Of the source, of the instructions that come next.
    """

    instructions: list[Instruction] = field(default_factory=list)
    line: int = 0

    def add(self, op: str, arg: Any = None) -> None:
        """Append an instruction; a label in its argument is replaced by its place in the end."""
        self.instructions.append(Instruction(op, arg, self.line))

    def put(self, label: Label) -> None:
        """Let a label be here."""
        label.place = len(self.instructions)

    def finished(self) -> tuple[Instruction, ...]:
        """All instructions, and a `return None` behind them."""
        self.add("constant")
        self.add("return")
        return tuple(replace(step, arg=_placed(step.arg)) for step in self.instructions)


def _placed(arg: Any) -> Any:
    if isinstance(arg, Label):
        return arg.place
    if isinstance(arg, tuple) and arg and isinstance(arg[0], Label):
        return (arg[0].place, *arg[1:])
    return arg
