"""DenseFeatures: columns of a table, given by name, side by side; and the columns of tf.feature_column.

Formulas: `transform_feature`, `get_dense_tensor` and `get_sparse_tensors` of each column's class in
tensorflow/python/feature_column/feature_column_v2.py. What is a sparse tensor there is a full one here, in
which a negative number stands where nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, TypeAlias

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.layers.categorical import encode, look_up, masked
from codegen.lowering.builder import Builder
from codegen.lowering.parts.tensors import concatenate, in_one_piece
from codegen.lowering.ranges import Count, NonNegative, Size
from codegen.lowering.registry import lowers
from codegen.model.packages import FEATURE_COLUMN
from codegen.model.spec import LayerSpec

#: A column as saved, `{"class_name", "config"}`, and the tensors of a table by name.
Column: TypeAlias = Mapping[str, Any]
Features: TypeAlias = Mapping[str, Value]

_DENSE = frozenset({"BucketizedColumn", "EmbeddingColumn", "IndicatorColumn", "NumericColumn"})
_CATEGORICAL = frozenset({"BucketizedColumn", "IdentityCategoricalColumn", "VocabularyListCategoricalColumn"})
_INTEGERS = frozenset({"int8", "int16", "int32", "int64"})
_SUFFIXES = {
    "BucketizedColumn": "_bucketized",
    "EmbeddingColumn": "_embedding",
    "IndicatorColumn": "_indicator",
}


@dataclass(frozen=True)
class Categories:
    """Which of `count` categories each sample has: (N, k), negative where one `may_miss`."""

    ids: Value
    count: int
    may_miss: bool = True


@lowers("DenseFeatures", masks="drop", note="without normalizer functions, strings and hashes")
def dense_features(b: Builder, features: Features, *, feature_columns: Sequence[Column]) -> Value:
    """What the columns make of their features, side by side in the order of the columns' names.

    Columns are float32 whatever the layer is; TensorFlow 1 gave it the dtype of its first feature.
    """
    if b.dtype in ("float16", "bfloat16"):
        b.unsupported("dtype", b.spec.dtype, "supported: float32")
    columns = sorted(((_name(b, column), column) for column in feature_columns), key=lambda pair: pair[0])
    names = [name for name, _ in columns]
    if not names or len(set(names)) < len(names):
        b.malformed(f"its columns are called {', '.join(names)}: one name each, and one at least is needed")
    found = [_lower(b, column, features, _DENSE, name, part=name) for name, column in columns]
    for child in b.tree.children:  # TensorFlow tracks their variables as the layer's own
        for variable in tuple(child.variables):
            b.take(Weight.of(variable))
    parts = [_counted(b, part) if isinstance(part, Categories) else part for part in found]
    return parts[0] if len(parts) == 1 else concatenate(b, parts, axis=-1)


# -------------------------------------------------------------------- columns of numbers


@lowers("NumericColumn", package=FEATURE_COLUMN, masks="drop", training_only=("default_value", "dtype"))
def numeric_column(
    b: Builder, features: Features, *, key: str, shape: tuple[Size, ...] = (1,), normalizer_fn: Any = None
) -> Value:
    """The numbers themselves, (N, *shape) -> (N, product)."""
    if normalizer_fn is not None:
        supported = "supported: None; save the model without it, and give the model what it computes"
        b.unsupported("normalizer_fn", normalizer_fn, supported)
    x = b.cast(_feature(b, features, key), "float32")
    width = prod(shape)
    if None not in x.shape[1:] and prod(size or 0 for size in x.shape[1:]) != width:
        b.malformed(f"its column {key!r} should be of shape {shape}, but is given {x.shape}")
    return x if x.shape[1:] == (width,) else b.reshape(x, (x.shape[0], width))


@lowers("EmbeddingColumn", package=FEATURE_COLUMN, masks="drop", training_only=(
    "ckpt_to_load_from", "tensor_name_in_ckpt", "use_safe_embedding_lookup",
))  # fmt: skip
def embedding_column(
    b: Builder,
    features: Features,
    *,
    categorical_column: Column,
    dimension: Size,
    combiner: Literal["mean", "sqrtn", "sum"] = "mean",
    max_norm: NonNegative | None = None,
    trainable: bool = True,
    initializer: Any = None,
) -> Value:
    """A learned vector for each category, those of a sample combined; zeros where it has none."""
    categories = _categories(b, categorical_column, features)
    ids, several = categories.ids, categories.ids.shape[1] != 1
    if not several:
        ids = b.op("x.squeeze(-1)", shape=ids.shape[:1], x=ids)
    shape = (categories.count, dimension)
    name = f"{b.owner[-1]}/embedding_weights"
    weight = b.weight(name, shape, trainable=trainable, initializer=initializer)
    table = b.define(
        "nn.Embedding",
        kwargs={"num_embeddings": categories.count, "embedding_dim": dimension},
        state={"weight": weight},
        frozen=() if trainable else ("weight",),
    )
    indices = b.op("x.clamp(min=0)", shape=ids.shape, x=ids) if categories.may_miss else ids
    rows = b.op("module(x)", shape=(*ids.shape, dimension), dtype="float32", module=table, x=indices)
    if max_norm is not None:
        template = "x * (norm / x.norm(dim=-1, keepdim=True).clamp(min=norm))"
        rows = b.op(template, shape=rows.shape, x=rows, norm=max_norm)
    count: Value | int | None = ids.shape[1] if several else None
    if categories.may_miss:
        there = b.op("x >= 0", shape=ids.shape, dtype="bool", x=ids)
        rows = b.op("x * there.unsqueeze(-1)", shape=rows.shape, x=rows, there=there)
        if several and combiner != "sum":
            template = "x.sum(dim=1, keepdim=True).clamp(min=1)"
            count = b.op(template, shape=(ids.shape[0], 1), dtype="int64", x=there)
    if not several:
        return rows
    total = b.op("x.sum(dim=1)", shape=(rows.shape[0], dimension), x=rows)
    if combiner == "sum":
        return total
    return b.op("x / n" if combiner == "mean" else "x / n**0.5", shape=total.shape, x=total, n=count)


@lowers("IndicatorColumn", package=FEATURE_COLUMN, masks="drop")
def indicator_column(b: Builder, features: Features, *, categorical_column: Column) -> Value:
    """How often a sample has each category."""
    return _counted(b, _categories(b, categorical_column, features))


# -------------------------------------------------------------------- columns of categories


@lowers("BucketizedColumn", package=FEATURE_COLUMN, masks="drop")
def bucketized_column(
    b: Builder, features: Features, *, source_column: Column, boundaries: tuple[float, ...]
) -> Categories:
    """How many boundaries each number has reached; those of several numbers are different categories."""
    if not boundaries or list(boundaries) != sorted(boundaries):
        b.malformed("the boundaries of its buckets are no numbers in ascending order")
    x = _lower(b, source_column, features, frozenset({"NumericColumn"}), "source_column")
    bins = b.buffer("bins", Weight.constant(boundaries), dtype="float32")
    template = f"torch.bucketize({in_one_piece(x)}, bins, right=True)"
    ids = b.op(template, shape=x.shape, dtype="int64", x=x, bins=bins)
    size, width = len(boundaries) + 1, x.shape[-1]
    if width > 1:
        template = "x + torch.arange(0, n, size, device=x.device)"
        ids = b.op(template, shape=x.shape, x=ids, n=width * size, size=size)
    return Categories(ids, width * size, may_miss=False)


@lowers("IdentityCategoricalColumn", package=FEATURE_COLUMN, masks="drop")
def identity_column(
    b: Builder, features: Features, *, key: str, number_buckets: Size, default_value: int | None = None
) -> Categories:
    """Integers that are categories; -1 is none, others out of range are `default_value`."""
    x = _integers(b, features, key)
    if default_value is not None:
        template = "torch.where((x < -1) | (x >= n), default, x)"
        x = b.op(template, shape=x.shape, x=x, n=number_buckets, default=default_value)
    return Categories(x, number_buckets)


@lowers("VocabularyListCategoricalColumn", package=FEATURE_COLUMN, masks="drop")
def vocabulary_column(
    b: Builder,
    features: Features,
    *,
    key: str,
    vocabulary_list: tuple[Any, ...],
    dtype: str = "int64",
    default_value: int = -1,
    num_oov_buckets: Count = 0,
) -> Categories:
    """The places of integers in a list; -1 is none, others that it does not hold are `default_value`."""
    if dtype == "string":
        b.unsupported("dtype", dtype, "supported: integers, as torch has no tensors of strings")
    if num_oov_buckets:
        b.unsupported("num_oov_buckets", num_oov_buckets, "supported: 0")
    if not vocabulary_list:
        b.malformed(f"the vocabulary of its column {key!r} is empty")
    x = _integers(b, features, key)
    found = look_up(b, x, vocabulary_list, tuple(range(len(vocabulary_list))), default_value)
    if default_value != -1 or -1 in vocabulary_list:
        found = masked(b, found, x, -1, -1)
    return Categories(found, len(vocabulary_list))


# -------------------------------------------------------------------- parts


def _name(b: Builder, column: Any) -> str:
    """The name that TensorFlow gives a column: its feature's, and what is made of it."""
    suffix = ""
    while True:
        class_name, config = _parts(b, column)
        suffix = _SUFFIXES.get(class_name, "") + suffix
        column = config.get("source_column", config.get("categorical_column"))
        if column is None:
            return f"{config.get('key', class_name)}{suffix}"


