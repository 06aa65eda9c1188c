"""Constructor parameters of a block: what differs between its uses, less what follows from the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from codegen.graph import Derived, Parameter, Value
from codegen.naming import identifier
from codegen.passes.outline_names import words
from codegen.passes.outline_pattern import Flag, Hole, Pattern

#: Roles that count features; numbers of these roles that are always equal are one parameter.
CHANNELS = frozenset({"in_channels", "out_channels", "channels", "in_features", "out_features", "features", "groups"})

#: Parameters with a natural default.
_DEFAULTS = {"stride": 1, "dilation": 1}

_DOCS = {
    "in_channels": "Channels of the input.",
    "out_channels": "Channels of the output.",
    "channels": "Channels of input and output.",
    "mid_channels": "Channels inside the block.",
    "in_features": "Features of the input.",
    "out_features": "Features of the output.",
    "kernel_size": "Kernel of the convolution.",
    "stride": "Stride of the block.",
    "rate": "Probability of dropping.",
}

_UNKNOWN = object()


@dataclass(eq=False)
class _Group:
    """Holes that hold the same number in every use."""

    holes: list[Hole]
    numbers: list[Any]
    is_size: bool
    name: str = ""
    derived: tuple[str, _Group] | None = None

    @property
    def known(self) -> list[Any]:
        return [number for number in self.numbers if number is not _UNKNOWN]

    @property
    def literal(self) -> Any:
        """The one number of all uses; `_UNKNOWN` if they differ or depend on an outer class's parameter."""
        first = self.known[0]
        is_constant = all(number == first for number in self.known) and not _is_symbolic(first)
        return first if is_constant else _UNKNOWN

    def agrees(self, numbers: list[Any]) -> bool:
        pairs = list(zip(self.numbers, numbers, strict=True))
        both = [(a, b) for a, b in pairs if a is not _UNKNOWN and b is not _UNKNOWN]
        return bool(both) and all(a == b for a, b in both)


@dataclass(frozen=True, eq=False)
class Signature:
    """How a block is constructed.

    Attributes:
        params: Of its class.
        replacements: What stands for each hole and flag inside the class.
        arguments: Of each use, by parameter.
        flags: Of each use, by what stands for the flag.
    """

    params: list[Parameter]
    replacements: dict[Hole | Flag, Any] = field(default_factory=dict)
    arguments: list[dict[Parameter, Any]] = field(default_factory=list)
    flags: list[dict[Parameter | Derived, bool]] = field(default_factory=list)


def solve(pattern: Pattern) -> Signature:
    """Find the parameters of a block."""
    groups = _groups(pattern)
    free = [group for group in groups if group.literal is _UNKNOWN]
    _name(pattern, free)
    _derive([group for group in free if group.is_size])
    bases = [group for group in free if group.derived is None]
    parameters = {group: _parameter(group) for group in bases}
    replacements: dict[Hole | Flag, Any] = {}
    for group in groups:
        text: Any = group.literal
        if group in parameters:
            text = parameters[group]
        elif group.derived:
            template, base = group.derived
            text = Derived(template.format(parameters[base].name))
        replacements.update((hole, text) for hole in group.holes)
    arguments: list[dict[Parameter, Any]] = [{} for _ in pattern.uses]
    for group, parameter in parameters.items():
        for index, number in enumerate(group.numbers):
            arguments[index][parameter] = 0 if number is _UNKNOWN else number
    flags: list[dict[Parameter | Derived, bool]] = [{} for _ in pattern.uses]
    for flag in dict.fromkeys(flag for use in pattern.uses for flag in use.flags):
        values = [use.flags.get(flag) for use in pattern.uses]
        text = _consequence(flag, values, list(parameters.values()), arguments)
        replacements[flag] = text or Parameter(flag.name, "bool", flag.doc, False, True)
        for index, value in enumerate(values):
            flags[index][replacements[flag]] = bool(value)
            if text is None:
                arguments[index][replacements[flag]] = bool(value)
    params = sorted(arguments[0], key=lambda p: (p.has_default, not p.name.startswith("in_"), p.type == "float"))
    return Signature(params, replacements, arguments, flags)


def _consequence(
    flag: Flag, values: list[bool | None], params: list[Parameter], arguments: list[dict[Parameter, Any]]
) -> Derived | None:
    """The condition on other parameters that a flag is in all uses, if it is a natural one."""

    def holds(condition: Callable[[dict[Parameter, Any]], bool]) -> bool:
        return all(v is None or condition(a) == v for v, a in zip(values, arguments, strict=True))

    by_name = {parameter.name: parameter for parameter in params}
    if "stride" in by_name and holds(lambda a: a[by_name["stride"]] not in (1, (1, 1))):
        return Derived("stride > 1", flag.name)
    for kind in ("channels", "features"):
        before, after = by_name.get(f"in_{kind}"), by_name.get(f"out_{kind}")
        if before and after and flag.name == "residual" and holds(lambda a: a[before] == a[after]):
            return Derived(f"in_{kind} == out_{kind}", flag.name)
        if before and after and flag.name == "project" and holds(lambda a: a[before] != a[after]):
            return Derived(f"in_{kind} != out_{kind}", flag.name)
    return None


def count_parameters(pattern: Pattern) -> int:
    """How many parameters a block would have."""
    return len(solve(pattern).params)


# -------------------------------------------------------------------- groups


