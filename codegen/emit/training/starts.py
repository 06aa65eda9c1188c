"""How a model is initialised: a loop over its modules by kind, and what begins otherwise.

The names of parameters decide nothing: a layer more, or another name, changes how no other one begins.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from codegen.torch_api import facts

#: Modules whose parameters torch numbers by layer and direction.
_RECURRENT = ("nn.LSTM", "nn.GRU", "nn.RNN")

#: A parameter by its attributes.
_PATH = re.compile(r"^self\.(?!get_parameter)([\w.]+)$")

Rules = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Start:
    """How one parameter begins.

    Attributes:
        key: Of the state dict.
        kind: What holds it: "nn.Linear", a class of the file; "" for a bare parameter.
        local: Its name in that: "weight", or "projection.weight" in a class with modules of its own.
        owner: The class whose attribute that is.
        attribute: The attribute; "" for what is in a sequence.
        rank: Number of its axes.
        statement: What fills `{p}`; None if that is unknown.
        needed: Whether torch begins otherwise.
    """

    key: str
    kind: str
    local: str
    owner: str
    attribute: str
    rank: int
    statement: str | None
    needed: bool

    @property
    def place(self) -> tuple[str, str]:
        """The class and the path in it by which code may name the parameter; ("", "") if there is none."""
        typed = facts(self.kind).typed and self.local == "weight"
        if self.attribute and (typed or (self.kind == "nn.Linear" and self.local == "bias")):
            return self.owner, f"{self.attribute}.{self.local}"
        return (self.owner, self.attribute) if not self.kind else ("", "")


def write_starts(starts: Sequence[Start], root: str) -> list[str]:
    """Statements of a method that initialise a model; none if torch begins as Keras does.

    Args:
        starts: All parameters.
        root: The model's class.
    """
    if not any(start.statement and start.needed for start in starts):
        return []
    ways = [_by_rank(starts), _by_kind(starts)]
    texts = [[*lines, *_others(left, starts, root)] for lines, left in ways]
    return min(texts, key=_cost)


def _cost(lines: Sequence[str]) -> int:
    """About how many lines there are when long ones are wrapped; a name is worth a line."""
    return sum(1 + len(line) // 80 + line.count("self.get_parameter(") for line in lines)


def _by_rank(starts: Sequence[Start]) -> tuple[list[str], list[Start]]:
    """Matrices one way and vectors another, where torch begins so nowhere; and those that begin otherwise."""
    chosen: dict[bool, str] = {}
    for is_matrix in (True, False):
        alike = [start for start in starts if (start.rank > 1) is is_matrix]
        first = _commonest(start for start in alike if "\n" not in (start.statement or ""))
        if first and all(start.statement and (start.needed or start.statement == first) for start in alike):
            chosen[is_matrix] = first
    left = [s for s in starts if s.needed and s.statement != chosen.get(s.rank > 1)]
    first, second = chosen.get(True), chosen.get(False)
    loop = "for parameter in self.parameters():"
    if first == second or not chosen:
        return ([loop, *_indented(_filled(first, "parameter"))] if first else []), left
    if first and second:
        choice = f"init = {_function(first)} if parameter.dim() > 1 else {_function(second)}"
        if _function(first) and _function(second):
            return [loop, f"    {choice}", "    init(parameter)"], left
        no = ["else:", *_indented(_filled(second, "parameter"))]
        yes = ["if parameter.dim() > 1:", *_indented(_filled(first, "parameter"))]
        return [loop, *_indented([*yes, *no])], left
    test = "if parameter.dim() > 1:" if first else "if parameter.dim() < 2:"
    return [loop, *_indented([test, *_indented(_filled(first or second, "parameter"))])], left


def _by_kind(starts: Sequence[Start]) -> tuple[list[str], list[Start]]:
    """Each kind of module as most of that kind begin, and the parameters that begin otherwise."""
    rules: Rules = {}
    for place in dict.fromkeys((start.kind, _part(start)) for start in starts):
        alike = [start for start in starts if (start.kind, _part(start)) == place]
        first = _commonest(alike)
        is_torch = place[0].startswith("nn.") and "." not in place[1]
        if first and is_torch and all(s.statement and (s.needed or s.statement == first) for s in alike):
            rules[place] = first
    left = [s for s in starts if s.needed and s.statement != rules.get((s.kind, _part(s)))]
    optional = {
        (start.kind, "bias") for start in starts if facts(start.kind).typed and start.kind != "nn.Linear"
    }
    keys = {start.key for start in starts}
    for start in starts:
        if start.local == "weight" and f"{start.key[: -len('weight')]}bias" not in keys:
            optional.add((start.kind, "bias"))
    if any(start.kind and not start.kind.startswith("nn.") for start in starts):
        optional.add(("nn.Linear", "bias"))  # a helper may hold one without
    return _kinds(rules, optional), left


def _part(start: Start) -> str:
    """The name in the module; torch's recurrent modules have some for each layer and direction."""
    return start.local.rpartition("_l")[0] if start.kind in _RECURRENT else start.local


