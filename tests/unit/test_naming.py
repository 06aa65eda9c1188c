"""Names from a file become legal Python that shadows nothing."""

from __future__ import annotations

import keyword

import pytest
from torch import nn

from codegen.graph.naming import MAX_LENGTH, MODULE_ATTRIBUTES, attributes, class_name, identifier

HOSTILE = [
    "",
    "0",
    "3d conv",
    "a/b:0",
    "train",
    "for",
    "match",
    "naïve ✓",
    '"""',
    "a\nb",
    "x" * 10_000,
    "__init__",
    "self",
]


def test_reserved_names_are_those_of_this_torch() -> None:
    public = {name for name in dir(nn.Module()) if not name.startswith("_")}
    assert public <= MODULE_ATTRIBUTES


@pytest.mark.parametrize("name", HOSTILE)
def test_identifiers_are_legal(name: str) -> None:
    made = identifier(name)
    assert made.isidentifier() and made.isascii() and not keyword.iskeyword(made)
    assert len(made) <= MAX_LENGTH + len("layer_") and not made.startswith("_")
    camel = class_name(name)
    assert camel.isidentifier() and not keyword.iskeyword(camel)


def test_attributes_shadow_no_method_and_no_other() -> None:
    space = attributes()
    claimed = [space.claim(identifier(name)) for name in ["train", "forward", "conv", "conv", "conv_2"]]
    assert len(set(claimed)) == 5
    assert not {"train", "forward"} & set(claimed)
    assert claimed[2] == "conv"
