"""Core layers: Dense, embeddings, Masking, EinsumDense, with quantised kernels and low-rank updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.cases.case import Case, keras, layers, ops


def _tokens(name: str, make: Callable[[], Any], *, ints: int = 7, masked: bool = False) -> Case:
    """A layer on tokens; with a mask, before a layer that shows it."""

    def build() -> Any:
        tokens = keras.Input((5,), dtype="int32")
        x = make()(tokens)
        return keras.Model(tokens, [x, layers.LSTM(3, return_sequences=True)(x)] if masked else x)

    return Case(name, build, [], model=True, ints=ints)


def _floats_as_tokens() -> Any:
    x = keras.Input((5,))
    return keras.Model(x, layers.Embedding(7, 4)(ops.abs(4 * x)))


def _draw_integers(layer: Any) -> None:
    """Random integers in the weights that are integers."""
    for number, variable in enumerate(layer.variables):
        if "int8" in variable.dtype:
            low, high = (0, 128) if variable.dtype == "uint8" else (-128, 128)
            variable.assign(keras.random.randint(variable.shape, low, high, seed=number))


def _reversed(**options: Any) -> Callable[[], Any]:
    def build() -> Any:
        tokens = keras.Input((5,), dtype="int32")
        embedding = layers.ReversibleEmbedding(7, 4, **options)
        x = layers.Dense(4)(embedding(tokens))
        model = keras.Model(tokens, embedding(x, reverse=True))
        _draw_integers(embedding)
        return model

    return build


def _quantized(make: Callable[[], Any], shape: tuple[int, ...], mode: str, dtype: str = "float32") -> Any:
    def build() -> Any:
        keras.utils.set_random_seed(4)
        inputs = keras.Input(shape, dtype=dtype)
        model = keras.Model(inputs, make()(inputs))
        for variable in model.weights:
            variable.assign(keras.random.uniform(variable.shape, -0.5, 0.5))
        model.quantize(mode)
        return model

    return build


def _low_rank(make: Callable[[], Any], shape: tuple[int, ...], dtype: str = "float32") -> Callable[[], Any]:
    def build() -> Any:
        inputs = keras.Input(shape, dtype=dtype)
        layer = make()
        outputs = layer(inputs)
        layer.enable_lora(2, lora_alpha=3)
        return keras.Model(inputs, outputs)

    return build


def _policy(make: Callable[[str], Any], shape: tuple[int, ...], policy: str) -> Callable[[], Any]:
    """A layer that was quantised when it was made, as one of a file is; it counts as calibrated."""

    def build() -> Any:
        inputs = keras.Input(shape)
        layer = make(policy)
        outputs = layer(inputs)
        layer.is_gptq_calibrated = layer.is_awq_calibrated = True
        _draw_integers(layer)
        return keras.Model(inputs, outputs)

    return build


def _dense(policy: str) -> Any:
    return layers.Dense(5, dtype=policy)


def _heads(policy: str) -> Any:
    return layers.EinsumDense("btd,dnh->btnh", (None, 2, 3), bias_axes="nh", dtype=policy)


def _adapted(make: Callable[[str], Any], shape: tuple[int, ...]) -> Callable[[], Any]:
    """An int8 layer with a low-rank update; a `.keras` file would hold the rounded sum."""

    def build() -> Any:
        model = _policy(make, shape, "int8_from_float32")()
        model.layers[-1].enable_lora(2, lora_alpha=3)
        return model

    return build


def _masking(**options: Any) -> Any:
    def build() -> Any:
        tokens = keras.Input((5,), dtype="int32")
        x = layers.Rescaling(0.5)(layers.CategoryEncoding(3, output_mode="one_hot")(tokens))
        x = layers.Masking(**options)(x)
        return keras.Model(tokens, [x, layers.GRU(3)(x)])

    return build


def _nested_of_other_rank() -> Any:
    """Nested models that are called with one axis of size 1 less or more than their inputs have."""
    vector, column = keras.Input((6,)), keras.Input((6, 1))
    wide, deep = keras.Input((6,)), keras.Input((6, 1))
    flat = keras.Model(wide, layers.ReLU()(wide))
    sequence = keras.Model(deep, layers.Flatten()(deep))
    return keras.Model([vector, column], [flat(column), sequence(vector)])


def _einsum(name: str, *shape: int | None, **options: Any) -> Case:
    return Case(f"einsum_{name}", lambda: layers.EinsumDense(**options), [shape])


CASES = [
    Case("dense", lambda: layers.Dense(4, activation="tanh"), [(6,)]),
    Case("dense_sequence", lambda: layers.Dense(4, use_bias=False), [(None, 6)]),
    Case("dense_images", lambda: layers.Dense(4, activation="relu"), [(5, 3, 6)]),
    Case("dense_float64", lambda: layers.Dense(4, dtype="float64"), [(6,)]),
    Case("nested_of_other_rank", _nested_of_other_rank, [], model=True),
    Case("activation", lambda: layers.Activation("gelu"), [(5, 6)]),
    Case("identity", lambda: layers.Identity(), [(5, 6)]),
    _tokens("embedding", lambda: layers.Embedding(7, 4)),
    Case("embedding_of_floats", _floats_as_tokens, [], model=True),
    _tokens("embedding_masked", lambda: layers.Embedding(7, 4, mask_zero=True), masked=True, ints=3),
    _tokens("reversible_embedding", lambda: layers.ReversibleEmbedding(7, 4, mask_zero=True), masked=True),
    Case("embedding_reversed", _reversed(), [], model=True),
    Case("embedding_reversed_capped", _reversed(logit_soft_cap=0.5), [], model=True),
    Case("embedding_reversed_untied", _reversed(tie_weights=False), [], model=True),
    Case("embedding_reversed_int8", _reversed(dtype="int8_from_float32"), [], model=True),
    Case("embedding_reversed_int4", _reversed(dtype="int4_from_float32", tie_weights=False), [], model=True),
    Case("masking", _masking(), [], model=True, ints=3),
    Case("masking_value", _masking(mask_value=0.5), [], model=True, ints=3),
    _einsum("linear", 5, 6, equation="abc,cd->abd", output_shape=(None, 4), bias_axes="d"),
    _einsum("ellipsis", 5, 6, equation="...c,cd->...d", output_shape=4, bias_axes="d", activation="relu"),
    _einsum("heads", 5, 6, equation="btd,ndh->btnh", output_shape=(None, 2, 3), bias_axes="nh"),
    _einsum("merge", 5, 2, 3, equation="btnh,nhd->btd", output_shape=(None, 4), bias_axes="d"),
    _einsum("part_of_bias", 5, 6, equation="abc,cde->abde", output_shape=(5, 2, 3), bias_axes="e"),
    _einsum("inner_bias", 5, 6, equation="abc,cde->abde", output_shape=(5, 2, 3), bias_axes="bd"),
    _einsum("middle", 5, 6, equation="abc,bd->adc", output_shape=(4, 6)),
    _einsum("elided_behind", 5, 6, equation="ab...,bc->ac...", output_shape=4, bias_axes="c"),
    _einsum("kept_axis", 5, 6, equation="abc,bcd->abd", output_shape=(5, 4), bias_axes="bd"),
    *(
        Case(f"dense_{mode}", _quantized(lambda: layers.Dense(5), (6,), mode), [], model=True)
        for mode in ("int8", "int4")
    ),
    *(
        Case(
            f"einsum_{mode}",
            _quantized(
                lambda: layers.EinsumDense("btd,dnh->btnh", (None, 2, 3), bias_axes="nh"), (5, 6), mode
            ),
            [],
            model=True,
        )
        for mode in ("int8", "int4")
    ),
    *(
        Case(
            f"embedding_{mode}",
            _quantized(lambda: layers.Embedding(7, 4), (5,), mode, "int32"),
            [],
            model=True,
        )
        for mode in ("int8", "int4")
    ),
    *(
        Case(f"{name}_{policy}", _policy(make, shape, f"{policy}_from_float32"), [], model=True, files=files)
        for name, make, shape in (("dense", _dense, (7,)), ("heads", _heads, (5, 7)))
        for policy, files in (
            ("float8", ["h5", "keras"]),
            ("int4/3", ["h5", "keras"]),
            ("gptq/4/3", ["h5"]),  # a `.keras` file lacks the zero points
            ("gptq/8/-1", ["h5"]),
            ("awq/4/4", ["h5"]),
        )
    ),
    Case("dense_int8_low_rank", _adapted(_dense, (7,)), [], model=True, files=["h5"]),
    Case("einsum_int8_low_rank", _adapted(_heads, (5, 7)), [], model=True, files=["h5"]),
    Case("dense_low_rank", _low_rank(lambda: layers.Dense(5), (6,)), [], model=True),
    Case("convolution_low_rank", _low_rank(lambda: layers.Conv2D(5, 3), (6, 5, 3)), [], model=True),
    Case("embedding_low_rank", _low_rank(lambda: layers.Embedding(7, 4), (5,), "int32"), [], model=True),
]
