"""The instructions that make collections, fill them, and take them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from codegen.evaluation.frame import Frame
from codegen.evaluation.meaning.budget import check_count
from codegen.evaluation.meaning.values import NotEvaluated, Unknown


def _dict(f: Frame, count: int) -> None:
    items = f.take(2 * count)
    f.push(_pairs(items[::2], items[1::2]))


def _keyed(f: Frame, count: int) -> None:
    keys = f.pop()
    f.push(_pairs(f.world.items(keys), f.take(count)))


def _pairs(keys: Sequence[Any], values: Sequence[Any]) -> dict[Any, Any]:
    return {_key(key): value for key, value in zip(keys, values, strict=False)}


def _key(key: Any) -> Any:
    if not isinstance(key, (str, int, float, tuple, type(None))):
        raise NotEvaluated("looks something up by what is no number and no text")
    return key


def _set(f: Frame, count: int) -> None:
    f.push({_key(item) for item in f.take(count)})


def _slice(f: Frame, count: int) -> None:
    f.push(slice(*f.take(count)))


def _append(f: Frame, depth: int) -> None:
    item = f.pop()
    f.collection(depth, list).append(item)


def _extend(f: Frame, depth: int) -> None:
    items = f.world.items(f.pop())
    found = f.collection(depth, object)
    if isinstance(found, list):
        check_count(len(found) + len(items))
        found.extend(items)
    else:
        f.collection(depth, set).update(map(_key, items))


def _add(f: Frame, depth: int) -> None:
    item = _key(f.pop())
    f.collection(depth, set).add(item)


def _merge(f: Frame, depth: int) -> None:
    found = f.pop()
    if not isinstance(found, dict):
        raise NotEvaluated("spreads what is no dict")
    f.collection(depth, dict).update(found)


def _enter(f: Frame, depth: int) -> None:
    key, value = f.take(2)
    f.collection(depth, dict)[_key(key)] = value


def _enter_2(f: Frame, depth: int) -> None:
    value, key = f.take(2)
    f.collection(depth, dict)[_key(key)] = value


def _put(f: Frame, _: None) -> None:
    value, key = f.take(2)
    f.collection(1, dict)[_key(key)] = value


def _joined(f: Frame, arg: tuple[int, str]) -> None:
    count, kind = arg
    parts = f.take(count)
    if kind == "dict":
        if not all(isinstance(part, dict) for part in parts):
            raise NotEvaluated("spreads what is no dict")
        f.push({key: value for part in parts for key, value in part.items()})
        return
    items = [item for part in parts for item in f.world.items(part)]
    check_count(len(items))
    f.push(set(map(_key, items)) if kind == "set" else tuple(items) if kind == "tuple" else items)


def _as_tuple(f: Frame, _: None) -> None:
    f.push(tuple(f.world.items(f.pop())))


def _unpack(f: Frame, count: int) -> None:
    items = f.world.items(f.pop())
    if len(items) != count:
        raise NotEvaluated(f"unpacks {len(items)} values into {count}")
    f.stack.extend(reversed(items))


def _unpack_rest(f: Frame, arg: tuple[int, int]) -> None:
    before, after = arg
    items = list(f.world.items(f.pop()))
    if len(items) < before + after:
        raise NotEvaluated(f"unpacks {len(items)} values into {before + after} or more")
    last = len(items) - after
    f.stack.extend(reversed([*items[:before], items[before:last], *items[last:]]))


def _text(f: Frame, count: int) -> None:
    parts = f.take(count)
    f.push("".join(parts) if all(isinstance(part, str) for part in parts) else Unknown("a text"))


COLLECTING: dict[str, Callable[[Frame, Any], None]] = {
    "set": _set,
    "dict": _dict,
    "keyed": _keyed,
    "slice": _slice,
    "text": _text,
    "append": _append,
    "extend": _extend,
    "add": _add,
    "merge": _merge,
    "enter": _enter,
    "enter_2": _enter_2,
    "put": _put,
    "joined": _joined,
    "as_tuple": _as_tuple,
    "unpack": _unpack,
    "unpack_rest": _unpack_rest,
    "list": lambda f, count: f.push(f.take(count)),
    "tuple": lambda f, count: f.push(tuple(f.take(count))),
}
