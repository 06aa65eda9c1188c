"""What is to be done with each parameter of a model, as the shortest loop that tells them apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Task:
    """What is to be done with one parameter.

    Attributes:
        key: Of the state dict.
        rank: Number of its axes.
        statement: What is to be done, about `{p}`; None if it is to be left alone.
        needed: Whether it must be done; else it just does no harm.
        attribute: The attribute that holds it, if it may be named by it; else "".
    """

    key: str
    rank: int
    statement: str | None
    needed: bool = True
    attribute: str = ""


def write_rules(tasks: Sequence[Task], owner: str = "self") -> list[str]:
    """Statements about `owner`: a loop over the parameters, then what concerns one parameter only."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        if task.statement is not None and task.needed:
            groups.setdefault(task.statement, []).append(task)
    single = [group[0] for group in groups.values() if len(group) == 1 and group[0].attribute]
    rules = _rules([replace(task, statement=None) if task in single else task for task in tasks])
    return _loop(rules, owner) + [
        line for task in single for line in _lines(task, f"{owner}.{task.attribute}")
    ]


def _lines(task: Task, name: str) -> list[str]:
    return (task.statement or "").format(p=name).split("\n")


@dataclass(frozen=True)
class _Condition:
    """What tells some parameters from others.

    Attributes:
        text: Of the condition; "" if it always holds.
        cost: How long it is.
        holds: Whether it holds for a parameter.
    """

    text: str
    cost: int
    holds: Callable[[Task], bool]


def _loop(rules: Sequence[tuple[_Condition, Task]], owner: str) -> list[str]:
    if not rules:
        return []
    named = any("name" in condition.text for condition, _ in rules)
    head = f"name, parameter in {owner}.named_parameters()" if named else f"parameter in {owner}.parameters()"
    lines = [f"for {head}:"]
    for index, (condition, task) in enumerate(rules):
        word = "elif" if index else "if"
        test = f"{word} {condition.text}:" if condition.text else "else:"
        body = _lines(task, "parameter")
        if index or condition.text:
            body = [test, *(f"    {line}" for line in body)]
        lines += [f"    {line}" for line in body]
    return lines


def _rules(tasks: Sequence[Task]) -> list[tuple[_Condition, Task]]:
    """A decision list: at each step, the group that is easiest to tell from the rest."""
    rules = []
    left = list(tasks)
    while waiting := [task for task in left if task.statement is not None and task.needed]:
        choices = []
        for statement in dict.fromkeys(task.statement for task in waiting):
            targets = [task for task in waiting if task.statement == statement]
            others = [task for task in left if task.statement != statement]
            condition = _condition(targets, others)
            choices.append((condition.cost, -len(targets), condition, targets[0]))
        _, _, condition, task = min(choices, key=lambda choice: choice[:2])
        rules.append((condition, task))
        left = [task for task in left if not condition.holds(task)]
    return rules


def _condition(targets: Sequence[Task], others: Sequence[Task]) -> _Condition:
    """The shortest condition that holds for the targets and for none of the others."""
    found = [c for c in _simple(targets) if all(map(c.holds, targets)) and not any(map(c.holds, others))]
    suffixes = _suffixes(targets, others)
    if suffixes:
        text = f"name.endswith({suffixes if len(suffixes) > 1 else suffixes[0]!r})"
        found.append(_Condition(text, 2 * len(suffixes) - 1, lambda task: task.key.endswith(suffixes)))
    names = tuple(task.key for task in targets)
    found.append(_Condition(f"name in {names!r}", 3 * len(names), lambda task: task.key in names))
    return min(found, key=lambda condition: condition.cost)


def _simple(targets: Sequence[Task]) -> Iterator[_Condition]:
    yield _Condition("", -1, lambda _: True)
    yield _Condition("parameter.dim() > 1", 0, lambda task: task.rank > 1)
    words = ("bias", "bias_ih", "weight_ih", "weight_hh")
    yield from (_contains(word) for word in words if word in targets[0].key)


def _contains(word: str) -> _Condition:
    return _Condition(f"{word!r} in name", 2, lambda task: word in task.key)


def _suffixes(targets: Sequence[Task], others: Sequence[Task]) -> tuple[str, ...]:
    """Ends of the targets' keys that no other key has; none if there are none for a target."""
    found: tuple[str, ...] = ()
    for task in targets:
        starts = [match.end() for match in re.finditer(r"[._]", task.key)]
        ends = [task.key[start:] for start in reversed([0, *starts])]
        end = next((end for end in ends if not any(other.key.endswith(end) for other in others)), None)
        if end is None:
            return ()
        if not task.key.endswith(found):
            found = (*(known for known in found if not known.endswith(end)), end)
    return found
