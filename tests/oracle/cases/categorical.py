"""Numbers as categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.cases.case import Case, keras, layers

INTS = ["int32"]


def _counted() -> Any:
    x, weights = keras.Input((4,), dtype="int32"), keras.Input((4,))
    counted = layers.CategoryEncoding(9, output_mode="count")(x, count_weights=weights)
    return keras.Model([x, weights], counted)


def _vocabulary(**options: Any) -> Any:
    return layers.IntegerLookup(vocabulary=[5, 1, 6, 3], **options)


def _adapted() -> Any:
    """Vocabularies found by `adapt`, which only `.keras` holds; one in a model of its own."""

    def lookup(numbers: list[int], **options: Any) -> Any:
        layer = layers.IntegerLookup(**options)
        layer.adapt(np.array(numbers))
        return layer

    inner = keras.Input((4,), dtype="int64")
    nested = keras.Model(inner, lookup([3, 3, 1], mask_token=0)(inner))
    x = keras.Input((4,), dtype="int64")
    found = [lookup([5, 5, 2, 4])(x), lookup([1, 6, 6, 6], num_oov_indices=2)(x), nested(x)]
    return keras.Model(x, found)


def _encoded(mode: str) -> list[Case]:
    return [
        Case(
            f"discretization_{mode}",
            lambda: layers.Discretization([-0.5, 0.0, 0.7], output_mode=mode),
            [(4,)],
        ),
        Case(f"lookup_{mode}", lambda: _vocabulary(output_mode=mode), [(4,)], dtypes=INTS),
    ]


def _categories(mode: str) -> list[Case]:
    shapes: list[tuple[int, ...]] = [(), (4,), (4, 3)]
    return [
        Case(f"categories_{mode}_{len(s)}", lambda: layers.CategoryEncoding(9, mode), [s], INTS)
        for s in shapes
    ]


CASES = [
    *(case for mode in ("one_hot", "multi_hot", "count") for case in _categories(mode)),
    *(case for mode in ("int", "one_hot", "multi_hot", "count") for case in _encoded(mode)),
    Case("discretization_ints", lambda: layers.Discretization([1.0, 3.5]), [(4, 3)], dtypes=INTS),
    Case("category_encoding_one", lambda: layers.CategoryEncoding(9, "one_hot"), [(1,)], dtypes=INTS),
    Case("category_encoding_weights", _counted, [], model=True),
    Case("lookup_adapted", _adapted, [], model=True, files=["keras"]),
    Case("lookup_mask", lambda: _vocabulary(mask_token=2), [(4,)], dtypes=INTS),
    Case("lookup_mask_count", lambda: _vocabulary(mask_token=2, output_mode="count"), [(4,)], dtypes=INTS),
    Case("lookup_oov", lambda: _vocabulary(num_oov_indices=3, mask_token=0), [(4, 5)], dtypes=["int64"]),
    Case("lookup_invert", lambda: _vocabulary(invert=True, mask_token=0), [(4, 5)], dtypes=INTS),
    Case(
        "lookup_idf",
        lambda: _vocabulary(
            output_mode="tf_idf", idf_weights=[1.0, 2.0, 0.5, 0.1], pad_to_max_tokens=True, max_tokens=8
        ),
        [(4,)],
        dtypes=INTS,
    ),
    Case(
        "lookup_farmhash", lambda: _vocabulary(num_oov_indices=3, oov_method="farmhash"), [(4,)], dtypes=INTS
    ),
    Case(
        "lookup_siphash",
        lambda: _vocabulary(num_oov_indices=3, oov_method="farmhash", salt=5),
        [(4,)],
        dtypes=["int64"],
    ),
    *(
        Case(
            f"hashing_{magnitude}", lambda: layers.Hashing(13), [(5, 4)], dtypes=["int64"], ints=10**magnitude
        )
        for magnitude in (2, 6, 12, 18)
    ),
    Case("hashing_siphash", lambda: layers.Hashing(13, salt=(133, 137)), [(5, 4)], dtypes=INTS, ints=10**7),
    Case("hashing_mask", lambda: layers.Hashing(3, mask_value=2, output_mode="one_hot"), [(1,)], dtypes=INTS),
    Case("hashing_floats", lambda: layers.Hashing(13, output_mode="multi_hot"), [(4,)]),
    Case(
        "hashed_crossing",
        lambda: layers.HashedCrossing(7),
        [(1,), (1,)],
        dtypes=["int64", "int64"],
        ints=10**15,
        call=lambda layer, inputs: layer(inputs),
        batch=20,
    ),
    Case(
        "hashed_crossing_one_hot",
        lambda: layers.HashedCrossing(7, output_mode="one_hot"),
        [(), ()],
        dtypes=["int32", "int32"],
        call=lambda layer, inputs: layer(inputs),
    ),
]
