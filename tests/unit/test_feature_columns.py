"""Columns of DenseFeatures that cannot be converted, or that TensorFlow never wrote: each in one line."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.parse import parse
from codegen.errors import ConversionError
from codegen.lowering.lower import lower
from tests.support.configs import entry, functional, input_entry, saved


def column(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


AGE = column("NumericColumn", key="age", dtype="float32")
BUCKETS = column("BucketizedColumn", source_column=AGE, boundaries=[1, 2])


IDENTITY = column("IdentityCategoricalColumn", key="age", number_buckets=2)
WORDS = column("VocabularyListCategoricalColumn", key="age", vocabulary_list=["a"], dtype="string")
HASHED = column("HashedCategoricalColumn", key="age")
NORMALISED = column("NumericColumn", key="age", shape=[3], normalizer_fn="<lambda>")


def table(*columns: Any, dtype: str = "float32") -> Any:
    node = [{"age": ["age", 0, 0, {}]}]
    config = {"feature_columns": list(columns), "dtype": dtype, "trainable": True}
    layers = [input_entry("age", 3), entry("DenseFeatures", "table", node, **config)]
    return saved(functional(layers, [["age", 0, 0]], [["table", 0, 0]]), "2.4.0")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ([], "one at least is needed"),
        ([AGE, AGE], "called age, age: one name each"),
        ([{"class_name": "NumericColumn"}], "saved without a class or a config"),
        ([column("NumericColumn", key="size")], "'size' is none of those that it is called with: age"),
        ([column("NumericColumn", key="age", shape=[2])], r"of shape \(2,\), but is given \(None, 3\)"),
        ([NORMALISED], "normalizer_fn=.*give the model what"),
        ([IDENTITY], "where only one of BucketizedColumn"),
        ([column("IndicatorColumn", categorical_column=AGE)], "has a NumericColumn where only one of"),
        ([column("BucketizedColumn", source_column=BUCKETS, boundaries=[1])], "has a BucketizedColumn where"),
        ([column("BucketizedColumn", source_column=AGE, boundaries=[2, 1])], "in ascending order"),
        ([column("IndicatorColumn", categorical_column=IDENTITY)], "integers, but is given .* float32"),
        ([column("IndicatorColumn", categorical_column=HASHED)], "HashedCategoricalColumn hashes strings"),
        ([column("EmbeddingColumn", dimension=2, categorical_column=WORDS)], "supported: integers"),
    ],
)
def test_what_a_column_cannot_be_is_said_in_one_line(columns: list[Any], says: str) -> None:
    with pytest.raises(ConversionError, match=f"layer 'table'.*{says}") as error:
        lower(parse(table(*columns)))
    assert "\n" not in str(error.value)


def test_half_precision_is_refused() -> None:
    with pytest.raises(ConversionError, match="supported: float32"):
        lower(parse(table(BUCKETS, dtype="mixed_float16")))


def test_a_sequential_over_a_table_has_an_input_for_each_feature() -> None:
    """With the dtypes that its columns say; integers where one of them has categories."""
    counted = column("EmbeddingColumn", categorical_column=IDENTITY, dimension=2)
    columns = [AGE, counted, column("NumericColumn", key="size", dtype="float64")]
    first = entry("DenseFeatures", "x", feature_columns=columns, trainable=True)
    config = {"name": "net", "layers": [first], "build_input_shape": {"size": [None], "age": [None, 1]}}
    model = parse(saved({"class_name": "Sequential", "config": config}, "2.10.0"))
    assert (model.inputs, model.input_names) == (("x_age", "x_size"), ("age", "size"))
    inputs = [model.layer(name) for name in model.inputs]
    assert [layer.config["batch_shape"] for layer in inputs] == [[None, 1], [None]]
    assert [layer.dtype for layer in inputs] == ["int64", "float64"]
    assert list(model.layer("x").calls[0].args[0]) == ["age", "size"]
