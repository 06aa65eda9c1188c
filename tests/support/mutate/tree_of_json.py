"""Mutations of JSON: of the architecture wherever it is stored."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.support.mutate.kinds import mutation

Path = tuple[Any, ...]

_HUGE = (2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, -(2**63), 10**30, 10**12, 1e308, 1e39, 1e-320)
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 64, 1000, 0.5, 1.5, -0.5, 2.1, float("nan"), float("inf"), *_HUGE,
    "", "x", "same", "valid", "relu", "channels_first", "float16", "string", "None",
    "a" * 10_000, "name with a space " * 600,
    "\u2603", "\n\x1b[31m'\"", "../../x", "__class__", "None of it",
    [], [1], [1, 2], [2, 2, 2], [0, 0], [-1, -1], [[1, 2], [3, 4]], [None, 2], [None, None, 3],
    [2**40, 2**40], {}, {"a": 1},
    {"class_name": "Dense", "config": {"units": 3}}, {"class_name": "__lambda__", "config": {"code": "4wE="}},
    {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}},
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["dense", 0, 0]}},
    {"class_name": "function", "config": "relu"},
)  # fmt: skip


def mutated_json(text: bytes | str, rng: Random) -> str:
    """A JSON text with one to three of its values changed."""
    document = [json.loads(text)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = [place for place in _places(document[0]) if place]
        options = [place for place in places if "config" in place]
        _change(document, rng.choice(options if options and rng.random() < 0.7 else places), rng, places)
    return json.dumps(document[0])


@mutation("json", ".json", weight=12)
def change_json(data: bytes, rng: Random) -> bytes:
    """Some values of the document are others."""
    return mutated_json(data, rng).encode()


def _places(value: Any, place: Path = ()) -> Iterator[Path]:
    yield place
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _places(part, (*place, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _places(part, (*place, index))


def _at(value: Any, place: Path) -> Any:
    for key in place:
        value = value[key]
    return value


def _change(document: list[Any], place: Path, rng: Random, places: list[Path]) -> None:
    try:
        parent, key = _at(document[0], place[:-1]), place[-1]
        old = parent[key]
    except (KeyError, IndexError, TypeError):  # an earlier change took it away
        return
    choice = rng.random()
    if choice < 0.12:
        del parent[key]
    elif choice < 0.17 and isinstance(parent, dict):
        parent[rng.choice(("x", f"{key}_", str(key)[:-1], "k" * 10_000))] = parent.pop(key)
    elif choice < 0.24:
        parent[key] = copy.deepcopy(
            _at(document[0], rng.choice(places)) if rng.random() < 0.9 else document[0]
        )
    elif choice < 0.26:
        for _ in range(rng.choice((1, 2, 100, 400))):
            parent[key] = (
                [parent[key]] if rng.random() < 0.5 else {"config": parent[key], "class_name": "Dense"}
            )
    elif choice < 0.3:
        parent[key] = f"{old}" if rng.random() < 0.5 else [old, old]
    else:
        parent[key] = _other(old, rng)


def _other(old: Any, rng: Random) -> Any:
    if rng.random() < 0.4:
        return copy.deepcopy(rng.choice(_VALUES))
    if isinstance(old, bool):
        return not old
    if isinstance(old, int | float):
        return rng.choice((old + 1, old - 1, -old, old * 2, old * 1000, old / 2, old + 0.5, *_HUGE))
    if isinstance(old, str):
        return rng.choice(
            (old[:-1], old.upper(), old + "_1", old * 1000, old.replace("_", " "), "", old[::-1])
        )
    if isinstance(old, list) and old:
        return rng.choice((old[:-1], old[1:], old + old[:1], old[::-1], [old], old * 3, old[0]))
    if isinstance(old, dict) and old:
        keys = list(old)
        return {key: old[key] for key in rng.sample(keys, rng.randrange(len(keys)))}
    return copy.deepcopy(rng.choice(_VALUES))
