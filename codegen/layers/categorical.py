"""Keras' layers that turn numbers into categories: Discretization, CategoryEncoding, IntegerLookup.

What they store as sparse tensors is stored in full: the numbers are the same.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.recipe import Weight
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.parts.tensors import in_one_piece, one_hot
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers

Encoding = Literal["int", "one_hot", "multi_hot", "count"]
Salt = int | tuple[int, int] | None


@lowers("Discretization", masks="drop", training_only=("sparse", "epsilon"))
def discretization(
    b: Builder,
    x: Value,
    *,
    bin_boundaries: tuple[float, ...] | None = None,
    num_bins: Size | None = None,
    summary: Any = None,
    output_mode: Encoding = "int",
) -> Value:
    """The number of boundaries that each element has reached.

    In tf.keras, what `adapt` found is a variable, `summary`: values and their weights.
    """
    if summary is not None and num_bins:
        b.weight("summary", (2, len(summary[0])), trainable=False, aside=True)
        bin_boundaries = _boundaries(summary, num_bins)
    if not bin_boundaries:
        b.malformed("it has no bin boundaries: it was saved before `adapt`")
    x = b.keras_layout(x)
    searched = in_one_piece(x)
    x = x if x.dtype == "float64" else b.cast(x, "float32")
    bins = b.buffer("bins", Weight.constant(bin_boundaries), dtype="float32")
    template = f"torch.bucketize({searched}, bins, right=True)"
    found = b.op(template, shape=x.shape, dtype="int64", x=x, bins=bins)
    dtype = "int32" if output_mode == "int" and b.dtype in FLOATS else b.dtype
    return encode(b, found, output_mode, len(bin_boundaries) + 1, dtype)


def _boundaries(summary: Any, bins: int) -> tuple[float, ...]:
    """The values that part the weights into equal shares (`get_bin_boundaries` in tf.keras)."""
    values, weights = np.asarray(summary, np.float32)
    share = 1.0 / bins
    if values.size * share >= 1:
        cumulative = weights.cumsum()
        ends = share + np.arange(0.0, 1.0, share)
        values = np.interp(ends, cumulative / cumulative[-1], values).astype(np.float32)
    return tuple(values[:-1].tolist())


@lowers("CategoryEncoding", masks="drop", training_only=("sparse",))
def category_encoding(
    b: Builder,
    x: Value,
    count_weights: Value | None = None,
    *,
    num_tokens: Size,
    output_mode: Literal["one_hot", "multi_hot", "count"] = "multi_hot",
    keeps_axis: Quirk[bool] = False,
) -> Value:
    """Categories as vectors: one each, or one for all of a sample.

    A last axis of size 1 stays in Keras 3.0 to 3.3 (`keeps_axis`).
    """
    if keeps_axis and output_mode == "one_hot":
        return one_hot(b, b.keras_layout(x), num_classes=num_tokens, dtype=b.dtype)
    if count_weights is not None:
        count_weights = b.cast(count_weights, b.dtype)
    return encode(b, x, output_mode, num_tokens, b.dtype, count_weights)


@lowers(
    "IntegerLookup",
    masks="drop",
    training_only=("sparse", "vocabulary_size", "has_input_vocabulary"),
    neutral={"vocabulary_dtype": "int64"},
)
def integer_lookup(
    b: Builder,
    x: Value,
    *,
    vocabulary: Any = None,
    table: Any = None,
    max_tokens: int | None = None,
    num_oov_indices: int = 1,
    mask_token: int | None = None,
    oov_token: int | None = -1,
    idf_weights: tuple[float, ...] | None = None,
    invert: bool = False,
    output_mode: Literal["int", "one_hot", "multi_hot", "count", "tf_idf"] = "int",
    pad_to_max_tokens: bool = False,
    oov_method: Literal["floormod", "farmhash"] = "floormod",
    salt: Salt = None,
    casts: Quirk[bool] = False,
) -> Value:
    """Integers as their places in a vocabulary, or back; Keras 2 `casts` codes to the layer's dtype."""
    if table is not None:
        return _tabulated(b, x, table, num_oov_indices, int(mask_token is not None), oov_token, invert)
    if not isinstance(vocabulary, tuple) or not vocabulary:
        supported = "supported: a vocabulary that is in the file, or a text file beside the model"
        b.unsupported("vocabulary", vocabulary, supported)
    first = 1 if mask_token is not None and output_mode == "int" else 0
    start = first + num_oov_indices
    special = (*[mask_token] * first, *[oov_token] * num_oov_indices)
    words = vocabulary[start:] if vocabulary[:start] == special else vocabulary
    places = tuple(range(start, start + len(words)))
    x = b.cast(b.keras_layout(x), "int64")
    if invert:
        found = look_up(b, x, places, words, -1 if oov_token is None else oov_token)
        return masked(b, found, x, 0, mask_token) if mask_token is not None else found
    found = look_up(b, x, words, places, first if num_oov_indices == 1 else -1)
    if num_oov_indices > 1:
        if oov_method == "farmhash":
            unknown = hashed(b, x, num_oov_indices, salt)
        else:
            unknown = b.elementwise("x % n", x=x, n=num_oov_indices)
        found = _spread(b, found, unknown, first)
    if mask_token is not None:
        found = masked(b, found, x, mask_token, 0 if output_mode == "int" else -1)
    depth = max_tokens if pad_to_max_tokens and max_tokens else start + len(words)
    if output_mode != "tf_idf":
        dtype = b.dtype if casts and output_mode != "int" else "int64"
        return encode(b, found, output_mode, depth, dtype)
    front = start if words is vocabulary else 0
    weights = _idf(b, idf_weights, len(vocabulary), front, depth)
    counts = encode(b, found, "count", depth, "float32")
    return b.elementwise("x * idf", x=counts, idf=b.buffer("idf", weights, dtype="float32"))


