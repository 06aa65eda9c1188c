"""Which stored array is which variable: orders of HDF5 lists, paths, and how old layers are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from codegen.errors import WeightMismatch
from codegen.model.saved_model import LayerWeights, PathWeights, StoredTensor
from codegen.model.variables import VariableTree
from codegen.weights import bind
from tests.support.trees import dense, holding, layer, model, names, norm, saved, tensor


def by_position(tree: VariableTree, count: int, version: str = "2.15.0") -> list[str]:
    """Variables in the order of a list of unnamed arrays."""
    (name,) = [child.attribute for child in tree.children]
    group = tuple(StoredTensor(f"{i:02}", "", (2,), "float32", lambda: np.zeros(2)) for i in range(count))
    bound = names(bind(tree, saved(LayerWeights({name: group}), version)))
    short = {
        "kernel": "k",
        "bias": "b",
        "gamma": "g",
        "beta": "be",
        "moving_mean": "m",
        "moving_variance": "v",
    }
    ordered = sorted(bound, key=lambda key: bound[key])
    return [f"{key.split('/')[-2]}.{short[key.split('/')[-1]]}" for key in ordered]


def test_trainable_weights_of_all_sublayers_come_first() -> None:
    tree = model("top", model("in", dense("d"), norm("n"), dense("e")))
    assert by_position(tree, 8) == ["d.k", "d.b", "n.g", "n.be", "e.k", "e.b", "n.m", "n.v"]


def test_a_frozen_layer_moves_to_the_end() -> None:
    tree = model("top", model("in", dense("d", trainable=False), norm("n"), dense("e")))
    assert by_position(tree, 8) == ["n.g", "n.be", "e.k", "e.b", "d.k", "d.b", "n.m", "n.v"]


def test_a_wholly_frozen_model_lists_layer_by_layer() -> None:
    layers = [norm("n", trainable=False), dense("e", trainable=False)]
    expected = ["n.g", "n.be", "n.m", "n.v", "e.k", "e.b"]
    for version in ("2.15.0", "3.12.0"):
        assert by_position(model("top", model("in", *layers, trainable=False)), 6, version) == expected


def test_a_model_frozen_by_its_own_flag_alone_differs_between_keras_2_and_3() -> None:
    def tree() -> VariableTree:
        return model("top", model("in", norm("n"), dense("e"), trainable=False))

    assert by_position(tree(), 6, "2.15.0") == ["n.g", "n.be", "e.k", "e.b", "n.m", "n.v"]
    assert by_position(tree(), 6, "3.12.0") == ["n.g", "n.be", "n.m", "n.v", "e.k", "e.b"]


def test_saved_names_decide_when_the_flags_were_set_after_saving() -> None:
    tree = model("top", model("in", dense("d", trainable=False), dense("e")))
    group = tuple(tensor(name) for name in ("d/kernel:0", "d/bias:0", "e/kernel:0", "e/bias:0"))
    bound = names(bind(tree, saved(LayerWeights({"in": group}))))
    assert bound == {
        "in/d/kernel": "d/kernel:0",
        "in/d/bias": "d/bias:0",
        "in/e/kernel": "e/kernel:0",
        "in/e/bias": "e/bias:0",
    }


def test_groups_of_other_names_are_matched_by_order() -> None:
    groups = {
        "x": (tensor("x/kernel"), tensor("x/bias")),
        "y": (tensor("y/kernel"), tensor("y/bias")),
        "z": (),
    }
    bound = names(
        bind(model("top", dense("d"), layer("a", "Activation"), dense("e")), saved(LayerWeights(groups)))
    )
    assert (bound["d/kernel"], bound["e/bias"]) == ("x/kernel", "y/bias")


def test_keras_1_lists_the_layers_of_merged_models() -> None:
    tree = model("top", model("s1", dense("d"), dense("e")), model("s2", dense("f")))
    groups = {name: (tensor(f"{name}_W"), tensor(f"{name}_b")) for name in "def"}
    assert names(bind(tree, saved(LayerWeights(groups), "1")))["s1/e/bias"] == "e_b"


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"d": 2}, "no weights of layer 'e'"),
        ({"d": 2, "e": 2, "f": 2}, "weights of 'f', which is no layer"),
        ({"d": 2, "e": 1}, r"layer 'e' has 2 weights \(kernel, bias\), but the file has 1"),
    ],
)
def test_missing_and_surplus_lists(groups: dict[str, int], message: str) -> None:
    arrays = {name: tuple(tensor(f"{name}/{i}") for i in range(count)) for name, count in groups.items()}
    with pytest.raises(WeightMismatch, match=message):
        bind(model("top", dense("d"), dense("e")), saved(LayerWeights(arrays)))


def test_a_wrong_shape_names_layer_variable_path_and_shapes() -> None:
    group = (tensor("d/kernel:0", np.zeros((3, 4))), tensor("d/bias:0"))
    with pytest.raises(
        WeightMismatch, match=r"layer 'd': kernel should have shape \(2,\), but d/kernel:0 has \(3, 4\)"
    ):
        bind(model("top", dense("d")), saved(LayerWeights({"d": group})))


def test_a_file_without_weights() -> None:
    with pytest.raises(WeightMismatch, match="--weights"):
        bind(model("top", dense("d")), saved(None))


# -------------------------------------------------------------------- paths


def paths(tree: VariableTree, *stored: str) -> dict[str, str]:
    weights = PathWeights({path: tensor(path) for path in stored})
    return names(bind(tree, saved(weights, "3.12.0")))


def test_layers_are_called_after_their_class_and_counted() -> None:
    kernel = [("kernel", True)]
    tree = model(
        "top",
        layer("a", variables=kernel),
        layer("b", "Conv2DTranspose", kernel),
        layer("c", variables=kernel),
    )
    bound = paths(tree, "layers/dense/vars/0", "layers/dense_1/vars/0", "layers/conv2d_transpose/vars/0")
    assert bound["c/kernel"] == "layers/dense_1/vars/0"


def test_nested_models_attributes_and_lists_of_cells() -> None:
    one = [("kernel", True)]
    cells = holding(
        layer("cell", "StackedRNNCells"), layer("cells/0", "LSTMCell", one), layer("cells/1", "LSTMCell", one)
    )
    attention = holding(layer("mha", "MultiHeadAttention"), layer("query_dense", "EinsumDense", one))
    tree = model("top", model("in", holding(layer("rnn", "RNN"), cells), attention))
    prefix = "layers/functional/layers"
    bound = paths(
        tree,
        f"{prefix}/rnn/cell/cells/lstm_cell/vars/0",
        f"{prefix}/rnn/cell/cells/lstm_cell_1/vars/0",
        f"{prefix}/multi_head_attention/_query_dense/vars/0",
    )
    assert bound["in/rnn/cell/cells/1/kernel"].endswith("lstm_cell_1/vars/0")


def test_tf_keras_2_13_counts_layers_with_weights_twice() -> None:
    one, root = [("kernel", True)], "_layer_checkpoint_dependencies"
    tree = model("top", layer("a", variables=one), layer("b", variables=one))
    assert (
        paths(tree, f"{root}/dense/vars/0", f"{root}/dense_2/vars/0")["b/kernel"] == f"{root}/dense_2/vars/0"
    )


def test_layer_names_and_random_state() -> None:
    one = [("kernel", True)]
    tree = model("top", layer("a", variables=one), layer("drop", "Dropout"))
    bound = paths(tree, "layers/a/vars/0", "layers/dropout/seed_generator/vars/0")
    assert bound == {"a/kernel": "layers/a/vars/0"}


def test_untrained_variables_come_last_and_a_wrapper_repeats_what_it_normalizes() -> None:
    inner = layer("layer", "Dense", [("kernel", True), ("bias", True)])
    outer = holding(layer("s", "SpectralNormalization", [("vector_u", False)]), inner)
    tree = model("top", outer)
    outer.variables.append(inner.variables[0])
    where = "layers/spectral_normalization"
    bound = paths(
        tree, f"{where}/vars/0", f"{where}/vars/1", f"{where}/layer/vars/0", f"{where}/layer/vars/1"
    )
    assert bound["s/vector_u"] == f"{where}/vars/1"
    assert bound["s/layer/bias"] == f"{where}/layer/vars/1"


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (["layers/dense/vars/0"], "layer 'd': the file has no layers/dense/vars/1, which should hold bias"),
        ([f"layers/dense/vars/{i}" for i in range(3)], "layers/dense/vars/2 .* no weight of the model"),
    ],
)
def test_missing_and_surplus_paths(stored: list[str], message: str) -> None:
    with pytest.raises(WeightMismatch, match=message):
        paths(model("top", dense("d")), *stored)


@pytest.mark.parametrize(
    ("class_name", "order"),
    [
        ("PruneLowMagnitude", "kernel bias g mean step"),
        ("QuantizeWrapperV2", "g kernel bias mean step"),
        ("WeightNormalization", "g kernel bias step mean"),
    ],
)
def test_where_a_wrapper_has_its_own_weights(class_name: str, order: str) -> None:
    inner = layer("layer", "Dense", [("kernel", True), ("bias", True), ("mean", False)])
    outer = holding(layer("w", class_name, [("g", True), ("step", False)]), inner)
    group = tuple(tensor(str(index)) for index in range(5))
    bound = names(bind(model("top", outer), saved(LayerWeights({"w": group}))))
    assert [key.rpartition("/")[2] for key in sorted(bound, key=bound.__getitem__)] == order.split()


def test_weights_in_an_unknown_order_are_told_by_their_names() -> None:
    block = layer("block", "ResidualBlock")
    norm_first = [layer("norm", "LayerNormalization", [("gamma", True, (3,))])]
    convs = [layer(f"conv_{k}", "Conv1D", [("kernel", True, (2, 2))]) for k in range(2)]
    tree = model("top", holding(block, *norm_first, *convs))
    shapes = {"c1/kernel:0": (2, 2), "n/gamma:0": (3,), "c2/kernel:0": (2, 2)}
    group = tuple(tensor(name, np.zeros(shape)) for name, shape in shapes.items())
    assert names(bind(tree, saved(LayerWeights({"block": group})))) == {
        "block/norm/gamma": "n/gamma:0",
        "block/conv_0/kernel": "c1/kernel:0",
        "block/conv_1/kernel": "c2/kernel:0",
    }


# -------------------------------------------------------------------- old storage

RNG = np.random.default_rng(1)


def converted(tree: VariableTree, *arrays: np.ndarray) -> list[np.ndarray]:
    """The canonical arrays of the only layer, in the order of its variables."""
    (only,) = tree.children
    group = tuple(tensor(f"w{i}", array) for i, array in enumerate(arrays))
    bound = bind(tree, saved(LayerWeights({only.attribute: group}), "1"))
    return [weight.evaluate(lambda leaf: leaf.read()) for weight in bound.values()]  # type: ignore[union-attr]  # bound leaves are stored


def old(class_name: str, stored: str, *variables: tuple[str, tuple[int, ...]], **config: Any) -> VariableTree:
    made = [(name, not name.startswith("moving"), shape) for name, shape in variables]
    return model("top", layer("old", class_name, made, stored=stored, config=config))


def random(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("class_name", "canonical", "stored_shape", "data_format", "axes"),
    [
        ("Conv2D", (2, 3, 4, 5), (5, 4, 2, 3), "channels_first", (2, 3, 1, 0)),
        ("Conv2D", (2, 3, 4, 5), (2, 3, 4, 5), "channels_last", (0, 1, 2, 3)),
        ("Conv3D", (2, 3, 4, 5, 6), (6, 5, 2, 3, 4), "channels_first", (2, 3, 4, 1, 0)),
        ("Conv2DTranspose", (2, 3, 5, 4), (5, 4, 2, 3), "channels_first", (2, 3, 0, 1)),
        ("Conv2DTranspose", (2, 3, 5, 4), (2, 3, 4, 5), "channels_last", (0, 1, 3, 2)),
        ("SeparableConv2D", (2, 3, 4, 5), (5, 4, 2, 3), "channels_first", (2, 3, 1, 0)),
    ],
)
@pytest.mark.parametrize("theano", [False, True])
def test_kernels_of_keras_1(
    class_name: str,
    canonical: tuple[int, ...],
    stored_shape: tuple[int, ...],
    data_format: str,
    axes: tuple[int, ...],
    theano: bool,
) -> None:
    kernel = random(*stored_shape)
    tag = "keras1-theano" if theano else "keras1"
    tree = old(class_name, tag, ("kernel", canonical), ("bias", (5,)), data_format=data_format)
    found, _ = converted(tree, kernel, random(5))
    expected = kernel.transpose(axes)
    flipped = np.flip(expected, tuple(range(expected.ndim - 2)))
    np.testing.assert_array_equal(found, flipped if theano else expected)


def test_conv1d_of_keras_1_0_and_1_2() -> None:
    tree = old("Conv1D", "keras1", ("kernel", (3, 4, 5)))
    late, early = random(3, 1, 4, 5), random(5, 4, 3, 1)
    np.testing.assert_array_equal(converted(tree, late)[0], late[:, 0])
    np.testing.assert_array_equal(converted(tree, early)[0], early[..., 0].transpose(2, 1, 0))


def test_keras_2_on_theano_flips_kernels_only() -> None:
    kernel, bias = random(2, 3, 4, 5), random(5)
    found = converted(old("Conv2D", "theano", ("kernel", kernel.shape), ("bias", (5,))), kernel, bias)
    np.testing.assert_array_equal(found[0], kernel[::-1, ::-1])
    np.testing.assert_array_equal(found[1], bias)


@pytest.mark.parametrize(
    ("class_name", "stored", "canonical"), [("LSTM", "icfo", "ifco"), ("GRU", "zrh", "zrh")]
)
def test_gates_of_keras_1(class_name: str, stored: str, canonical: str) -> None:
    shapes = {"W": (3, 2), "U": (2, 2), "b": (2,)}
    arrays = {f"{kind}{gate}": random(*shapes[kind]) for gate in stored for kind in "WUb"}
    width = 2 * len(stored)
    variables = [
        ("kernel", True, (3, width)),
        ("recurrent_kernel", True, (2, width)),
        ("bias", True, (width,)),
    ]
    rnn = holding(layer("old", class_name, stored="keras1"), layer("cell", f"{class_name}Cell", variables))
    found = converted(model("top", rnn), *arrays.values())
    for kind, array in zip("WUb", found, strict=True):
        expected = np.concatenate([arrays[f"{kind}{gate}"] for gate in canonical], axis=-1)
        np.testing.assert_array_equal(array, expected)
    fused = [random(3, width), random(2, width), random(width)]
    for array, expected in zip(converted(model("top", rnn), *fused), fused, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(("class_name", "gates"), [("LSTM", 4), ("GRU", 3)])
def test_cudnn(class_name: str, gates: int) -> None:
    features, units = 3, 2
    width = gates * units
    bias_shape = (2, width) if class_name == "GRU" else (width,)
    variables = [("kernel", (features, width)), ("recurrent_kernel", (units, width)), ("bias", bias_shape)]
    tree = old(class_name, "cudnn", *variables)
    kernel, recurrent, bias = random(features, width), random(units, width), random(2 * width)
    found = converted(tree, kernel, recurrent, bias)
    pieces = np.split(kernel, gates, axis=1)
    np.testing.assert_array_equal(found[0], np.hstack([k.T.reshape(k.shape, order="F") for k in pieces]))
    np.testing.assert_array_equal(found[1], np.hstack([k.T for k in np.split(recurrent, gates, axis=1)]))
    halves = bias.reshape(2, -1)
    np.testing.assert_allclose(found[2], halves if class_name == "GRU" else halves.sum(axis=0))


def test_batch_normalization_of_keras_1_leaves_what_mode_1_does_not_use() -> None:
    arrays = [random(3) for _ in range(4)]
    found = converted(old("BatchNormalization", "keras1", ("gamma", (3,)), ("beta", (3,))), *arrays)
    np.testing.assert_array_equal(found, arrays[:2])


def test_highway_in_both_orders() -> None:
    w, carry, b, b_carry = random(3, 3), random(3, 3), random(3), random(3)
    tree = old(
        "Highway",
        "keras1",
        ("kernel", (3, 3)),
        ("kernel_carry", (3, 3)),
        ("bias", (3,)),
        ("bias_carry", (3,)),
    )
    for arrays in ([w, b, carry, b_carry], [w, carry, b, b_carry]):
        for found, expected in zip(converted(tree, *arrays), [w, carry, b, b_carry], strict=True):
            np.testing.assert_array_equal(found, expected)
