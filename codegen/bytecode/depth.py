"""How many values lie on the stack at each instruction: where that varies, no compiler made the code."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.bytecode.routine import Instruction, Routine
from codegen.bytecode.unmarshal import BadCode

#: How many values an instruction takes and leaves, where neither depends on its argument.
_FIXED: dict[str, tuple[int, int]] = {
    "pop": (1, 0), "constant": (0, 1), "local": (0, 1), "take": (0, 1), "store": (1, 0), "unset": (0, 0),
    "cell": (0, 1), "store_cell": (1, 0), "global": (0, 1), "attribute": (1, 1), "item": (2, 1),
    "slice_item": (3, 1), "store_item": (3, 0), "binary": (2, 1), "update": (2, 1), "unary": (1, 1),
    "compare": (2, 1), "format": (1, 1), "put": (3, 1), "as_tuple": (1, 1), "attach": (2, 1),
    "return": (1, 0), "yield": (1, 1), "jump": (0, 0), "jump_if": (1, 0), "jump_if_none": (1, 0),
    "iterate": (1, 1), "block": (0, 0), "end_block": (0, 0), "import": (2, 1), "import_from": (1, 2),
    "store_attribute": (2, 0), "bring": (0, 1), "super": (0, 1),
    "with": (1, 2), "jump_or_pop": (1, 0), "next": (1, 2), "break": (0, 0), "unsupported": (0, 0),
}  # fmt: skip
#: Behind these control does not go on; what is unsupported is never passed.
_ENDS = frozenset({"return", "jump", "raise", "break", "unsupported"})


def check_depth(routine: Routine) -> None:
    """See that each instruction finds what it takes, and that all ways to it leave as much on the stack.

    Raises:
        BadCode: They do not.
    """
    depths = {0: 0}
    waiting = [0]
    while waiting:
        place = waiting.pop()
        if place >= len(routine.instructions):
            raise BadCode("the code does not end")
        instruction = routine.instructions[place]
        taken, left = _effect(instruction)
        if taken > depths[place]:
            raise BadCode("the stack is empty")
        for target, depth in _ways(instruction, place, depths[place], depths[place] - taken + left):
            if target not in depths:
                depths[target] = depth
                waiting.append(target)
            elif depths[target] != depth:
                raise BadCode("the stack has two depths")


def _effect(instruction: Instruction) -> tuple[int, int]:
    """How many values an instruction takes from the stack, and how many it leaves there."""
    op, arg = instruction.op, instruction.arg
    if op in _FIXED:
        return _FIXED[op]
    if op in ("list", "tuple", "set", "slice", "text"):
        return arg, 1
    if op in ("copy", "swap", "sink"):
        return arg, arg + (op == "copy")
    if op in ("append", "extend", "add", "merge"):
        return arg + 1, arg
    if op in ("enter", "enter_2"):
        return arg + 2, arg
    if op == "raise":
        return arg, 0
    if op == "dict":
        return 2 * arg, 1
    if op in ("keyed", "call_named"):
        return arg + (1 if op == "keyed" else 2), 1
    if op == "joined":
        return arg[0], 1
    if op in ("unpack", "unpack_rest"):
        return 1, arg if op == "unpack" else sum(arg) + 1
    if op == "function":
        return 1 + bin(arg).count("1"), 1
    if op == "function_2":
        return arg[0] + 1 + arg[1], 1
    if op == "call":
        return arg[0] + 1, 1
    if op == "call_pairs":
        count, pairs, has_rest, has_keywords = arg
        return count + 2 * pairs + has_rest + has_keywords + 1, 1
    assert op == "call_spread"
    return 2 + arg, 1


def _ways(instruction: Instruction, place: int, before: int, behind: int) -> Iterator[tuple[int, int]]:
    """Where control can go, and how much lies on the stack there."""
    op, arg = instruction.op, instruction.arg
    if op == "jump":
        yield arg, behind
    elif op in ("jump_if", "jump_if_none"):
        yield arg[0], behind
    elif op == "jump_or_pop":
        yield arg[0], before
    elif op == "next":
        yield arg[0], before - arg[1]
    if op not in _ENDS:
        yield place + 1, behind
