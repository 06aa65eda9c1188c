"""Differences of arrays, steps of two sources that correspond, and layers' outputs among them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codegen.evidence.measure import APART, EQUAL, difference
from codegen.evidence.trace import Event, Fingerprint
from codegen.evidence.twins import Twin, align, all_orders, candidates, match


def test_equal_arrays_are_nothing_apart() -> None:
    array = np.array([1.0, np.nan, np.inf, -0.0])
    assert difference(array, array.copy()) == EQUAL
    assert difference(np.empty((0, 3)), np.empty((0, 3))) == EQUAL


def test_other_shapes_and_lost_numbers_are_infinitely_apart() -> None:
    assert difference(np.zeros(3), np.zeros((3, 1))) == APART
    assert difference(np.array([np.nan]), np.array([1.0])).relative == np.inf
    assert difference(np.array([np.inf]), np.array([-np.inf])).absolute == np.inf


def test_units_in_the_last_place() -> None:
    expected = np.array([1.0, 1e-9], np.float32)
    found = np.array([1 + 2**-23, 0.0], np.float32)
    apart = difference(found, expected)
    assert apart.ulps == pytest.approx(1.0)
    assert apart.absolute == apart.relative == pytest.approx(2**-23)


def events(*steps: str) -> list[Event]:
    """Events that are told apart by their functions alone."""
    return [Event("", step, (), Fingerprint.of(torch.zeros(()))) for step in steps]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("conv bn relu pool", [0, 1, 2, 3]),
        ("conv bn gelu pool", [0, 1, 2, 3]),  # replaced
        ("conv bn pool", [0, 1, 1, 2]),  # dropped: its reader reads what stands before it
        ("conv pad bn relu pool", [0, 2, 3, 4]),  # added
        ("conv bn", [0, 1, 1, 1]),  # never reached
        ("conv bn mul sigmoid pool", [0, 1, 3, 4]),  # replaced by several
    ],
)
def test_steps_of_an_edited_source(after: str, expected: list[int]) -> None:
    aligned = align(events("conv", "bn", "relu", "pool"), events(*after.split()))
    assert [aligned(number) for number in range(4)] == expected


def test_twins_are_found_in_whatever_order_of_axes() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 3, 4, 5))
    stored = {0: rng.normal(size=(2, 3, 4, 5)), 1: image.transpose(0, 3, 1, 2).copy()}
    steps = [Event("", "conv2d", (), Fingerprint.of(torch.from_numpy(array))) for array in stored.values()]
    possible = candidates(steps, {"layer": image}, 1e-9)
    assert possible == {"layer": [1]}
    twins = match({"layer": image}, possible, stored, 1e-9, lambda _, array: all_orders(array))
    assert twins == {"layer": Twin(1, (0, 2, 3, 1))}
    arranged = twins["layer"].arrange(stored[1], image.shape)
    assert arranged is not None and np.array_equal(arranged, image)
    assert twins["layer"].arrange(stored[1][:1], image.shape) is None


def test_what_a_relu_leaves_as_it_is_has_one_twin_for_each_layer() -> None:
    array = np.arange(1.0, 7.0).reshape(2, 3)
    tensors = dict.fromkeys((0, 1, 2), array)
    both = match(
        {"a": array, "b": array}, {"a": [0, 1, 2], "b": [0, 1, 2]}, tensors, 1e-9, lambda _, a: all_orders(a)
    )
    assert [both[key].event for key in "ab"] == [0, 2]
    one = match({"a": array}, {"a": [0, 1, 2]}, tensors, 1e-9, lambda _, a: all_orders(a))
    assert one["a"].event == 2
