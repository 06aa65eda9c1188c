"""A Python function in one normal form, whichever Python compiled it, or from its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Instruction:
    """One step of a stack machine.

    Attributes:
        op: What it does; `OPERATIONS` has the names.
        arg: With what: a constant, a name, an operator, a number of operands, the position to jump to.
        line: Of the source from which it was compiled; 0 if only the bytecode is known.
    """

    op: str
    arg: Any = None
    line: int = 0


@dataclass(frozen=True)
class Cell:
    """Stands on the stack for a variable that is handed to an inner function."""

    name: str


@dataclass(frozen=True)
class Routine:
    """A function.

    Attributes:
        name: Its name; "<lambda>" for a lambda.
        positional: Its positional parameters.
        keyword_only: Those that can only be given by name.
        rest: The parameter for further positional arguments, "" if there is none.
        keywords: The parameter for further keyword arguments, "" if there is none.
        cells: Variables that inner functions see.
        free: Variables of outer functions, in the order in which a closure holds them.
        is_generator: Whether it yields.
        floors: Whether `/` of whole numbers floors, as in Python 2.
        instructions: What it does.
        file: Name of the file of its source; "" if only the bytecode is known.
    """

    name: str
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    rest: str
    keywords: str
    cells: tuple[str, ...]
    free: tuple[str, ...]
    is_generator: bool
    floors: bool
    instructions: tuple[Instruction, ...]
    file: str = ""


#: The instructions. `a`, `b`, `c` are what lies on top of the stack, `c` the topmost.
OPERATIONS: dict[str, str] = {
    # the stack
    "pop": "drop c",
    "copy": "push the arg-th item from the top",
    "swap": "exchange c and the arg-th item from the top",
    "sink": "move c below the arg - 1 items under it",
    # variables
    "constant": "push arg",
    "local": "push a local variable",
    "take": "push a local variable, or nothing, and unset it",
    "store": "c becomes a local variable",
    "unset": "there is no such local variable",
    "cell": "push a variable that functions share",
    "store_cell": "c becomes such a variable",
    "global": "push a global variable or a function of Python's own",
    "attribute": "c.arg",
    "item": "b[c]",
    "slice_item": "a[b:c]",
    "store_item": "b[c] = a",
    "store_attribute": "c.arg = b",
    # operators
    "binary": "b arg c",
    "update": "b arg= c",
    "unary": "arg c",
    "compare": "b arg c",
    # collections
    "list": "a list of arg items",
    "tuple": "a tuple of arg items",
    "set": "a set of arg items",
    "dict": "a dict of arg keys, each followed by its value",
    "keyed": "a dict of the items below, the keys are the tuple c",
    "slice": "slice() of arg items",
    "text": "the arg texts below as one",
    "format": "c as a text, as arg says",
    "append": "c is appended to the list that is the arg-th item below",
    "extend": "so is all that is in c",
    "add": "c is added to such a set",
    "merge": "c is merged into such a dict",
    "enter": "the key b and the value c go into such a dict",
    "enter_2": "the value b and the key c go into such a dict",
    "put": "the value b goes under the key c into the dict a, which stays",
    "joined": "all that is in the arg iterables below as arg[1]",
    "as_tuple": "c as a tuple",
    "unpack": "the arg items of c, the first on top",
    "unpack_rest": "arg[0] items of c, a list, and arg[1] items",
    # functions
    "function": "a function, its code is c; the bits of arg say which of its parts lie below",
    "function_2": "a function with arg defaults, its code is c; arg[1]: with a closure",
    "attach": "an attribute of the function c: b, as arg says",
    "call": "call what lies below arg[0] arguments, the last of which are keywords arg[1]",
    "call_named": "the same, the names of the keywords are the tuple c",
    "call_pairs": "the same: arg[0] arguments, arg[1] names with values, arg[2]: *args, arg[3]: **kwargs",
    "call_spread": "call a with the arguments b and, if arg, the keywords c",
    "return": "return c",
    "yield": "yield c; None is sent back",
    # control
    "jump": "go on at arg",
    "jump_if": "drop c, go on at arg[0] if its truth is arg[1]",
    "jump_if_none": "drop c, go on at arg[0] if it is None, arg[1]: or is not",
    "jump_or_pop": "go on at arg[0] if the truth of c is arg[1], else drop it",
    "iterate": "an iterator over c",
    "next": "push the next item of c; at its end go on at arg[0], arg[1]: dropping c",
    "block": "a loop (arg[1]) or a guarded part begins, which ends at arg[0]",
    "end_block": "it ends",
    "break": "leave the innermost one, a loop",
    # others
    "import": "push the module arg; b and c are dropped",
    "import_from": "push arg of the module c",
    "bring": "push what an import of source brings: level, module, name in it",
    "super": "push super()",
    "with": "push what leaves the context manager c, and what it yields",
    "raise": "raise; arg is the number of items",
    "unsupported": "what no function here does: arg is its name",
}
