"""How much a function of a file may ask for; it is checked before the work is done."""

from __future__ import annotations

from dataclasses import dataclass

from codegen.evaluation.meaning.values import NotEvaluated
from codegen.graph import Graph

MAX_BITS = 256
MAX_ITEMS = 100_000
MAX_TEXT = 10_000
#: Elements of an array of numbers.
MAX_ELEMENTS = 1_000_000
_MAX_INSTRUCTIONS, _MAX_NODES, _MAX_FRAMES = 20_000, 2_000, 40
#: How much more of these a whole model of the author's may take.
MODEL = 50


@dataclass
class Budget:
    """What one evaluation has used up.

    Attributes:
        graph: Where its expressions go.
        whole: The budget of what this is a part of.
        factor: How much more it may take than a single function.
    """

    graph: Graph
    whole: Budget | None = None
    factor: int = 1
    instructions: int = 0
    frames: int = 0

    def __post_init__(self) -> None:
        self._nodes = len(self.graph.nodes)

    def of(self, graph: Graph) -> Budget:
        """The budget of a part that computes in another graph: what it takes counts here as well."""
        return Budget(graph, self, self.factor)

    def step(self) -> None:
        """Count an instruction."""
        self.instructions += 1
        if self.whole is not None:
            self.whole.step()
        elif self.instructions > _MAX_INSTRUCTIONS * self.factor:
            raise NotEvaluated(f"takes more than {_MAX_INSTRUCTIONS * self.factor} steps")
        if len(self.graph.nodes) - self._nodes > _MAX_NODES:
            raise NotEvaluated(f"makes more than {_MAX_NODES} operations")

    def enter(self) -> None:
        """Count a call; `leave` when it is over."""
        self.frames += 1
        if self.whole is not None:
            self.whole.enter()
        elif self.frames > _MAX_FRAMES:
            raise NotEvaluated(f"calls functions more than {_MAX_FRAMES} deep")

    def leave(self) -> None:
        """A call is over."""
        self.frames -= 1
        if self.whole is not None:
            self.whole.leave()


def check_count(count: int) -> None:
    """Refuse a collection of more items than anybody writes."""
    if count > MAX_ITEMS:
        raise NotEvaluated(f"makes a sequence of {count:.3g} items")


def check_bits(bits: float) -> None:
    """Refuse a whole number of more bits than anybody needs."""
    if bits > MAX_BITS:
        raise NotEvaluated(f"makes a number of more than {MAX_BITS} bits")