def _parts(b: Builder, column: Any) -> tuple[str, Mapping[str, Any]]:
    """A column's class and options."""
    saved = column if isinstance(column, Mapping) else {}
    class_name, config = saved.get("class_name"), saved.get("config")
    if not isinstance(class_name, str) or not isinstance(config, Mapping):
        b.malformed("one of its columns is saved without a class or a config")
    return class_name, config


def _lower(
    b: Builder, column: Column, features: Features, kinds: frozenset[str], attribute: str, part: str = ""
) -> Any:
    """What a column of one of these kinds makes of its features: a tensor (N, n), or `Categories`."""
    class_name, config = _parts(b, column)
    if class_name in (_DENSE | _CATEGORICAL) - kinds:
        b.malformed(f"it has a {class_name} where only one of {', '.join(sorted(kinds))} can be")
    spec = LayerSpec(b.spec.name, class_name, config, package=FEATURE_COLUMN)
    return b.call(spec, features, attribute=attribute, part=part)


def _categories(b: Builder, column: Column, features: Features) -> Categories:
    found = _lower(b, column, features, _CATEGORICAL, "categorical_column")
    assert isinstance(found, Categories)
    return found


def _counted(b: Builder, categories: Categories) -> Value:
    """How often a sample has each category, (N, count)."""
    mode: Literal["one_hot", "count"] = "one_hot" if categories.ids.shape[1] == 1 else "count"
    return encode(b, categories.ids, mode, categories.count, "float32")


def _feature(b: Builder, features: Features, key: str) -> Value:
    """A feature of the table, (N, ...); one number for each sample is (N, 1)."""
    if key not in features:
        b.malformed(f"its column {key!r} is none of those that it is called with: {', '.join(features)}")
    x = b.keras_layout(features[key])
    if not x.rank:
        b.malformed(f"its column {key!r} is a single number")
    return x if x.rank > 1 else b.op("x.unsqueeze(-1)", shape=(*x.shape, 1), x=x)


def _integers(b: Builder, features: Features, key: str) -> Value:
    """A feature of integers, (N, k) int64."""
    x = _feature(b, features, key)
    if x.dtype not in _INTEGERS or x.rank != 2:
        b.malformed(f"its column {key!r} should be (N, k) integers, but is given {x.shape} {x.dtype}")
    return b.cast(x, "int64")
