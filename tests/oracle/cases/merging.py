"""Merging layers."""

from __future__ import annotations

from typing import Any

from tests.oracle.cases.case import Case, keras, layers


def _together(layer: Any, inputs: list[Any]) -> Any:
    return layer(inputs)


def _merge(name: str, make: Any, *shapes: tuple[int | None, ...]) -> Case:
    return Case(name, make, list(shapes), call=_together)


def _masked(make: Any, both: bool = True) -> Any:
    def build() -> Any:
        first, second = keras.Input((6,), dtype="int32"), keras.Input((6,), dtype="int32")
        x = layers.Embedding(7, 4, mask_zero=True)(first)
        y = layers.Embedding(7, 4, mask_zero=both)(second)
        merged = make()([x, y])
        return keras.Model([first, second], [merged, layers.LSTM(3)(merged)])

    return build


def _convolved(make: Any) -> Any:
    def build() -> Any:
        image, vector = keras.Input((6, 5, 3)), keras.Input((4,))
        x = layers.Conv2D(4, 3, activation="relu")(image)
        y = layers.Dense(4, activation="relu")(vector)
        return keras.Model([image, vector], make()([x, y]))

    return build


def _vectors() -> Any:
    """Masks of one axis, for whole samples."""
    first, second = keras.Input((3,)), keras.Input((2,))
    return keras.Model([first, second], layers.Concatenate()([layers.Masking()(first), second]))


def _documents() -> Any:
    """Masks of three axes."""
    inputs = [keras.Input((4, 5), dtype="int32"), keras.Input((4, 2), dtype="int32")]
    words = [layers.Embedding(3, 2, mask_zero=True)(x) for x in inputs]
    return keras.Model(inputs, layers.TimeDistributed(layers.LSTM(3))(layers.Concatenate(axis=2)(words)))


CASES = [
    _merge("add_three", lambda: layers.Add(), (5, 4), (5, 4), (5, 4)),
    _merge("add_ranks", lambda: layers.Add(), (5, 4, 3), (3,)),
    _merge("add_ranks_open", lambda: layers.Add(), (5, None, None, 3), (None, None, 3)),
    _merge("add_broadcast", lambda: layers.Add(), (5, 1, 3), (1, 4, 3)),
    _merge("subtract", lambda: layers.Subtract(), (5, 4), (5, 4)),
    _merge("multiply", lambda: layers.Multiply(), (5, 4, 3), (1, 1, 3)),
    _merge("average", lambda: layers.Average(), (5, 4), (5, 4), (5, 4)),
    _merge("maximum", lambda: layers.Maximum(), (5, 4), (5, 4), (5, 4)),
    _merge("minimum", lambda: layers.Minimum(), (5, 4), (4,)),
    _merge("concatenate", lambda: layers.Concatenate(), (5, 4, 3), (5, 4, 2)),
    _merge("concatenate_axis", lambda: layers.Concatenate(axis=1), (5, 4), (None, 4)),
    _merge("dot_vectors", lambda: layers.Dot(axes=1), (6,), (6,)),
    _merge("dot_normalize", lambda: layers.Dot(axes=-1, normalize=True), (6,), (6,)),
    _merge("dot_matrices", lambda: layers.Dot(axes=(2, 1)), (5, 4), (4, 3)),
    _merge("dot_axes_1", lambda: layers.Dot(axes=1, normalize=True), (5, 4), (5, 3)),
    _merge("dot_mixed", lambda: layers.Dot(axes=(2, 1)), (5, 4), (4,)),
    _merge("dot_vector_first", lambda: layers.Dot(axes=(1, 2)), (4,), (5, 4)),
    _merge("dot_high", lambda: layers.Dot(axes=(3, 2)), (2, 5, 4), (3, 4)),
    Case("dot_bytes", lambda: layers.Dot(axes=2), [(5, 4), (3, 4)], ["int8"] * 2, ints=100, call=_together),
    Case("dot_of_integers", lambda: layers.Dot(axes=1), [(6,), (6,)], ["int32"] * 2, call=_together),
    Case("dot_of_bools", lambda: layers.Dot(axes=(2, 1)), [(5, 4), (4,)], ["bool"] * 2, call=_together),
    Case("multiply_ranks", _convolved(lambda: layers.Multiply()), [], model=True),
    Case("maximum_ranks", _convolved(lambda: layers.Maximum()), [], model=True),
    Case("add_masked", _masked(lambda: layers.Add()), [], model=True),
    Case("add_half_masked", _masked(lambda: layers.Add(), both=False), [], model=True),
    Case("multiply_masked", _masked(lambda: layers.Multiply()), [], model=True),
    Case("multiply_half_masked", _masked(lambda: layers.Multiply(), both=False), [], model=True),
    Case("maximum_masked", _masked(lambda: layers.Maximum()), [], model=True),
    Case("minimum_half_masked", _masked(lambda: layers.Minimum(), both=False), [], model=True),
    Case("concatenate_masked", _masked(lambda: layers.Concatenate()), [], model=True),
    Case("concatenate_half_masked", _masked(lambda: layers.Concatenate(), both=False), [], model=True),
    Case("concatenate_time_masked", _masked(lambda: layers.Concatenate(axis=1)), [], model=True),
    Case(
        "concatenate_time_half_masked",
        _masked(lambda: layers.Concatenate(axis=1), both=False),
        [],
        model=True,
    ),
    Case("concatenate_masked_vectors", _vectors, [], model=True),
    Case("concatenate_masked_documents", _documents, [], model=True, ints=3),
]
