"""One call of a function on the stack machine, and what the machine asks the world about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from codegen.bytecode.routine import Routine
from codegen.evaluation.meaning.budget import Budget, check_count
from codegen.evaluation.meaning.values import Box, Library, NotEvaluated, Unknown


class World(Protocol):
    """What instructions mean for the values that they work on; see `codegen.evaluation.evaluator`."""

    budget: Budget

    def lookup(self, name: str, namespace: Any) -> Any:
        """The value of a global name."""

    def bring(self, arg: tuple[int, str, str], namespace: Any) -> Any:
        """What an import in source brings."""

    def super(self, namespace: Any, owner: Any) -> Any:
        """`super()` in a method of an object or a class."""

    def store_attribute(self, owner: Any, name: str, value: Any) -> None:
        """`owner.name = value`."""

    def imported(self, name: str) -> Library | Unknown:
        """A module that is imported."""

    def attribute(self, owner: Any, name: str) -> Any:
        """`owner.name`."""

    def item(self, owner: Any, key: Any) -> Any:
        """`owner[key]`."""

    def store_item(self, owner: Any, key: Any, value: Any) -> None:
        """`owner[key] = value`."""

    def binary(self, operator: str, a: Any, b: Any, *, floors: bool, in_place: bool) -> Any:
        """`a + b` and the like."""

    def unary(self, operator: str, a: Any) -> Any:
        """`-a`, `~a`, `not a`."""

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        """`a < b`, `a in b`, `a is b`."""

    def truth(self, value: Any) -> bool:
        """Whether a condition holds."""

    def items(self, value: Any) -> Sequence[Any]:
        """All that a loop over the value would see."""

    def text(self, value: Any, conversion: str) -> Any:
        """The value in a formatted text."""

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """`function(*args, **kwargs)`."""

    def named(self, value: Any, name: str) -> None:
        """Note that a local variable holds a value."""


@dataclass
class Frame:
    """One call.

    Attributes:
        variables: The local ones.
        namespace: Where global names are looked up.
        cells: Those that it shares with other functions.
        stack: Values that instructions have pushed.
        yielded: What a generator has yielded.
    """

    world: World
    routine: Routine
    variables: dict[str, Any]
    namespace: Any = None
    cells: dict[str, Box] = field(default_factory=dict)
    stack: list[Any] = field(default_factory=list)
    yielded: list[Any] = field(default_factory=list)
    position: int = 0
    result: Any = None
    blocks: list[tuple[int, bool, int]] = field(default_factory=list)

    def pop(self) -> Any:
        """Drop the topmost value and return it."""
        return self.stack.pop()

    def take(self, count: int) -> list[Any]:
        """The `count` topmost values in the order in which they were pushed."""
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def peek(self, depth: int) -> Any:
        """The value at `depth`, 1 for the topmost."""
        return self.stack[-depth]

    def push(self, value: Any) -> None:
        """Put a value on top."""
        check_count(len(self.stack))
        self.stack.append(value)

    def collection(self, depth: int, kind: type[Any]) -> Any:
        """A collection that a display or a comprehension is filling."""
        found: Any = self.peek(depth)
        if not isinstance(found, kind):
            raise NotEvaluated("holds bytecode that no compiler makes")
        check_count(len(found))
        return found

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Call and push the result."""
        self.push(self.world.call(function, args, kwargs))

    def jump(self, place: int) -> None:
        """Go on at an instruction."""
        self.position = place
