"""The InputLayers of a Sequential that takes a table: tensors by name, which its first layer reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codegen.config import checks
from codegen.model.spec import LayerSpec

Config = Mapping[str, Any]


def implied_table(first: Config, model: Config, name: str, *, nested: bool) -> dict[str, LayerSpec] | None:
    """The InputLayers by name, sorted, as Keras feeds them; None if the Sequential takes no table.

    Within another model they have the shapes and dtypes of the tensors with which the Sequential is called.
    A table's dtypes are those that the columns say, as `make_parse_example_spec` of TensorFlow has them.

    Args:
        first: The first layer, as saved.
        model: The Sequential, as saved.
        name: Of the first layer.
        nested: Whether the Sequential is part of another model.

    Raises:
        MalformedConfig: A shape is none.
    """
    config = model.get("config")
    shapes = config.get("build_input_shape") if isinstance(config, Mapping) else None
    if not isinstance(shapes, Mapping) or not shapes:
        return None
    if not all(isinstance(shape, list) for shape in shapes.values()):
        return None
    dtypes = dict(sorted(_dtypes(first), key=lambda pair: pair[1].startswith("int")))
    return {
        key: (
            LayerSpec(f"{name}_{key}", "InputLayer")
            if nested
            else LayerSpec(
                f"{name}_{key}",
                "InputLayer",
                {"batch_shape": checks.shape(shapes[key], f"layer {name!r}: the shape of {key!r}")},
                dtype=dtypes.get(key, "float32"),
            )
        )
        for key in sorted(shapes)
    }


def _dtypes(layer: Config) -> Iterator[tuple[str, str]]:
    """The features that the columns of DenseFeatures read, and their dtypes: integers have categories."""
    config = layer.get("config")
    columns = config.get("feature_columns") if isinstance(config, Mapping) else None
    for column in columns if isinstance(columns, list) else ():
        while isinstance(column, Mapping) and isinstance(column.get("config"), Mapping):
            options = column["config"]
            key, dtype = options.get("key"), options.get("dtype", "int64")
            if isinstance(key, str) and isinstance(dtype, str):
                yield key, dtype
            column = options.get("source_column", options.get("categorical_column"))
