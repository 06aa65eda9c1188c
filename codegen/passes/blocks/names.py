"""What Keras' layer names say about blocks: common parts, places in a series, words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cache

#: Names that Keras gives by itself, for layers that have no name of their own.
_AUTOMATIC = frozenset("""
    activation add average average_pooling1d average_pooling2d average_pooling3d batch_normalization
    concatenate conv1d conv2d conv3d conv1d_transpose conv2d_transpose cropping2d dense
    depthwise_conv2d dropout elu embedding flatten gaussian_noise
    global_average_pooling1d global_average_pooling2d global_max_pooling2d
    group_normalization lambda layer_normalization leaky_re_lu max_pooling1d max_pooling2d max_pooling3d
    maximum multi_head_attention multiply p_re_lu permute re_lu reshape separable_conv2d softmax
    spatial_dropout1d spatial_dropout2d subtract unit_normalization up_sampling1d up_sampling2d zero_padding1d
    zero_padding2d
    """.split())  # noqa: SIM905 - a list of 50 strings would be 50 lines

#: Endings of names that tell how many dimensions a layer works on: `conv2d`, `max_pooling1d`.
_DIMENSIONS = re.compile(
    r"(conv|pool|pooling|padding|sampling|cropping|dropout|lstm|transpose)_?[123]d$", re.IGNORECASE
)

#: What parts of automatic names are called inside a block.
_WORDS = {
    "conv2d": "conv", "conv1d": "conv", "conv3d": "conv", "depthwise_conv2d": "depthwise",
    "conv2d_transpose": "upsample", "batch_normalization": "bn", "dense": "linear",
    "layer_normalization": "norm", "multi_head_attention": "attention", "p_re_lu": "prelu",
    "forward": "forward_rnn", "backward": "backward_rnn",
    "spatial_dropout1d": "dropout", "spatial_dropout2d": "dropout",
}  # fmt: skip


@cache
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
    if is_automatic(name):
        return found
    for count in range(1, len(name) + (len(name) > 1)):
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


@cache
def has_index(part: str) -> bool:
    """Whether a part of a name counts something: `block2a`, `3`, but not `conv2d`."""
    return any(ch.isdigit() for ch in part) and _DIMENSIONS.search(part) is None


def _form(part: str) -> str:
    return re.sub(r"\d+[a-z]?$", "#", part) if has_index(part) else part


@cache
def affinity(first: str, second: str) -> int:
    """How many leading parts two names share, up to the last that counts something."""
    shared = 0
    for position, (a, b) in enumerate(zip(tokens(first), tokens(second), strict=False)):
        if a != b:
            break
        if has_index(a):
            shared = position + 1
    return shared


def shared_front(names: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The longest beginning that ends with a count and that most of the names share; () if there is none."""
    counts = Counter(
        name[:length] for name in names for length in range(1, len(name)) if has_index(name[length - 1])
    )
    counts.update(name for name in names if has_index(name[-1]) and any(len(n) > len(name) for n in names))
    fitting = [front for front, count in counts.items() if count >= 0.6 * len(names) and count > 1]
    return max(fitting, key=len, default=())


def shared_back(names: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The longest ending of counts that most of the names share: `3` of `normal_concat_3`."""
    counts = Counter(name[-length:] for name in names for length in (1, 2) if len(name) > length + 1)
    fitting = [
        back
        for back, count in counts.items()
        if count >= 0.6 * len(names) and count > 1 and has_index(back[-1]) and has_index(back[0])
    ]
    return max(fitting, key=len, default=())


def local_names(names: Sequence[str]) -> list[str]:
    """Names of attributes inside a block: without what all or most share, numbers behind the words."""
    split = [tokens(name) for name in names]
    named = [name for name in split if not is_automatic(name)]
    front = shared_front(split)
    back = shared_back(split) if not front else ()
    shared = _shared(named)
    result = []
    for name in split:
        rest = name
        if front and name[: len(front)] == front:
            rest = name[len(front) :] or name[-1:]
        elif back and name[-len(back) :] == back:
            rest = name[: -len(back)]
        elif len(name) > 1 and name[-1].isdigit() and (is_automatic(name) or not front):
            rest = name[:-1]  # the counter of an automatic name
        if name in named:
            short = tuple(part for part in rest if part not in shared)
            rest = short if any(not part.isdigit() for part in short) else rest
        numbers = []
        while len(rest) > 1 and rest[0].isdigit():
            numbers.append(rest[0])
            rest = rest[1:]
        result.append(_short("_".join((*rest, *numbers))))
    return result


def _shared(names: Sequence[tuple[str, ...]]) -> frozenset[str]:
    """The words and counts that all of at least three names have."""
    if len(set(names)) < 3:
        return frozenset()
    return frozenset.intersection(*map(frozenset, names)) - {"conv", "bn", "norm", "dense"}


def _short(name: str) -> str:
    """The short form of an automatic name: `multi_head_attention_3_query` -> attention_query."""
    for word, short in _WORDS.items():
        if match := re.fullmatch(rf"{word}(_\d+)?((?:_[a-z]+)*)", name):
            return f"{short}{match[2]}" if match[2] or not match[1] else f"{short}{match[1]}"
    return name


def is_automatic(name: tuple[str, ...]) -> bool:
    """Whether Keras made up the name, or there is none: it says what the layer is, not where it belongs."""
    if not name:
        return True
    words = name[:-1] if name[-1].isdigit() else name
    return "_".join(words) in _AUTOMATIC