def _groups(pattern: Pattern) -> list[_Group]:
    groups: list[_Group] = []
    for hole in pattern.holes:
        numbers = [use.numbers.get(hole, _UNKNOWN) for use in pattern.uses]
        is_size = hole.role in CHANNELS
        for group in groups:
            same_kind = (group.is_size and is_size) or group.holes[0].role == hole.role
            if same_kind and group.agrees(numbers):
                group.holes.append(hole)
                group.numbers = [b if a is _UNKNOWN else a for a, b in zip(group.numbers, numbers, strict=True)]
                break
        else:
            groups.append(_Group([hole], numbers, is_size))
    return groups


def _is_symbolic(number: Any) -> bool:
    if isinstance(number, tuple):
        return any(_is_symbolic(part) for part in number)
    return isinstance(number, (Parameter, Derived))


def channels(value: Value) -> Any:
    """The number of channels, or features, of a value."""
    return value.shape[-1] if value.is_native or value.rank < 3 else value.shape[value.perm[1]]


def _name(pattern: Pattern, groups: list[_Group]) -> None:
    """Give every group that differs a name after what it is."""
    taken: set[str] = set()
    sizes = [group for group in groups if group.is_size]
    features = all(hole.role in ("in_features", "out_features", "features") for g in sizes for hole in g.holes)
    kind = "features" if features else "channels"
    before = _role(pattern, sizes, {"in_channels", "in_features"}, first=True)
    after = _role(pattern, sizes, {"out_channels", "out_features"}, first=False)
    if before is not None:
        before.name = kind if before is after else f"in_{kind}"
    if after is not None:
        after.name = after.name or f"out_{kind}"
    taken.update(group.name for group in groups if group.name)
    rest = [group for group in sizes if not group.name]
    for group in groups:
        if group.name:
            continue
        if group.is_size:
            wanted = f"mid_{kind}" if len(rest) == 1 else f"{_owner(pattern, group)}_{kind}"
        else:
            alone = sum(other.holes[0].role == group.holes[0].role for other in groups) == 1
            role = group.holes[0].role
            wanted = role if alone else f"{_owner(pattern, group)}_{role}"
        group.name = _claim(identifier(wanted, "size"), taken)


def _claim(wanted: str, taken: set[str]) -> str:
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    taken.add(name)
    return name


def _role(pattern: Pattern, groups: list[_Group], roles: set[str], *, first: bool) -> _Group | None:
    """The group of the block's input or output channels."""
    values = [use.values[pattern.inputs[0] if first else pattern.output] for use in pattern.uses]
    numbers = [channels(value) for value in values]
    matching = [group for group in groups if all(a in (b, _UNKNOWN) for a, b in zip(group.numbers, numbers, strict=True))]
    if matching:
        return matching[0]
    ordered = [group for group in groups if any(hole.role in roles for hole in group.holes)]
    symbolic = [group for group in ordered if any(map(_is_symbolic, group.known))]
    return (symbolic[0] if first else symbolic[-1]) if symbolic else None


def _owner(pattern: Pattern, group: _Group) -> str:
    """The name of the module that a number belongs to."""
    hole = next((hole for hole in group.holes if hole.role.startswith("out_")), group.holes[0])
    return "_".join(words(hole.module.name)) if hole.module is not None else hole.role


# -------------------------------------------------------------------- derivation


def _derive(groups: list[_Group]) -> None:
    """Sizes that are the same multiple of another in all uses need no parameter."""
    order = sorted(groups, key=lambda group: (group.name not in ("in_channels", "channels", "in_features", "features")))
    for group in order:
        for base in order:
            if base is group or base.derived is not None or any(g.derived and g.derived[1] is group for g in order):
                continue
            if (factor := _factor(group.numbers, base.numbers)) is not None:
                group.derived = (f"{factor} * {{}}", base)
                break
            is_input = order.index(base) == 0 and base.name in ("in_channels", "channels", "in_features", "features")
            if is_input and (factor := _factor(base.numbers, group.numbers)) is not None:
                group.derived = (f"{{}} // {factor}", base)
                break


def _factor(numbers: list[Any], base: list[Any]) -> int | None:
    """The whole number k >= 2 with `numbers = k * base` in all uses."""
    pairs = [(a, b) for a, b in zip(numbers, base, strict=True) if a is not _UNKNOWN]
    if any(not isinstance(a, int) or not isinstance(b, int) or b == 0 for a, b in pairs):
        return None
    factors = {a / b for a, b in pairs}
    if len(factors) != 1 or len({b for _, b in pairs}) < 2:
        return None
    factor = factors.pop()
    return int(factor) if factor == int(factor) and 2 <= factor <= 16 else None


def _parameter(group: _Group) -> Parameter:
    role = group.holes[0].role
    doc = _DOCS.get(group.name) or f"{group.name.replace('_', ' ').capitalize()}."
    default = _DEFAULTS.get(role)
    if any(number is _UNKNOWN for number in group.numbers):
        default = 0
    common = Counter(map(repr, group.numbers)).most_common(1)[0][0]
    has_default = default is not None and (common == repr(default) or default == 0)
    return Parameter(group.name, _type(group.known), doc, default if has_default else None, has_default)


def _type(numbers: Iterable[Any]) -> str:
    kinds: dict[str, None] = {}
    for number in numbers:
        if isinstance(number, Parameter):
            kinds.update(dict.fromkeys(number.type.split(" | ")))
        elif isinstance(number, tuple):
            kinds[f"tuple[{', '.join('int' for _ in number)}]"] = None
        else:
            kinds["float" if isinstance(number, float) else "int"] = None
    if "float" in kinds:
        kinds.pop("int", None)
    return " | ".join(sorted(kinds))