def _commonest(starts: Iterable[Start]) -> str | None:
    """What most begin with, where torch does otherwise; None if that is nothing."""
    counts = Counter(start.statement for start in starts if start.statement and start.needed)
    single = [(count, statement) for statement, count in counts.items()]
    return max(single, key=lambda pair: pair[0])[1] if single else None


def _kinds(rules: Rules, optional: set[tuple[str, str]]) -> list[str]:
    """A loop over the modules; kinds that begin alike share a branch."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for kind in dict.fromkeys(kind for kind, _ in rules):
        mine = [(local, statement) for (other, local), statement in rules.items() if other == kind]
        alike.setdefault(tuple(sorted(mine, reverse=True)), []).append(kind)
    bodies = {}
    for group, kinds in alike.items():
        guarded = any((kind, "bias") in optional for kind in kinds)
        is_recurrent = kinds[0] in _RECURRENT
        bodies[tuple(kinds)] = _recurrent(group, whole=True) if is_recurrent else _body(kinds, group, guarded)
    return _loop(bodies)


def _body(kinds: Sequence[str], rules: Sequence[tuple[str, str]], guarded: bool) -> list[str]:
    lines: list[str] = []
    for local, statement in rules:
        is_typed = all(facts(kind).typed for kind in kinds) and local in ("weight", "bias")
        name = f"module.{local}" if is_typed else f'module.get_parameter("{local}")'
        if local == "bias" and is_typed and guarded:
            lines += ["if module.bias is not None:", *_indented(_filled(statement, name))]
        else:
            lines += _filled(statement, name)
    return lines


def _recurrent(rules: Sequence[tuple[str, str]], *, whole: bool = False) -> list[str]:
    """By what torch calls the parameters of its recurrent modules; `whole` if these are all."""
    lines = ["for name, parameter in module.named_parameters():"]
    by_statement: dict[str, list[str]] = {}
    for part, statement in rules:
        by_statement.setdefault(statement, []).append(part)
    for index, (statement, parts) in enumerate(by_statement.items()):
        words = parts[0] if len(parts) == 1 else tuple(parts)
        word = "elif" if index else "if"
        test = f"{word} name.startswith({words!r}):"
        is_last = whole and index == len(by_statement) - 1 and index > 0
        lines += _indented(["else:" if is_last else test, *_indented(_filled(statement, "parameter"))])
    return lines


def _loop(bodies: Mapping[tuple[str, ...], Sequence[str]]) -> list[str]:
    """A loop over all modules, with a branch for some kinds each; one for all that are filled alike."""
    alike: dict[tuple[str, ...], tuple[str, ...]] = {}
    for kinds, body in bodies.items():
        alike[tuple(body)] = (*alike.get(tuple(body), ()), *kinds)
    lines: list[str] = []
    for body, kinds in alike.items():
        test = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
        lines += [f"{'elif' if lines else 'if'} isinstance(module, {test}):", *_indented(body)]
    return ["for module in self.modules():", *_indented(lines)] if lines else []


def _others(left: Sequence[Start], starts: Sequence[Start], root: str) -> list[str]:
    """What begins otherwise: by its class where all instances agree, else by its name."""
    of_classes = _recurrent_kinds(left, starts)
    named: list[tuple[str, str]] = []
    done: set[tuple[str, str]] = set()
    for start in left:
        if (start.kind,) in of_classes and start.kind in _RECURRENT:
            continue
        place = start.place if start.place[0] not in ("", root) else _own_place(start)
        if start.place[0] == root:
            named.append((start.statement or "", f"self.{start.place[1]}"))
        elif place[0] and _agree(place, starts):
            if place not in done:
                of_classes.setdefault((place[0],), []).extend(_filled(start.statement, _path(place[1])))
            done.add(place)
        else:
            named.append((start.statement or "", f'self.get_parameter("{start.key}")'))
    return [*_loop(of_classes), *_named(named)]


def _recurrent_kinds(left: Sequence[Start], starts: Sequence[Start]) -> dict[tuple[str, ...], list[str]]:
    """Branches for those of torch's recurrent modules that all begin alike."""
    bodies: dict[tuple[str, ...], list[str]] = {}
    for kind in dict.fromkeys(start.kind for start in left if start.kind in _RECURRENT):
        every = {(_part(start), start.statement) for start in starts if start.kind == kind}
        if len({part for part, _ in every}) == len(every):
            rules = dict.fromkeys((_part(s), s.statement or "") for s in left if s.kind == kind)
            bodies[(kind,)] = _recurrent([*rules])
    return bodies


