"""Code objects of any version in the normal form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from codegen.bytecode.decode import Word, decode, target
from codegen.bytecode.depth import check_depth
from codegen.bytecode.forms import BY_COUNT, FIXED, NOTHING, OPERATORS
from codegen.bytecode.opcodes import BINARY_OPERATORS, COMPARISONS, Version
from codegen.bytecode.routine import Cell, Instruction, Routine
from codegen.bytecode.unmarshal import BadCode, Code

_GENERATOR, _FUTURE_DIVISION = 0x20, 0x2000
_REST, _KEYWORDS = 0x04, 0x08
#: A step before the positions are known: a jump still says where it goes in the code.
Steps = list[Instruction]


def normalize(code: Code, version: Version) -> Routine:
    """The function that a code object is, if this version compiled it.

    Raises:
        BadCode: This version compiled no such code.
    """
    words = decode(code, version)
    if words[-1].name not in _ENDS:
        raise BadCode("the code does not end")
    ends = {word.start: word.end for word in words}
    starts: dict[int, int] = {}
    consts = tuple(normalize(const, version) if isinstance(const, Code) else const for const in code.consts)
    steps: Steps = []
    names: tuple[str, ...] = ()
    for position, word in enumerate(words):
        starts[word.start] = len(steps)
        context = _Context(code, version, consts, words, ends, position, names)
        steps += _steps(context, word)
        names = context.keywords
    starts[words[-1].end] = len(steps)
    positional, keyword_only, rest, keywords = _parameters(code)
    routine = Routine(
        code.name,
        positional,
        keyword_only,
        rest,
        keywords,
        code.cells,
        code.free,
        bool(code.flags & _GENERATOR),
        version < (3, 0) and not code.flags & _FUTURE_DIVISION,
        tuple(_placed(step, starts) for step in steps),
    )
    check_depth(routine)
    return routine


def _parameters(code: Code) -> tuple[tuple[str, ...], tuple[str, ...], str, str]:
    count, _, keyword_only = code.counts
    names = list(code.locals)
    taken = count + keyword_only
    rest = names[taken] if code.flags & _REST else ""
    keywords = names[taken + bool(rest)] if code.flags & _KEYWORDS else ""
    return tuple(names[:count]), tuple(names[count:taken]), rest, keywords


def _placed(step: Instruction, starts: dict[int, int]) -> Instruction:
    """A jump with the position in the instructions to which it goes."""
    if step.op not in _JUMPS:
        return step
    place, *more = step.arg if isinstance(step.arg, tuple) else (step.arg,)
    if place not in starts:
        raise BadCode("a jump into an instruction")
    return Instruction(step.op, (starts[place], *more) if more else starts[place])


_JUMPS = frozenset({"jump", "jump_if", "jump_if_none", "jump_or_pop", "next", "block"})
_ENDS = frozenset(
    {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "END_FINALLY", "JUMP_FORWARD"}
    | {"JUMP_ABSOLUTE", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}
)


@dataclass
class _Context:
    """What an instruction's argument is looked up in.

    Attributes:
        consts: The constants, functions in place of code objects.
        ends: Where the instructions end, by where they begin.
        position: Of the instruction.
        keywords: Names that KW_NAMES gave for the next call.
    """

    code: Code
    version: Version
    consts: tuple[Any, ...]
    words: list[Word]
    ends: Mapping[int, int]
    position: int
    keywords: tuple[str, ...]

    def const(self, number: int) -> Any:
        """A constant; functions take the place of code objects."""
        return _at(self.consts, number)

    def name(self, number: int) -> str:
        """Name of a global or an attribute."""
        return str(_at(self.code.names, number))

    def local(self, number: int) -> str:
        """Name of a local variable."""
        return str(_at(self.code.locals, number))

    def shared(self, number: int) -> str:
        """Name of a variable that functions share."""
        if self.version >= (3, 11):
            return self.local(number)
        return str(_at(self.code.cells + self.code.free, number))

    def target(self, word: Word) -> int:
        """Where a jump goes."""
        place = target(word, self.version)
        assert place is not None
        return place

    def before(self, *skipped: str) -> str:
        """Name of the instruction before, and before those that are skipped."""
        names = (word.name for word in reversed(self.words[: self.position]))
        return next((name for name in names if name not in skipped), "")

    def behind(self, place: int) -> int:
        """Where the instruction ends that begins there."""
        if place not in self.ends:
            raise BadCode("a jump into an instruction")
        return self.ends[place]


def _at(items: tuple[Any, ...], number: int) -> Any:
    if number >= len(items):
        raise BadCode("there is no such name or constant")
    return items[number]


def _steps(c: _Context, word: Word) -> Steps:
    name = word.name
    if name in NOTHING:
        return []
    if name in FIXED:
        return FIXED[name]
    if name in BY_COUNT:
        return [Instruction(BY_COUNT[name], word.arg)]
    for prefix, op in (("BINARY_", "binary"), ("INPLACE_", "update")):
        if name.startswith(prefix) and name.removeprefix(prefix) in OPERATORS:
            return [Instruction(op, OPERATORS[name.removeprefix(prefix)])]
    if "JUMP" in name or name in ("FOR_ITER", "CONTINUE_LOOP") or name.startswith("SETUP_"):
        return _jumps(c, word)
    if name in _SPECIAL:
        return _SPECIAL[name](c, word.arg)
    return [Instruction("unsupported", name)]


def _jumps(c: _Context, word: Word) -> Steps:
    name, place = word.name, target(word, c.version)
    if name == "FOR_ITER" and c.version >= (3, 12):  # END_FOR, where it goes, is skipped
        return [Instruction("next", (c.behind(c.target(word)), c.version < (3, 13)))]
    if name == "FOR_ITER":
        return [Instruction("next", (place, True))]
    if name == "SETUP_WITH":
        return [Instruction("with"), Instruction("block", (place, False))]
    if name in ("SETUP_LOOP", "SETUP_EXCEPT", "SETUP_FINALLY"):
        return [Instruction("block", (place, name == "SETUP_LOOP"))]
    if name in ("JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD", "CONTINUE_LOOP"):
        return [Instruction("jump", place)]
    condition = name.replace("FORWARD_", "").replace("BACKWARD_", "")
    if condition in _CONDITIONS:
        op, wanted = _CONDITIONS[condition]
        return [Instruction(op, (place, wanted))]
    return [Instruction("unsupported", name)]


_CONDITIONS = {
    "POP_JUMP_IF_TRUE": ("jump_if", True),
    "POP_JUMP_IF_FALSE": ("jump_if", False),
    "POP_JUMP_IF_NONE": ("jump_if_none", True),
    "POP_JUMP_IF_NOT_NONE": ("jump_if_none", False),
    "JUMP_IF_TRUE_OR_POP": ("jump_or_pop", True),
    "JUMP_IF_FALSE_OR_POP": ("jump_or_pop", False),
}


# -------------------------------------------------------------------- instructions whose arguments need care


def _binary(_c: _Context, arg: int) -> Steps:
    if arg == 26:  # since 3.14
        return [Instruction("item")]
    count = len(BINARY_OPERATORS)
    if arg >= 2 * count:
        raise BadCode("there is no such operator")
    return [Instruction("binary" if arg < count else "update", BINARY_OPERATORS[arg % count])]


def _compare(c: _Context, arg: int) -> Steps:
    number = arg >> (5 if c.version >= (3, 13) else 4) if c.version >= (3, 12) else arg
    if number == 10 and c.version < (3, 9):
        return [Instruction("unsupported", "an except clause")]
    known = COMPARISONS if c.version < (3, 9) else COMPARISONS[:6]
    if number >= len(known):
        raise BadCode("there is no such comparison")
    return [Instruction("compare", known[number])]


def _load_global(c: _Context, arg: int) -> Steps:
    return [Instruction("global", c.name(arg >> 1 if c.version >= (3, 11) else arg))]


def _load_attr(c: _Context, arg: int) -> Steps:
    return [Instruction("attribute", c.name(arg >> 1 if c.version >= (3, 12) else arg))]


def _load_closure(c: _Context, arg: int) -> Steps:
    return [Instruction("constant", Cell(c.shared(arg)))]


def _load_fast(c: _Context, arg: int) -> Steps:
    name = c.local(arg)
    # Since 3.13 cells are handed on by the instruction that reads locals.
    shared = c.version >= (3, 13) and name in c.code.cells + c.code.free
    return [Instruction("constant", Cell(name)) if shared else Instruction("local", name)]


def _load_fast_twice(c: _Context, arg: int) -> Steps:
    return _load_fast(c, arg >> 4) + _load_fast(c, arg & 15)


def _store_and_load(c: _Context, arg: int) -> Steps:
    return [Instruction("store", c.local(arg >> 4)), *_load_fast(c, arg & 15)]


def _store_twice(c: _Context, arg: int) -> Steps:
    return [Instruction("store", c.local(arg >> 4)), Instruction("store", c.local(arg & 15))]


def _make_function(c: _Context, arg: int) -> Steps:
    if c.version < (3, 0):
        return [Instruction("function_2", (arg, False))]
    steps = [Instruction("pop")] if c.version < (3, 11) else []  # its qualified name
    return [*steps, Instruction("function", 0 if c.version >= (3, 13) else arg)]


def _call(c: _Context, arg: int) -> Steps:
    if c.version < (3, 0):
        return _call_pairs()(c, arg)
    names, c.keywords = c.keywords, ()
    if c.version >= (3, 11) and not arg and c.before("PRECALL") == "GET_ITER":
        arg = 1  # a comprehension, whose iterator stands where the owner of a method does
    return [Instruction("call", (arg, names))]


def _kw_names(c: _Context, arg: int) -> Steps:
    names = c.const(arg)
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise BadCode("no names of keywords")
    c.keywords = names
    return []


def _call_pairs(*, rest: bool = False, keywords: bool = False) -> Callable[[_Context, int], Steps]:
    return lambda _c, arg: [Instruction("call_pairs", (arg & 255, arg >> 8, rest, keywords))]


def _call_keywords(c: _Context, arg: int) -> Steps:
    return _call_pairs(keywords=True)(c, arg) if c.version < (3, 0) else [Instruction("call_named", arg)]


def _call_spread(c: _Context, arg: int) -> Steps:
    has_keywords = c.before() != "PUSH_NULL" if c.version >= (3, 14) else bool(arg & 1)
    return [Instruction("call_spread", has_keywords)]


def _joined(kind: str) -> Callable[[_Context, int], Steps]:
    return lambda _c, arg: [Instruction("joined", (arg, kind))]


def _build_map(c: _Context, arg: int) -> Steps:
    return [Instruction("dict", arg if c.version >= (3, 0) else 0)]


def _intrinsic(_c: _Context, arg: int) -> Steps:
    known = {3: "a generator that stops", 5: "+", 6: "as_tuple"}
    if known.get(arg) == "+":
        return [Instruction("unary", "+")]
    return [Instruction("as_tuple")] if arg == 6 else [Instruction("unsupported", known.get(arg, "a type"))]


def _format_value(_c: _Context, arg: int) -> Steps:
    return [
        (
            Instruction("format", ("", "s", "r", "a")[arg & 3])
            if arg < 4
            else Instruction("unsupported", "a format")
        )
    ]


def _unpack_rest(_c: _Context, arg: int) -> Steps:
    return [Instruction("unpack_rest", (arg & 255, arg >> 8))]


def _common_constant(_c: _Context, arg: int) -> Steps:
    known = ("AssertionError", "NotImplementedError", "tuple", "all", "any")
    return [Instruction("global", _at(known, arg))]


def _duplicate(_c: _Context, arg: int) -> Steps:
    return [Instruction("copy", arg)] * arg


def _attach(_c: _Context, arg: int) -> Steps:
    return [Instruction("attach", arg)]


def _map_add(c: _Context, arg: int) -> Steps:
    return [Instruction("enter" if c.version >= (3, 8) else "enter_2", arg)]


def _named(op: str, kind: str) -> Callable[[_Context, int], Steps]:
    return lambda c, arg: [Instruction(op, getattr(c, kind)(arg))]


def _format_spec(_c: _Context, _arg: int) -> Steps:
    return [Instruction("unsupported", "a format")]


def _convert(_c: _Context, arg: int) -> Steps:
    return [Instruction("format", _at(("", "s", "r", "a"), arg))]


_SPECIAL: dict[str, Callable[[_Context, int], Steps]] = {
    "LOAD_CONST": _named("constant", "const"),
    "RETURN_CONST": lambda c, arg: [Instruction("constant", c.const(arg)), Instruction("return")],
    "LOAD_SMALL_INT": lambda _c, arg: [Instruction("constant", arg)],
    "LOAD_COMMON_CONSTANT": _common_constant,
    "LOAD_FAST": _load_fast,
    "LOAD_FAST_CHECK": _load_fast,
    "LOAD_FAST_BORROW": _load_fast,
    "LOAD_FAST_LOAD_FAST": _load_fast_twice,
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": _load_fast_twice,
    "LOAD_FAST_AND_CLEAR": _named("take", "local"),
    "STORE_FAST": _named("store", "local"),
    "STORE_FAST_LOAD_FAST": _store_and_load,
    "STORE_FAST_STORE_FAST": _store_twice,
    "DELETE_FAST": _named("unset", "local"),
    "LOAD_CLOSURE": _load_closure,
    "LOAD_DEREF": _named("cell", "shared"),
    "STORE_DEREF": _named("store_cell", "shared"),
    "LOAD_GLOBAL": _load_global,
    "LOAD_NAME": _named("global", "name"),
    "LOAD_ATTR": _load_attr,
    "LOAD_METHOD": _named("attribute", "name"),
    "BINARY_OP": _binary,
    "COMPARE_OP": _compare,
    "IS_OP": lambda _c, arg: [Instruction("compare", "is not" if arg else "is")],
    "CONTAINS_OP": lambda _c, arg: [Instruction("compare", "not in" if arg else "in")],
    "BUILD_MAP": _build_map,
    "BUILD_LIST_UNPACK": _joined("list"),
    "BUILD_SET_UNPACK": _joined("set"),
    "BUILD_TUPLE_UNPACK": _joined("tuple"),
    "BUILD_TUPLE_UNPACK_WITH_CALL": _joined("tuple"),
    "BUILD_MAP_UNPACK": _joined("dict"),
    "BUILD_MAP_UNPACK_WITH_CALL": _joined("dict"),
    "MAP_ADD": _map_add,
    "UNPACK_EX": _unpack_rest,
    "DUP_TOPX": _duplicate,
    "MAKE_FUNCTION": _make_function,
    "MAKE_CLOSURE": lambda _c, arg: [Instruction("function_2", (arg, True))],
    "SET_FUNCTION_ATTRIBUTE": _attach,
    "KW_NAMES": _kw_names,
    "CALL": _call,
    "CALL_METHOD": _call,
    "CALL_FUNCTION": _call,
    "CALL_KW": lambda _c, arg: [Instruction("call_named", arg)],
    "CALL_FUNCTION_KW": _call_keywords,
    "CALL_FUNCTION_VAR": _call_pairs(rest=True),
    "CALL_FUNCTION_VAR_KW": _call_pairs(rest=True, keywords=True),
    "CALL_FUNCTION_EX": _call_spread,
    "CALL_INTRINSIC_1": _intrinsic,
    "FORMAT_VALUE": _format_value,
    "FORMAT_WITH_SPEC": _format_spec,
    "CONVERT_VALUE": _convert,
    "IMPORT_NAME": _named("import", "name"),
    "IMPORT_FROM": _named("import_from", "name"),
}
