"""Constructor parameters of a block: what differs between its uses, less what follows from the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from codegen.graph import Derived, Module, Op, Parameter, Symbol, Value
from codegen.graph.dtypes import INTEGERS
from codegen.graph.naming import Namespace, identifier
from codegen.passes.blocks.derive import (
    UNKNOWN,
    Condition,
    Group,
    condition,
    derive_paddings,
    derive_sizes,
    is_symbolic,
)
from codegen.passes.blocks.names import words
from codegen.passes.blocks.patterns import Flag, Hole, Pattern

#: Roles that count features; numbers of these roles that are always equal are one parameter.
CHANNELS = frozenset(
    {"in_channels", "out_channels", "channels", "in_features", "out_features", "features", "groups"}
)

#: What parameters are called whose role in torch has a short name.
_NAMES = {"p": "drop_rate", "rate": "drop_rate", "pads": "pads", "sizes": "size"}

#: Words of layer names that say nothing of what a number is for.
_EMPTY = frozenset({"conv", "conv2d", "conv1d", "bn", "norm", "dense", "linear", "layer", "block", "fc"})


@dataclass(frozen=True, eq=False)
class Signature:
    """How a block is constructed.

    Attributes:
        params: Of its class.
        replacements: What stands for each hole and flag inside the class.
        arguments: Of each use, by parameter.
        flags: Of each use, by what stands for the flag.
        positional: The parameters that are passed by position.
    """

    params: list[Parameter]
    replacements: dict[Hole | Flag, Any] = field(default_factory=dict)
    arguments: list[dict[Parameter, Any]] = field(default_factory=list)
    flags: list[dict[Parameter | Derived, bool]] = field(default_factory=list)
    positional: list[Parameter] = field(default_factory=list)


def solve(pattern: Pattern, local: Mapping[Module, str]) -> Signature:
    """Find the parameters of a block.

    Args:
        pattern: The block.
        local: Names of its modules inside the class.
    """
    groups = _groups(pattern)
    free = [group for group in groups if group.is_free]
    conditions = _derive(pattern, groups, free, local)
    parameters = {group: _parameter(group) for group in free if not group.derived}
    texts = _flag_texts(conditions, _switches(pattern))
    replacements: dict[Hole | Flag, Any] = {
        hole: parameters.get(group) or _text(group) for group in groups for hole in group.holes
    }
    replacements.update(texts.items())
    arguments: list[dict[Parameter, Any]] = [
        {parameter: _argument(parameter, group.numbers[index]) for group, parameter in parameters.items()}
        for index in range(len(pattern.uses))
    ]
    flags = [{text: bool(use.flags.get(flag)) for flag, text in texts.items()} for use in pattern.uses]
    for given, of_use in zip(arguments, flags, strict=True):
        given.update((text, value) for text, value in of_use.items() if isinstance(text, Parameter))
    params = sorted(arguments[0], key=_rank)
    sizes = {parameter for group, parameter in parameters.items() if group.is_size}
    positional = [parameter for parameter in params if parameter in sizes and not parameter.has_default]
    return Signature(params, replacements, arguments, flags, positional)


def _derive(
    pattern: Pattern, groups: list[Group], free: list[Group], local: Mapping[Module, str]
) -> dict[Flag, str]:
    """Name the numbers that differ, find out which follow from others, and return the flags' conditions.

    In this order: sizes, as all else may follow from them, the other numbers, conditions, paddings.
    """
    paddings = [group for group in free if group.holes[0].role in ("padding", "pads")]
    _name_sizes(pattern, [group for group in free if group.is_size], local)
    _name([group for group in free if not group.is_size and group not in paddings], local)
    derive_sizes(groups)
    conditions = _conditions(pattern, groups)
    derive_paddings(groups, {code or flag.name: values for flag, (code, values) in conditions.items()})
    _name([group for group in paddings if not group.derived], local)
    return {flag: code for flag, (code, _) in conditions.items()}


def _text(group: Group) -> Any:
    """What stands for a number that is no parameter."""
    return Derived(group.derived, group.name or group.holes[0].role) if group.derived else group.literal


def _argument(parameter: Parameter, number: Any) -> Any:
    return parameter.default if number is UNKNOWN else number


def _flag_texts(
    conditions: Mapping[Flag, str], switches: Mapping[Flag, list[bool | None]]
) -> dict[Flag, Parameter | Derived]:
    """What stands for each flag: its condition, or a parameter; flags that are always equal share it."""
    texts: dict[Flag, Parameter | Derived] = {}
    for flag, code in conditions.items():
        same = next(other for other, values in switches.items() if values == switches[flag])
        new = (
            Derived(code, flag.name)
            if code
            else Parameter(flag.name, "bool", default=False, has_default=True)
        )
        texts[flag] = texts.get(same, new)
    return texts


def _rank(parameter: Parameter) -> tuple[bool, int]:
    """Sizes in the order of the data, then the rest; what has a default comes last, as Python wants it."""
    name = parameter.name
    kinds = ("in_", "channels", "features")
    if name.startswith(("in_", "channels", "features")):
        place = 0
    elif name.startswith("out_"):
        place = 2
    else:
        place = 1 if name.rstrip("_0123456789").endswith(kinds) else 3
    return parameter.has_default, place


def _choices(pattern: Pattern) -> dict[Flag, tuple[Value, Value]]:
    """The flags, each with the values between which its optional part lies."""
    selects = [node for node in pattern.nodes if node.op is Op.SELECT]
    return {node.operands["flag"]: (node.operands["b"], node.operands["a"]) for node in selects}


def _conditions(pattern: Pattern, groups: list[Group]) -> dict[Flag, Condition]:
    """The condition that each flag follows from; "" if it needs a parameter, which is false if unneeded."""
    switches = _switches(pattern)
    found = {
        flag: condition(switches[flag], groups, _channels(pattern, before), _channels(pattern, after))
        for flag, (before, after) in _choices(pattern).items()
    }
    for flag, (code, _) in found.items():
        if not code:
            same = (found[other] for other, values in switches.items() if values == switches[flag])
            found[flag] = next((known for known in same if known[0]), ("", list(map(bool, switches[flag]))))
    return found


def _switches(pattern: Pattern) -> dict[Flag, list[bool | None]]:
    """The flags with their values in each use."""
    return {flag: [use.flags.get(flag) for use in pattern.uses] for flag in _choices(pattern)}


def second_input(pattern: Pattern) -> str:
    """What the second argument of a block is called."""
    attends = any(node.involves(Op.ATTENTION) for node in pattern.nodes)
    kind = pattern.inputs[1].dtype if pattern.inputs[1:] else ""
    if kind == "bool" or (attends and kind in INTEGERS):
        return "mask"
    return "context" if attends else "skip"


def _channels(pattern: Pattern, value: Value) -> list[Any]:
    """The channels of a value in each use."""
    return [channels(use.values[value]) if value in use.values else UNKNOWN for use in pattern.uses]


# -------------------------------------------------------------------- groups


def _groups(pattern: Pattern) -> list[Group]:
    groups: list[Group] = []
    for hole in sorted(pattern.holes, key=lambda hole: hole.role == "sizes"):  # they may count channels
        numbers = [use.numbers.get(hole, UNKNOWN) for use in pattern.uses]
        is_size = hole.role in CHANNELS
        is_constant = len({repr(number) for number in numbers if number is not UNKNOWN}) == 1
        for group in groups:
            same_kind = (group.is_size and is_size) or group.holes[0].role == hole.role
            if hole.role == "sizes" and group.is_size and group.numbers == numbers and not is_constant:
                same_kind = True  # a reshape to as many channels as there are
            one_is_constant = is_constant or group.literal is not UNKNOWN
            if one_is_constant and hole.role in ("padding", "pads") and group.numbers != numbers:
                same_kind = False  # what an optional part has, whatever varies elsewhere
            if same_kind and group.agrees(numbers):
                group.holes.append(hole)
                pairs = zip(group.numbers, numbers, strict=True)
                group.numbers = [b if a is UNKNOWN else a for a, b in pairs]
                break
        else:
            groups.append(Group([hole], numbers, is_size))
    return groups


def channels(value: Value) -> Any:
    """The number of channels, or features, of a value."""
    return value.shape[-1] if value.is_native or value.rank < 3 else value.shape[value.perm[1]]


def _name_sizes(pattern: Pattern, sizes: list[Group], local: Mapping[Module, str]) -> None:
    """Give every number of channels or features that differs a name after what it is."""
    roles = {hole.role for group in sizes for hole in group.holes}
    kind = "features" if roles <= {"in_features", "out_features", "features"} else "channels"
    before = _role(pattern, sizes, {"in_channels", "in_features"}, first=True)
    after = _role(pattern, sizes, {"out_channels", "out_features"}, first=False)
    if before is not None:
        before.name = kind if before is after else f"in_{kind}"
        before.fill(_channels(pattern, pattern.inputs[0]))
    if after is not None:
        after.name = after.name or f"out_{kind}"
        after.fill(_channels(pattern, pattern.output))
    if len(pattern.inputs) > 1:
        numbers = _channels(pattern, pattern.inputs[1])
        second = next((group for group in sizes if not group.name and group.numbers == numbers), None)
        if second is not None:
            second.name = f"{second_input(pattern)}_{kind}"
    rest = [group for group in sizes if not group.name]
    free = Namespace({group.name for group in sizes if group.name})
    for group in rest:
        owner = _owner(group, local) if len(rest) > 1 else ""
        group.name = free.claim(identifier(f"{owner or 'mid'}_{kind}", "size"))


def _name(groups: list[Group], local: Mapping[Module, str]) -> None:
    """Give the other numbers that differ names after their role."""
    free = Namespace()
    for group in groups:
        role = _NAMES.get(group.holes[0].role, group.holes[0].role)
        is_alone = sum(other.holes[0].role == group.holes[0].role for other in groups) == 1
        owner = "" if is_alone else _owner(group, local)
        group.name = free.claim(identifier(f"{owner}_{role}" if owner else role, "size"))


def _role(pattern: Pattern, groups: list[Group], roles: set[str], *, first: bool) -> Group | None:
    """The group of the block's input or output channels."""
    numbers = _channels(pattern, pattern.inputs[0] if first else pattern.output)
    for group in groups:
        if all(a in (b, UNKNOWN) for a, b in zip(group.numbers, numbers, strict=True)):
            return group
    ordered = [group for group in groups if any(hole.role in roles for hole in group.holes)]
    symbolic = [group for group in ordered if any(map(is_symbolic, group.known))]
    return (symbolic[0] if first else symbolic[-1]) if symbolic else None