def _path(name: str) -> str:
    """A parameter of a module by its name; a bias may be None, for all that mypy knows."""
    return f'module.get_parameter("{name}")' if name.endswith(".bias") else f"module.{name}"


def _own_place(start: Start) -> tuple[str, str]:
    """The helper's class and the name in it."""
    is_own = start.kind and not start.kind.startswith("nn.")
    return (start.kind, start.local) if is_own else ("", "")


def _agree(place: tuple[str, str], starts: Iterable[Start]) -> bool:
    """Whether all instances of a class have a parameter, and it begins alike in all of them."""
    instances, having, statements = set[str](), set[str](), set[str | None]()
    for start in starts:
        for found in {start.place, _own_place(start)}:
            if found[0] == place[0]:
                prefix = start.key.removesuffix(found[1])
                instances.add(prefix)
                if found == place:
                    having.add(prefix)
                    statements.add(start.statement)
    return len(statements) == 1 and instances == having


def _named(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Single parameters; three and more that begin alike share a loop."""
    ordered = sorted(pairs, key=lambda pair: [statement for statement, _ in pairs].index(pair[0]))
    for statement, group in groupby(ordered, key=lambda pair: pair[0]):
        names = [name for _, name in group]
        if len(names) < 3:
            yield from (line for name in names for line in _filled(statement, name))
            continue
        named_in_full = any("get_parameter" in name for name in names)
        if named_in_full:  # mypy knows no more of the others than that they are tensors
            names = [_PATH.sub(r'self.get_parameter("\1")', name) for name in names]
        variable = "parameter" if named_in_full else "weight"
        yield f"for {variable} in ({', '.join(names)}):"
        yield from _indented(_filled(statement, variable))


def _filled(statement: str | None, name: str) -> list[str]:
    """The lines that fill a parameter."""
    lines = (statement or "").split("\n")
    if len(lines) > 1 and name.endswith('.bias")'):
        return [f"bias = {name}", *(line.format(p="bias") for line in lines)]
    return [line.format(p=name) for line in lines]


def _function(statement: str) -> str:
    """The function that is to be called with the parameter alone; "" if there is more to do."""
    call = re.fullmatch(r"([\w.]+)\(\{p\}\)", statement)
    return call[1] if call else ""


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]
