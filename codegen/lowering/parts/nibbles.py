"""Two 4-bit numbers in each byte of a stored array."""

from __future__ import annotations

from codegen.graph.recipe import Weight


def nibble_shape(shape: tuple[int, int], axis: int) -> tuple[int, int]:
    """The shape with two 4-bit numbers in a byte along `axis`."""
    rows, columns = shape
    return ((rows + 1) // 2, columns) if axis == 0 else (rows, (columns + 1) // 2)


def nibbles(packed: Weight, axis: int, length: int) -> Weight:
    """4-bit numbers from bytes: first the lower half, then the upper one."""
    low, high = (byte.apply("bitwise_and", Weight.constant(15)) for byte in (packed, _upper(packed)))
    sizes = packed.shape
    between = (*sizes[: axis + 1], 1, *sizes[axis + 1 :])
    both = Weight.cat([low.reshape(*between), high.reshape(*between)], axis=axis + 1)
    return both.reshape(*sizes[:axis], 2 * sizes[axis], *sizes[axis + 1 :]).slice(axis, 0, length)


def _upper(packed: Weight) -> Weight:
    return packed.apply("right_shift", Weight.constant(4))


def signed(numbers: Weight) -> Weight:
    """4-bit numbers of which the uppermost bit is the sign."""
    return numbers.apply("bitwise_xor", Weight.constant(8)).apply("subtract", Weight.constant(8))