# -------------------------------------------------------------------- parts


def encode(
    b: Builder, x: Value, mode: Encoding, depth: int, dtype: str, weights: Value | None = None
) -> Value:
    """Categories as `keras.utils.numerical_utils.encode_categorical_inputs` encodes them."""
    if mode == "int":
        return b.cast(x, dtype)
    if mode == "one_hot":
        x = b.keras_layout(x)
        if x.rank == 1 or x.shape[-1] != 1:
            return one_hot(b, x, num_classes=depth, dtype=dtype)
        x = b.cast(x, "int64") if x.dtype in FLOATS or x.dtype == "bool" else x
        template = "x == torch.arange(n, device=x.device)"
        return b.cast(b.op(template, shape=(*x.shape[:-1], depth), dtype="bool", x=x, n=depth), dtype)
    hot = one_hot(b, x, num_classes=depth, dtype="bool")
    axis = 1 if hot.rank > 2 else 0
    shape = (*hot.shape[:axis], *hot.shape[axis + 1 :])
    if mode == "multi_hot":
        return b.cast(b.op("x.any(dim=d)", shape=shape, x=hot, d=axis), dtype)
    if weights is not None:
        weights = b.keras_layout(weights)
        return b.op(
            "(x * weights.unsqueeze(-1)).sum(dim=d)", shape=shape, dtype=dtype, x=hot, weights=weights, d=axis
        )
    return b.cast(b.op("x.sum(dim=d)", shape=shape, dtype="int64", x=hot, d=axis), dtype)


def hashed(b: Builder, x: Value, bins: int, salt: Salt) -> Value:
    """The bin of each integer by a hash of its digits: SipHash with `salt`, FarmHash without."""
    template, operands = "hash_digits(x, bins)", dict[str, Any](x=x, bins=bins)
    if salt is not None:
        template = "hash_digits(x, bins, key)"
        operands["key"] = [salt, salt] if isinstance(salt, int) else list(salt)
    return b.op(template, shape=x.shape, dtype="int64", **operands)


def look_up(b: Builder, x: Value, keys: tuple[int, ...], values: tuple[int, ...], unknown: int) -> Value:
    """The value of each key that `x` holds."""
    if not all(type(number) is int and -(2**63) <= number < 2**63 for number in (*keys, *values)):
        b.malformed("its vocabulary is not one of whole numbers of 64 bits")
    pairs = sorted(zip(keys, values, strict=True))
    sorted_keys, found = (Weight.constant(np.asarray(part, np.int64)) for part in zip(*pairs, strict=True))
    return b.elementwise(
        "lookup(x, keys, values, unknown)",
        x=x,
        keys=b.buffer("keys", sorted_keys, dtype="int64"),
        values=b.buffer("values", found, dtype="int64"),
        unknown=unknown,
    )


def _tabulated(
    b: Builder, x: Value, table: Any, unknowns: int, first: int, oov_token: int | None, invert: bool
) -> Value:
    """What a table has for each integer; it has the special tokens too."""
    if not isinstance(table, tuple) or [type(part) for part in table] != [tuple, tuple] or not table[0]:
        b.malformed("its table holds nothing: it was saved before `adapt`")
    if len(table[0]) != len(table[1]):
        b.malformed("its table holds another number of values than of keys")
    keys, values = table
    x = b.cast(b.keras_layout(x), "int64")
    if invert:
        return look_up(b, x, keys, values, -1 if oov_token is None else oov_token)
    found = look_up(b, x, keys, values, first if unknowns == 1 else -1)
    return _spread(b, found, b.elementwise("x % n", x=x, n=unknowns), first) if unknowns > 1 else found


def _spread(b: Builder, found: Value, unknown: Value, first: int) -> Value:
    """What was not found goes to its own of several places for the unknown."""
    unknown = b.elementwise("x + first", x=unknown, first=first) if first else unknown
    return b.elementwise("torch.where(found < 0, unknown, found)", found=found, unknown=unknown)


def masked(b: Builder, found: Value, x: Value, token: int, value: int) -> Value:
    """`value` where `x` is `token`, else `found`."""
    return b.elementwise("x.masked_fill(y == token, value)", x=found, y=x, token=token, value=value)


def _idf(b: Builder, weights: tuple[float, ...] | None, count: int, front: int, depth: int) -> Weight:
    """The weights of all indices: the average for `front` special tokens, nothing for those left free."""
    if weights is None or len(weights) != count:
        b.unsupported("idf_weights", weights, f"supported: {count} numbers, as many as the vocabulary has")
    average = float(np.average(weights))
    padded = [*[average] * front, *weights, *[0.0] * (depth - front - count)]
    return Weight.constant(np.asarray(padded, np.float32))
