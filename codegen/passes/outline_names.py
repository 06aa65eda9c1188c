"""What Keras' layer names say about blocks: common parts, places in a series, words."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

_WORDS = {
    "conv2d": "conv", "conv1d": "conv", "conv3d": "conv", "depthwise_conv2d": "depthwise",
    "batch_normalization": "bn", "layer_normalization": "norm", "multi_head_attention": "attention",
}  # fmt: skip


def tokens(name: str) -> tuple[str, ...]:
    """The parts of a layer's name: `conv2_block1_1_conv` -> conv2, block1, 1, conv."""
    return tuple(part for part in re.split(r"[_\-/.\s]+", name) if part)


def words(name: str) -> list[str]:
    """The parts that are no mere numbers, and no endings of automatic names."""
    return [part for part in tokens(name) if not part.isdigit()]


def families(name: tuple[str, ...]) -> list[tuple[Hashable, Hashable]]:
    """Groups that a layer may belong to: (form of the group, which one of that form).

    `conv2_block1_1_conv` is of the form conv#_block# the one conv2_block1; a number may also stand in the
    middle (`conv_dw_1_bn`) or at the end (`normal_concat_3`).
    """
    found: list[tuple[Hashable, Hashable]] = []
    for count in range(1, len(name)):
        if has_index(name[count - 1]):
            form = tuple(_form(part) for part in name[:count])
            found.append((("front", form), name[:count]))
    for position, part in enumerate(name):
        if part.isdigit() and 1 < position < len(name):
            found.append((("same number", name[0], position), part))
    if len(name) > 2 and has_index(name[-1]):
        found.append((("end", _form(name[-1])), name[-1]))
        found.append((("end", _form(name[-2]), _form(name[-1])), name[-2:]))
    return found


def has_index(part: str) -> bool:
    """Whether a part of a name counts something: `block2a`, `3`, but not `conv2d`."""
    return any(ch.isdigit() for ch in part) and re.search(r"\dd?x?\d?[dD]$", part) is None


def _form(part: str) -> str:
    return re.sub(r"\d+[a-z]?$", "#", part) if has_index(part) else part


def affinity(first: str, second: str) -> int:
    """How many leading parts two names share, up to the last that counts something."""
    shared = 0
    for position, (a, b) in enumerate(zip(tokens(first), tokens(second), strict=False)):
        if a != b:
            break
        if has_index(a):
            shared = position + 1
    return shared


def common_prefix(names: Sequence[tuple[str, ...]]) -> int:
    """How many leading parts all names share."""
    return _common(names)


def common_suffix(names: Sequence[tuple[str, ...]]) -> int:
    """How many trailing parts all names share."""
    return _common([name[::-1] for name in names])


def _common(names: Sequence[tuple[str, ...]]) -> int:
    count = 0
    for parts in zip(*names, strict=False):
        if len(set(parts)) > 1:
            break
        count += 1
    return count


def local_names(names: Sequence[str]) -> list[str]:
    """Names of attributes inside a block: without what all share, numbers behind the words."""
    split = [tokens(name) for name in names]
    several = len(set(split)) > 1
    front = common_prefix(split) if several else 0
    back = common_suffix([name[front:] for name in split]) if several else 0
    if back and not any(part.isdigit() for part in split[0][len(split[0]) - back :]):
        back = 0  # shared words at the end are what the layers are, not where
    result = []
    for name in split:
        rest = name[front : len(name) - back] or name[-1:]
        if front == 0 and back == 0 and len(rest) > 1 and rest[-1].isdigit():
            rest = rest[:-1]  # the counter of an automatic name
        numbers = []
        while len(rest) > 1 and rest[0].isdigit():
            numbers.append(rest[0])
            rest = rest[1:]
        text = "_".join((*rest, *numbers))
        result.append(_WORDS.get(text, text))
    return result
