"""What follows from other parameters of a block needs none of its own: multiples, paddings, conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from codegen.graph import Derived, Parameter, Symbol
from codegen.passes.blocks.patterns import Hole

#: Stands for a number of a part that a use lacks.
UNKNOWN = object()

#: Names of parameters that every reader expects, so that they are never computed from others.
_FIRST = ("in_channels", "channels", "in_features", "features")


#: A condition as it is written, and its value in each use; None where that is not known.
Condition = tuple[str, Sequence[bool | None]]

#: Parameters with a natural default.
_DEFAULTS = {"stride": 1, "dilation": 1, "padding": 0}

#: From this factor on it is the smaller number that follows from the larger one: in squeeze-and-excitation.
_SQUEEZE = 8


@dataclass(eq=False)
class Group:
    """Holes that hold the same number in every use.

    Attributes:
        holes: Where the number stands.
        numbers: Of each use.
        is_size: Whether it counts channels or features.
        name: Of its parameter, if the uses differ.
        derived: How it is computed from other parameters; "" if it is not.
    """

    holes: list[Hole]
    numbers: list[Any]
    is_size: bool
    name: str = ""
    derived: str = ""

    @property
    def known(self) -> list[Any]:
        """The numbers of those uses that have one."""
        return [number for number in self.numbers if number is not UNKNOWN]

    @property
    def literal(self) -> Any:
        """The one number of all uses; `UNKNOWN` if they differ or depend on an outer class's parameter."""
        first = self.known[0]
        is_constant = all(number == first for number in self.known) and not is_symbolic(first)
        return first if is_constant else UNKNOWN

    @property
    def is_free(self) -> bool:
        """Whether the uses differ."""
        return self.literal is UNKNOWN

    @property
    def default(self) -> Any:
        """What its parameter is where it is not given; None if every use gives it."""
        natural = _DEFAULTS.get(self.holes[0].role)
        if natural in self.known:
            return natural
        if all(isinstance(number, bool) for number in self.known):
            return False
        return _nothing(self.known[0]) if UNKNOWN in self.numbers else None

    @property
    def given(self) -> list[Any]:
        """What it is inside the class in each use; `UNKNOWN` for what is computed of what a use lacks."""
        absent = self.literal if not self.is_free else UNKNOWN if self.derived else self.default
        return [absent if number is UNKNOWN else number for number in self.numbers]

    @property
    def tells_presence(self) -> bool:
        """Whether it is a number, and zero in those uses alone that lack what it is for."""
        return self.default == 0 and all(_is_number(number) and number != 0 for number in self.known)

    @property
    def code(self) -> str:
        """How the number is written inside the class."""
        if self.derived or self.name:
            return self.derived or self.name
        return repr(self.literal)

    def agrees(self, numbers: list[Any]) -> bool:
        """Whether it could hold these numbers as well."""
        pairs = list(zip(self.numbers, numbers, strict=True))
        both = [(a, b) for a, b in pairs if a is not UNKNOWN and b is not UNKNOWN]
        return bool(both) and all(a == b for a, b in both)

    def fill(self, numbers: list[Any]) -> None:
        """Take these numbers for the uses that have none."""
        self.numbers = [b if a is UNKNOWN else a for a, b in zip(self.numbers, numbers, strict=True)]


def _nothing(number: Any) -> Any:
    """What stands for a number that a use has no need of."""
    if isinstance(number, tuple):
        return tuple(_nothing(part) for part in number)
    if isinstance(number, Symbol) and not isinstance(number, Derived):
        return number
    return 0.0 if isinstance(number, float) else 0


def _is_number(number: Any) -> bool:
    return isinstance(number, (int, float)) or is_symbolic(number)


def is_symbolic(number: Any) -> bool:
    """Whether a number is a parameter of an outer class, or computed from one."""
    if isinstance(number, tuple):
        return any(is_symbolic(part) for part in number)
    return isinstance(number, (Parameter, Derived))


