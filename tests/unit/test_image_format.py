"""What a `data_format` of null stands for, by what the file's layers and backend say."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.dialects.image_format import saved_format


def layer(data_format: str | None, module: str = "keras.layers") -> dict[str, Any]:
    return {"module": module, "class_name": "Any", "config": {"data_format": data_format}}


FIRST, LAST, OPEN = layer("channels_first"), layer("channels_last"), layer(None, "keras.src.ops.image")


@pytest.mark.parametrize(
    ("objects", "backend", "expected"),
    [
        ([FIRST, OPEN], "", "channels_first"),
        ([LAST, OPEN], "torch", "channels_last"),
        ([FIRST, LAST, OPEN], "", None),
        ([OPEN], "", "channels_last"),
        ([OPEN], "jax", "channels_last"),
        ([OPEN], "torch", None),
        ([layer("channels_first", "keras.src.ops.image"), OPEN], "", "channels_last"),
    ],
)
def test_null_is_what_the_layers_say(
    objects: list[dict[str, Any]], backend: str, expected: str | None
) -> None:
    assert saved_format(objects, backend) == expected
