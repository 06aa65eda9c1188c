"""What each instruction does to the frame of its call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from codegen.bytecode.routine import Cell, Routine
from codegen.evaluation.collecting import COLLECTING
from codegen.evaluation.frame import Frame
from codegen.evaluation.meaning.budget import check_count
from codegen.evaluation.meaning.values import Box, Cursor, Function, Leave, Method, NotEvaluated, Nothing

# -------------------------------------------------------------------- the stack and variables


def _copy(f: Frame, depth: int) -> None:
    f.push(f.peek(depth))


def _swap(f: Frame, depth: int) -> None:
    f.stack[-1], f.stack[-depth] = f.stack[-depth], f.stack[-1]


def _sink(f: Frame, depth: int) -> None:
    f.stack.insert(len(f.stack) - depth, f.stack.pop())


def _local(f: Frame, name: str) -> None:
    if name not in f.variables:
        raise NotEvaluated(f"reads {name!r} before it is set")
    f.push(f.variables[name])


def _take(f: Frame, name: str) -> None:
    f.push(f.variables.pop(name, Nothing()))


def _store(f: Frame, name: str) -> None:
    value = f.pop()
    if isinstance(value, Nothing):
        f.variables.pop(name, None)
        return
    f.variables[name] = value
    f.world.named(value, name)


def _unset(f: Frame, name: str) -> None:
    f.variables.pop(name, None)


def _box(f: Frame, name: str) -> Box:
    if name not in f.cells:
        raise NotEvaluated(f"reads {name!r}, which its file does not hold")
    return f.cells[name]


def _cell(f: Frame, name: str) -> None:
    box = _box(f, name)
    if not box.is_set:
        raise NotEvaluated(f"reads {name!r}, which its file does not hold")
    f.push(box.value)


def _store_cell(f: Frame, name: str) -> None:
    box = _box(f, name)
    box.value, box.is_set = f.pop(), True
    f.world.named(box.value, name)


def _constant(f: Frame, value: Any) -> None:
    f.push(_box(f, value.name) if isinstance(value, Cell) else value)


# -------------------------------------------------------------------- operators


def _item(f: Frame, _: None) -> None:
    owner, key = f.take(2)
    f.push(f.world.item(owner, key))


def _slice_item(f: Frame, _: None) -> None:
    owner, start, stop = f.take(3)
    f.push(f.world.item(owner, slice(start, stop)))


def _store_item(f: Frame, _: None) -> None:
    value, owner, key = f.take(3)
    f.world.store_item(owner, key, value)


def _store_attribute(f: Frame, name: str) -> None:
    value, owner = f.take(2)
    f.world.store_attribute(owner, name, value)
    f.world.named(value, name)


def _binary(f: Frame, operator: str) -> None:
    a, b = f.take(2)
    f.push(f.world.binary(operator, a, b, floors=f.routine.floors, in_place=False))


def _update(f: Frame, operator: str) -> None:
    a, b = f.take(2)
    f.push(f.world.binary(operator, a, b, floors=f.routine.floors, in_place=True))


def _compare(f: Frame, operator: str) -> None:
    a, b = f.take(2)
    f.push(f.world.compare(operator, a, b))


# -------------------------------------------------------------------- functions


def _function(f: Frame, has: int) -> None:
    routine = f.pop()
    closure = f.pop() if has & 8 else ()
    if has & 4:
        f.pop()  # annotations
    keyword_defaults = f.pop() if has & 2 else {}
    defaults = f.pop() if has & 1 else ()
    _make(f, routine, defaults, keyword_defaults, closure)


def _function_2(f: Frame, arg: tuple[int, bool]) -> None:
    count, has_closure = arg
    routine = f.pop()
    closure = f.pop() if has_closure else ()
    _make(f, routine, f.take(count), {}, closure)


def _make(f: Frame, routine: Any, defaults: Any, keyword_defaults: Any, closure: Any) -> None:
    parts_fit = isinstance(defaults, (tuple, list)) and isinstance(keyword_defaults, dict)
    if not isinstance(routine, Routine) or not parts_fit or not isinstance(closure, tuple):
        raise NotEvaluated("holds bytecode that no compiler makes")
    if not all(isinstance(box, Box) for box in closure):
        raise NotEvaluated("holds bytecode that no compiler makes")
    namespace = None if f.namespace is None else f.namespace.inner
    f.push(Function(routine, tuple(defaults), keyword_defaults, closure, namespace))


def _attach(f: Frame, what: int) -> None:
    value, made = f.take(2)
    if not isinstance(made, Function):
        raise NotEvaluated("holds bytecode that no compiler makes")
    parts: dict[str, Any] = {
        "defaults": value if what == 1 else made.defaults,
        "keyword_defaults": value if what == 2 else made.keyword_defaults,
        "closure": value if what == 8 else made.closure,
    }
    _make(f, made.routine, closure=parts["closure"], **{k: v for k, v in parts.items() if k != "closure"})


def _call(f: Frame, arg: tuple[int, tuple[str, ...]]) -> None:
    count, names = arg
    _call_with(f, f.take(count), names)


def _call_named(f: Frame, count: int) -> None:
    names = f.pop()
    _call_with(f, f.take(count), f.world.items(names))


def _call_with(f: Frame, args: Sequence[Any], names: Sequence[str]) -> None:
    if len(names) > len(args):
        raise NotEvaluated("holds bytecode that no compiler makes")
    first = len(args) - len(names)
    f.call(f.pop(), args[:first], dict(zip(names, args[first:], strict=True)))


def _call_pairs(f: Frame, arg: tuple[int, int, bool, bool]) -> None:
    count, pairs, has_rest, has_keywords = arg
    keywords = f.pop() if has_keywords else {}
    rest = f.world.items(f.pop()) if has_rest else ()
    named = f.take(2 * pairs)
    args = f.take(count)
    if not isinstance(keywords, dict):
        raise NotEvaluated("spreads what is no dict")
    f.call(f.pop(), [*args, *rest], {**dict(zip(named[::2], named[1::2], strict=True)), **keywords})


def _call_spread(f: Frame, has_keywords: bool) -> None:
    keywords = f.pop() if has_keywords else {}
    args = f.world.items(f.pop())
    if not isinstance(keywords, dict) or not all(isinstance(name, str) for name in keywords):
        raise NotEvaluated("spreads what is no dict")
    f.call(f.pop(), args, keywords)


def _return(f: Frame, _: None) -> None:
    f.result = f.pop()
    f.jump(len(f.routine.instructions))


def _yield(f: Frame, _: None) -> None:
    check_count(len(f.yielded))
    f.yielded.append(f.pop())
    f.push(None)


# -------------------------------------------------------------------- control


def _jump_if(f: Frame, arg: tuple[int, bool]) -> None:
    place, wanted = arg
    if f.world.truth(f.pop()) == wanted:
        f.jump(place)


def _jump_if_none(f: Frame, arg: tuple[int, bool]) -> None:
    place, wanted = arg
    if (f.pop() is None) == wanted:
        f.jump(place)


def _jump_or_pop(f: Frame, arg: tuple[int, bool]) -> None:
    place, wanted = arg
    if f.world.truth(f.peek(1)) == wanted:
        f.jump(place)
    else:
        f.pop()


def _iterate(f: Frame, _: None) -> None:
    found = f.pop()
    f.push(found if isinstance(found, Cursor) else Cursor(f.world.items(found)))


def _next(f: Frame, arg: tuple[int, bool]) -> None:
    place, drops = arg
    cursor = f.peek(1)
    if not isinstance(cursor, Cursor):
        raise NotEvaluated("holds bytecode that no compiler makes")
    if cursor.has_more():
        f.push(cursor.next())
        return
    if drops:
        f.pop()
    f.jump(place)


def _block(f: Frame, arg: tuple[int, bool]) -> None:
    f.blocks.append((*arg, len(f.stack)))


def _end_block(f: Frame, _: None) -> None:
    if not f.blocks:
        raise NotEvaluated("holds bytecode that no compiler makes")
    f.blocks.pop()


def _break(f: Frame, _: None) -> None:
    place, is_loop, depth = f.blocks.pop() if f.blocks else (0, False, 0)
    if not is_loop:
        raise NotEvaluated("leaves a loop from within a try or with statement")
    del f.stack[depth:]
    f.jump(place)


# -------------------------------------------------------------------- others


def _import(f: Frame, name: str) -> None:
    level, wanted = f.take(2)
    if level not in (0, -1):
        raise NotEvaluated("imports from its own package")
    root = name.partition(".")[0]
    f.push(f.world.imported(name if wanted else root))


def _import_from(f: Frame, name: str) -> None:
    f.push(f.world.attribute(f.peek(1), name))


def _super(f: Frame, _: None) -> None:
    if not f.routine.positional:
        raise NotEvaluated("calls super() outside a method")
    first = f.routine.positional[0]
    box = f.cells.get(first)
    f.push(f.world.super(f.namespace, f.variables.get(first) if box is None else box.value))


def _with(f: Frame, _: None) -> None:
    manager = f.pop()
    if not (isinstance(manager, Method) and manager.name == "name_scope"):
        raise NotEvaluated("has a with statement")
    f.push(Leave())
    f.push(None)


def _raise(f: Frame, count: int) -> None:
    error = f.take(count)[0] if count else None
    name = error.owner.name if isinstance(error, Method) else getattr(error, "name", "an error")
    raise NotEvaluated(f"raises {name} for such inputs")


def _unsupported(_: Frame, name: str) -> None:
    raise NotEvaluated(f"does what is not supported ({name})")


#: What each instruction does.
OPERATIONS: dict[str, Callable[[Frame, Any], None]] = {
    **COLLECTING,
    "pop": lambda f, _: f.pop(),
    "copy": _copy,
    "swap": _swap,
    "sink": _sink,
    "constant": _constant,
    "local": _local,
    "take": _take,
    "store": _store,
    "unset": _unset,
    "cell": _cell,
    "store_cell": _store_cell,
    "global": lambda f, name: f.push(f.world.lookup(name, f.namespace)),
    "attribute": lambda f, name: f.push(f.world.attribute(f.pop(), name)),
    "item": _item,
    "slice_item": _slice_item,
    "store_item": _store_item,
    "store_attribute": _store_attribute,
    "binary": _binary,
    "update": _update,
    "unary": lambda f, operator: f.push(f.world.unary(operator, f.pop())),
    "compare": _compare,
    "format": lambda f, conversion: f.push(f.world.text(f.pop(), conversion)),
    "function": _function,
    "function_2": _function_2,
    "attach": _attach,
    "call": _call,
    "call_named": _call_named,
    "call_pairs": _call_pairs,
    "call_spread": _call_spread,
    "return": _return,
    "yield": _yield,
    "jump": lambda f, place: f.jump(place),
    "jump_if": _jump_if,
    "jump_if_none": _jump_if_none,
    "jump_or_pop": _jump_or_pop,
    "iterate": _iterate,
    "next": _next,
    "block": _block,
    "end_block": _end_block,
    "break": _break,
    "import": _import,
    "import_from": _import_from,
    "bring": lambda f, arg: f.push(f.world.bring(arg, f.namespace)),
    "super": _super,
    "with": _with,
    "raise": _raise,
    "unsupported": _unsupported,
}