def derive_sizes(groups: list[Group]) -> None:
    """Find out which sizes are multiples of others, and which are what others leave of one."""
    sizes = [group for group in groups if group.is_size and group.name]
    sizes.sort(key=lambda group: group.name not in _FIRST)
    for group in sizes:
        if group.name not in _FIRST:
            group.derived, numbers = next(_multiples(group, sizes), ("", group.numbers))
            group.fill(numbers)
    for group in groups:
        if group.is_free and group.holes[0].role == "sizes":
            group.derived = next(_rests(group, sizes), "")


def derive_paddings(groups: list[Group], switches: Mapping[str, Sequence[bool | None]]) -> None:
    """Find out which paddings follow from kernels and from what is switched on.

    Args:
        groups: The block's numbers.
        switches: Conditions of the block, each with its value in each use.
    """
    for group in groups:
        if group.is_free and group.holes[0].role in ("padding", "pads"):
            group.derived = next(_paddings(group, groups, switches), "")


def _multiples(group: Group, sizes: list[Group]) -> Iterator[tuple[str, list[Any]]]:
    """`4 * mid_channels`, `in_channels // 4`, and what that is in each use."""
    for base in sizes:
        is_base = any(group.name in other.derived.split() for other in sizes)
        if base is group or base.derived or is_base:
            continue
        factor, part = _factor(group.numbers, base.numbers), _factor(base.numbers, group.numbers)
        if factor and not (factor >= _SQUEEZE and group.name.startswith("out_")):
            yield f"{factor} * {base.name}", [n if n is UNKNOWN else factor * n for n in base.numbers]
        elif part in ((2, 4, 8, 16) if base.name in _FIRST else (8, 16)):
            yield f"{base.name} // {part}", [n if n is UNKNOWN else n // part for n in base.numbers]


def _rests(group: Group, sizes: list[Group]) -> Iterator[str]:
    """`channels - channels // 4`."""
    for whole, part in permutations(sizes, 2):
        pairs = zip(whole.numbers, part.numbers, strict=True)
        rests = [a - b if isinstance(a, int) and isinstance(b, int) else UNKNOWN for a, b in pairs]
        if _holds(group, rests):
            yield f"{whole.code} - {part.code}"


def _factor(numbers: list[Any], base: list[Any]) -> int:
    """The whole number k >= 2 with `numbers = k * base` in all uses; 0 if there is none."""
    pairs = [(a, b) for a, b in zip(numbers, base, strict=True) if a is not UNKNOWN and b is not UNKNOWN]
    if any(not isinstance(a, int) or not isinstance(b, int) or b == 0 for a, b in pairs):
        return 0
    if len({b for _, b in pairs}) < 2:
        return 0
    first, base_first = pairs[0]
    factor = first // base_first
    return factor if 2 <= factor <= 16 and all(a == factor * b for a, b in pairs) else 0


def _paddings(
    group: Group, groups: list[Group], switches: Mapping[str, Sequence[bool | None]]
) -> Iterator[str]:
    """`kernel_size // 2`, `dilation`, `0 if stride > 1 else 1`, and what pads for a stride of 2."""
    stride = _stride(groups)
    if stride is not None:
        switches = {**switches, f"{stride.name} > 1": _steps(stride)}
    dilation = next((g for g in groups if g.name and g.holes[0].role == "dilation"), None)
    for kernel in groups:
        if kernel.holes[0].role != "kernel_size":
            continue
        half = f"{kernel.name} // 2" if kernel.name else repr(_half(kernel.literal))
        if kernel.name and _holds(group, [_half(k) for k in kernel.numbers]):
            yield half
        size = kernel.literal
        if dilation is not None and isinstance(size, int):
            causal = [(d * (size - 1), 0) if isinstance(d, int) else UNKNOWN for d in dilation.numbers]
            factor = f"{size - 1} * " if size > 2 else ""
            yield from [f"({factor}{dilation.name}, 0)"] * _holds(group, causal)
            same = [d * (size // 2) if isinstance(d, int) else UNKNOWN for d in dilation.numbers]
            factor = f"{size // 2} * " if size > 3 else ""
            yield from [f"{factor}{dilation.name}"] * (size % 2 == 1 and _holds(group, same))
        if kernel.name and _holds(group, [_pads(k) for k in kernel.numbers]):
            yield f"2 * ({half} - 1, {half})"
        for code, values in sorted(switches.items(), key=lambda item: "stride" not in item[0]):
            wanted = [0 if value else _half(k) for value, k in zip(values, kernel.numbers, strict=True)]
            if None not in values and _holds(group, wanted):
                yield f"0 if {code} else {half}"


def _half(number: Any) -> Any:
    return number // 2 if isinstance(number, int) else UNKNOWN


def _pads(number: Any) -> Any:
    return (number // 2 - 1, number // 2) * 2 if isinstance(number, int) else UNKNOWN


def _holds(group: Group, numbers: list[Any]) -> bool:
    return all(a in (b, UNKNOWN) for a, b in zip(group.numbers, numbers, strict=True))


# -------------------------------------------------------------------- conditions


def condition(
    flag: Sequence[bool | None], groups: list[Group], before: list[Any], after: list[Any]
) -> Condition:
    """The condition on other parameters that a flag is in all uses; "" if there is no natural one.

    Args:
        flag: Whether each use has an optional part; None where it does not matter.
        groups: The block's numbers.
        before: Channels of the part's input in each use.
        after: Channels of its result in each use.
    """
    candidates = _conditions(groups, before, after)
    return next((found for found in candidates if _agree(flag, found[1])), ("", flag))


def _agree(flag: Sequence[bool | None], values: Sequence[bool | None]) -> bool:
    return all(a is None or a == b for a, b in zip(flag, values, strict=True))


def _conditions(groups: list[Group], before: list[Any], after: list[Any]) -> Iterator[Condition]:
    """What readers expect a part to depend on, most natural first: whether it changes the size."""
    stride = _stride(groups)
    yield from _differences(_sized(groups, before), _sized(groups, after), stride)
    if stride is not None:
        yield f"{stride.name} > 1", _steps(stride)
    first = next((group for group in groups if group.name in _FIRST), None)
    for group in groups:
        if group.name.startswith("out_"):
            yield from _differences(first, group, stride)
    for group in groups:
        if group.name and not group.derived and UNKNOWN in group.numbers and group.tells_presence:
            yield f"{group.name} > 0", [number is not UNKNOWN for number in group.numbers]


def _differences(a: Group | None, b: Group | None, stride: Group | None) -> Iterator[Condition]:
    """Whether two sizes differ, and whether they do or something takes steps, each both ways."""
    if a is None or b is None or a is b:
        return
    differ = [_differs(x, y) for x, y in zip(a.given, b.given, strict=True)]
    a, b = (b, a) if a.code.isdigit() else (a, b)  # what is known is compared with
    yield f"{a.code} != {b.code}", differ
    yield f"{a.code} == {b.code}", _inverted(differ)
    if stride is not None:
        steps = zip(_steps(stride), differ, strict=True)
        either = [True if x or y else None if x is None or y is None else False for x, y in steps]
        yield f"{stride.name} > 1 or {a.code} != {b.code}", either
        yield f"{stride.name} == 1 and {a.code} == {b.code}", _inverted(either)


def _differs(a: Any, b: Any) -> bool | None:
    """Whether two numbers differ; None if an outer class's parameters decide."""
    if UNKNOWN in (a, b) or (a != b and (is_symbolic(a) or is_symbolic(b))):
        return None
    return bool(a != b)


def _inverted(values: Sequence[bool | None]) -> list[bool | None]:
    return [None if value is None else not value for value in values]


def _stride(groups: list[Group]) -> Group | None:
    """The stride that differs between the uses, if it is a number in all of them."""
    found = next((g for g in groups if g.name and g.holes[0].role == "stride"), None)
    return None if found is None or any(isinstance(number, tuple) for number in found.known) else found


def _steps(stride: Group) -> list[bool | None]:
    """Whether each use takes steps of more than one; None if an outer class's parameter decides."""
    return [None if is_symbolic(number) else bool(number > 1) for number in stride.given]


def _sized(groups: list[Group], numbers: list[Any]) -> Group | None:
    """The group that counts these channels."""
    for group in groups:
        if group.is_size and group.agrees(numbers) and UNKNOWN not in group.numbers:
            return group
    return None
