"""Layouts: permutes appear only where layouts meet, and never in pairs."""

from __future__ import annotations

import numpy as np

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.lowering import layout
from codegen.lowering.builder import Builder
from codegen.model.variables import Variable
from codegen.passes.dead_code import remove_dead_code
from tests.support.builder import empty_builder


def _templates(b: Builder, *outputs: Value) -> list[str]:
    b.graph.outputs = list(outputs)
    remove_dead_code(b.graph)
    return [node.template for node in b.graph.nodes]


def test_there_and_back_is_no_permute() -> None:
    b = empty_builder()
    image = Value((None, 5, 7, 3))
    inside = b.elementwise("F.relu(x)", x=b.channels_first(image))
    again = b.elementwise("F.relu(x)", x=b.channels_first(inside))
    assert b.keras_layout(b.channels_first(image)) is image
    assert _templates(b, b.keras_layout(again)) == [
        "x.permute(*dims)",
        "F.relu(x)",
        "F.relu(x)",
        "x.permute(*dims)",
    ]


def test_axes_of_size_one_move_without_a_permute() -> None:
    b = empty_builder()
    squeezed = b.reshape(Value((None, 8)), (None, 1, 1, 8))
    first = b.channels_first(squeezed)
    assert first.stored_shape == (None, 8, 1, 1)
    assert _templates(b, first) == ["x[index]"]


def test_operands_meet_in_the_layout_of_the_larger() -> None:
    b = empty_builder()
    image = b.channels_first(Value((None, 5, 7, 3)))
    scale = Value((None, 1, 1, 3))
    product = b.elementwise("x * y", x=image, y=scale)
    assert product.perm == image.perm
    assert product.shape == (None, 5, 7, 3)
    assert b.graph.nodes[-2].template == "x.permute(*dims)"


def test_a_vector_is_widened_before_it_meets_an_image() -> None:
    b = empty_builder()
    image = b.channels_first(Value((None, 5, 7, 3)))
    total = b.elementwise("x + y", x=image, y=Value((3,)))
    assert total.shape == (None, 5, 7, 3)
    reshape = b.graph.nodes[-2]
    assert reshape.operands["sizes"] == (1, 3, 1, 1) or reshape.operands["sizes"] == (-1, 3, 1, 1)


def test_flatten_moves_its_permutation_into_the_kernel() -> None:
    b = empty_builder()
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 4, 5, 3))
    kernel = rng.normal(size=(60, 6))
    flat = b.flatten(b.channels_first(Value((None, 4, 5, 3))))
    recipe = layout.stored_rows(flat, Weight.of(Variable(("d",), "kernel", (60, 6))))
    moved = recipe.evaluate(lambda _: kernel)
    stored = image.transpose(0, 3, 1, 2).reshape(2, -1)
    np.testing.assert_allclose(stored @ moved, image.reshape(2, -1) @ kernel)


def test_several_open_sizes_are_read_from_the_value() -> None:
    b = empty_builder()
    joined = b.reshape(Value((None, None, 4, 6)), (None, None, 24))
    (node,) = [node for node in b.graph.nodes if node.template != "x.shape[d]"]
    assert joined.shape == (None, None, 24)
    assert node.template == "x.flatten(d)" or len(node.operands["sizes"]) == 3


def test_axes_of_size_one_are_permuted_too_but_for_what_was_reshaped() -> None:
    b = empty_builder()
    assert _templates(b, b.channels_first(Value((None, 5, 7, 1)))) == ["x.permute(*dims)"]
    row = b.reshape(Value((None, 35)), (None, 5, 7, 1))
    assert b.channels_first(row).node is not None
    assert [node.template for node in b.graph.nodes][-1] == "x.reshape(*sizes)"