def _owner(group: Group, local: Mapping[Module, str]) -> str:
    """What the layers that a number belongs to are called, without empty words."""
    hole = next((hole for hole in group.holes if hole.role.startswith("out_")), group.holes[0])
    if hole.module is None:
        return ""
    name = local.get(hole.module, hole.module.name)
    return next((word.lower() for word in words(name) if word.lower() not in _EMPTY), "")


# -------------------------------------------------------------------- parameters


def _parameter(group: Group) -> Parameter:
    kind = _type(group.known)
    return Parameter(group.name, kind, group.default, group.default is not None)


def _type(numbers: Iterable[Any]) -> str:
    kinds: dict[str, None] = {}
    for number in numbers:
        if isinstance(number, Parameter):
            kinds.update(dict.fromkeys(number.type.split(" | ")))
        elif isinstance(number, Symbol) and not isinstance(number, Derived):
            kinds["Callable[[Tensor], Tensor]"] = None
        elif isinstance(number, bool):
            kinds["bool"] = None
        elif isinstance(number, tuple):
            kinds[f"tuple[{', '.join('int' for _ in number)}]"] = None
        else:
            kinds["float" if isinstance(number, float) else "int"] = None
    if "float" in kinds:
        kinds.pop("int", None)
    return " | ".join(sorted(kinds))
