"""Which numbers an option can be: the types by which layer functions say it, and the binder checks it.

`rate: Rate`, `units: Size`, `epsilon: NonNegative`; also inside others, `tuple[Size, ...]` and `Rate | None`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from codegen.model.spec import Shape

#: The largest number of float32.
_MAX_FLOAT32 = (2 - 2**-23) * 2.0**127

#: In float32 these are four terabytes.
_MAX_ELEMENTS = 2**40


class OutOfRange(ValueError):
    """A number is of the right type, but none that the option can be; its text says which it can."""


@dataclass(frozen=True)
class Range:
    """The finite numbers from `low` to `high`, both included, or from `low` on."""

    low: float
    high: float | None = None

    def __contains__(self, number: float) -> bool:
        return math.isfinite(number) and self.low <= number and (self.high is None or number <= self.high)

    def __str__(self) -> str:
        return f"at least {self.low}" if self.high is None else f"from {self.low} to {self.high}"


def int64(number: int) -> int:
    """`number`, if it is one of torch's integers.

    Raises:
        OutOfRange: It is none.
    """
    if not -(2**63) <= number < 2**63:
        raise OutOfRange("whole numbers of 64 bits")
    return number


def float32(number: float) -> float:
    """`number`, if it is infinite, no number, or one that float32 comes near to.

    Raises:
        OutOfRange: It is finite, and beyond all that float32 has.
    """
    if math.isfinite(number) and abs(number) > _MAX_FLOAT32:
        raise OutOfRange("those of float32, or infinity")
    return number


def check_elements(shape: Shape) -> None:
    """See that a tensor of this shape can be, whatever its open sizes are.

    Raises:
        OutOfRange: It has more elements than any memory holds, or a size is negative.
    """
    if any(size is not None and size < 0 for size in shape):
        raise OutOfRange("sizes that are not negative")
    if math.prod(size for size in shape if size) > _MAX_ELEMENTS:
        raise OutOfRange(f"tensors of at most 2**{_MAX_ELEMENTS.bit_length() - 1} elements")


#: The share of what is dropped.
Rate: TypeAlias = Annotated[float, Range(0, 1)]
#: What is added to a divisor, a standard deviation, ...
NonNegative: TypeAlias = Annotated[float, Range(0)]
#: A number of units, filters, pixels, ...
Size: TypeAlias = Annotated[int, Range(1)]
#: The same where there may be none.
Count: TypeAlias = Annotated[int, Range(0)]
