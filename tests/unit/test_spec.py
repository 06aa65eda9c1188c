"""The parser on small literal configs: graphs, calls, inputs and outputs of every dialect."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.parse import parse
from codegen.errors import MalformedConfig
from codegen.model.spec import CallSpec, Constant, LayerSpec, ModelSpec, TensorRef
from tests.support.configs import entry, functional, input_entry, saved, tensor


def only_call(model: ModelSpec, layer: str) -> CallSpec:
    (call,) = model.layer(layer).calls
    return call


DENSE = {"units": 3, "activation": "relu", "use_bias": True}
A, B = TensorRef("a"), TensorRef("b")


# -------------------------------------------------------------------- Sequential


def test_sequential_as_a_bare_list_gets_an_input_layer() -> None:
    config = {
        "class_name": "Sequential",
        "config": [entry("Dense", "d", batch_input_shape=[None, 4], **DENSE)],
    }
    model = parse(saved(config))
    assert [layer.class_name for layer in model.layers] == ["InputLayer", "Dense"]
    assert model.inputs == ("d_input",)
    assert model.layer("d_input").config == {"batch_shape": [None, 4]}
    assert model.layer("d").config == DENSE
    assert only_call(model, "d") == CallSpec((TensorRef("d_input"),))
    assert model.outputs == (TensorRef("d"),)


@pytest.mark.parametrize(
    ("first", "shape"),
    [
        (entry("Dense", "d", input_dim=4, **DENSE), [None, 4]),
        (entry("Dense", "d", input_shape=[4], **DENSE), [None, 4]),
        (entry("LSTM", "d", input_dim=4, input_length=None, units=3), [None, None, 4]),
        (entry("Embedding", "d", input_dim=9, output_dim=2, input_length=7), [None, 7]),
        ({**entry("Dense", "d", **DENSE), "build_config": {"input_shape": [None, 4]}}, [None, 4]),
        (
            entry("Bidirectional", "d", layer=entry("LSTM", "l", input_dim=4, input_length=6, units=3)),
            [None, 6, 4],
        ),
        (entry("Dense", "d", batch_input_shape={"class_name": "__tuple__", "items": [None, 4]}), [None, 4]),
    ],
)
def test_sequential_finds_its_input_shape(first: dict[str, Any], shape: list[int | None]) -> None:
    model = parse(saved({"class_name": "Sequential", "config": {"name": "s", "layers": [first]}}))
    assert model.layer("d_input").config["batch_shape"] == shape
    assert not {"input_dim", "input_shape", "input_length", "batch_input_shape"} & model.layer(
        "d"
    ).config.keys() - ({"input_dim"} if first["class_name"] == "Embedding" else set())


def test_sequential_uses_the_shape_that_it_was_built_with() -> None:
    config = {"name": "s", "layers": [entry("Flatten", "f")], "build_input_shape": [None, 2, 2]}
    assert parse(saved({"class_name": "Sequential", "config": config})).layers[0].config["batch_shape"] == [
        None,
        2,
        2,
    ]


def test_sequential_without_any_shape_is_refused() -> None:
    with pytest.raises(MalformedConfig, match="layer 'd': the Sequential model nowhere says the shape"):
        parse(saved({"class_name": "Sequential", "config": {"layers": [entry("Dense", "d", **DENSE)]}}))


def test_sequential_that_begins_with_a_model_takes_its_input() -> None:
    inner = {
        "class_name": "Sequential",
        "config": [entry("Dense", "d", batch_input_shape=[None, 4], **DENSE)],
    }
    model = parse(saved({"class_name": "Sequential", "config": [inner, inner]}, "1.2.2"))
    assert [layer.name for layer in model.layers] == ["sequential_input", "sequential", "sequential_1"]
    assert model.layers[0].config == {"batch_shape": [None, 4]}
    assert model.layers[1].model is not None


def test_keras1_sequential_of_merged_models() -> None:
    branch = {
        "class_name": "Sequential",
        "config": [entry("Dense", "left", batch_input_shape=[None, 4], output_dim=3)],
    }
    other = {
        "class_name": "Sequential",
        "config": [entry("Dense", "right", batch_input_shape=[None, 5], output_dim=3)],
    }
    merge = entry("Merge", "m", mode="concat", mode_type="raw", concat_axis=-1, layers=[branch, other])
    model = parse(
        saved({"class_name": "Sequential", "config": [merge, entry("Dense", "d", output_dim=1)]}, "1.2.2")
    )
    assert model.inputs == ("left_input", "right_input")
    assert model.layer("m").class_name == "Concatenate"
    assert model.layer("m").config == {"axis": -1}
    assert only_call(model, "m").args == ([TensorRef("left"), TensorRef("right")],)


# -------------------------------------------------------------------- Functional


def test_functional_with_several_inputs_and_outputs() -> None:
    layers = [
        input_entry("a", 4),
        input_entry("b", 4),
        entry("Add", "sum", [[["a", 0, 0, {}], ["b", 0, 0, {}]]]),
        entry("Dense", "d", [[["a", 0, 0, {}]], [["sum", 0, 0, {}]]], **DENSE),
    ]
    model = parse(saved(functional(layers, [["b", 0, 0], ["a", 0, 0]], [["d", 1, 0], ["d", 0, 0]])))
    assert model.inputs == ("b", "a")
    assert model.outputs == (TensorRef("d", 1), TensorRef("d", 0))
    assert only_call(model, "sum") == CallSpec(([A, B],))
    assert model.layer("d").calls == (CallSpec((A,)), CallSpec((TensorRef("sum"),)))


def test_nested_models_own_node_0_in_keras_2() -> None:
    inner = functional(
        [input_entry("x", 4), entry("Dense", "d", [[["x", 0, 0, {}]]])], [["x", 0, 0]], [["d", 0, 0]], "in"
    )
    nested = {**inner, "inbound_nodes": [[["a", 0, 0, {}]], [["in", 1, 0, {}]]]}
    model = parse(saved(functional([input_entry("a", 4), nested], [["a", 0, 0]], [["in", 2, 0]])))
    assert model.layer("in").calls == (CallSpec((A,)), CallSpec((TensorRef("in", 0),)))
    assert model.outputs == (TensorRef("in", 1),)


def test_nested_models_own_node_0_only_in_outputs_of_keras_3() -> None:
    x = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 4]}, "inbound_nodes": []}
    dense = {**entry("Dense", "d", **DENSE), "inbound_nodes": [{"args": [tensor("x")], "kwargs": {}}]}
    inner = functional([x, dense], ["x", 0, 0], ["d", 0, 0], "in")
    calls = [{"args": [tensor("a")], "kwargs": {}}, {"args": [tensor("in", 0)], "kwargs": {"mask": None}}]
    a = {"class_name": "InputLayer", "config": {"name": "a", "batch_shape": [None, 4]}, "inbound_nodes": []}
    model = parse(
        saved(functional([a, {**inner, "inbound_nodes": calls}], ["a", 0, 0], ["in", 2, 0]), "3.12.0")
    )
    assert model.layer("in").calls == (CallSpec((A,)), CallSpec((TensorRef("in", 0),), {"mask": None}))
    assert model.outputs == (TensorRef("in", 1),)


def test_dict_inputs_are_sorted() -> None:
    layers = [
        input_entry("b", 4),
        input_entry("a", 4),
        entry("Add", "s", [{"q": ["b", 0, 0, {}], "p": ["a", 0, 0, {}]}]),
    ]
    model = parse(
        saved(functional(layers, {"y": ["b", 0, 0], "x": ["a", 0, 0]}, {"out": ["s", 0, 0]}), "2.4.0")
    )
    assert model.inputs == ("a", "b")
    assert model.input_names == ("x", "y")
    assert only_call(model, "s").args == ({"q": B, "p": A},)


def test_nested_outputs_are_flattened() -> None:
    layers = [input_entry("a", 4), entry("Dense", "d", [[["a", 0, 0, {}]]], **DENSE)]
    outputs = [["a", 0, 0], [["d", 0, 0], ["a", 0, 0]]]
    assert parse(saved(functional(layers, ["a", 0, 0], outputs))).outputs == (A, TensorRef("d"), A)


def test_states_and_constants_behind_the_input_become_keywords() -> None:
    node = [["a", 0, 0, {"initial_state": None}], ["b", 0, 0, {}], ["c", 0, 0, {}]]
    inputs = [input_entry(name, 4) for name in "abc"]
    model = parse(
        saved(functional([*inputs, entry("LSTM", "l", [node], units=4)], [["a", 0, 0]], [["l", 0, 0]]))
    )
    assert only_call(model, "l") == CallSpec((A,), {"initial_state": [B, TensorRef("c")]})
    cell = entry("SimpleRNNCell", "cell", units=4)
    layers = [*inputs, entry("RNN", "r", [node], cell=cell, num_constants=1)]
    model = parse(saved(functional(layers, [["a", 0, 0]], [["r", 0, 0]])))
    assert only_call(model, "r").kwargs == {"initial_state": [B], "constants": [TensorRef("c")]}
    assert isinstance(model.layer("r").config["cell"], LayerSpec)


def test_linear_activation_of_keras_1_stands_for_its_input() -> None:
    layers = [input_entry("a", 4), entry("Activation", "id", [[["a", 0, 0]]], activation="linear")]
    assert parse(saved(functional(layers, [["id", 0, 0]], [["id", 0, 0]]), "1.2.2")).inputs == ("a",)


# -------------------------------------------------------------------- ops


def op(name: str, node: Any, class_name: str = "TFOpLambda") -> ModelSpec:
    layers = [input_entry("a", 4), input_entry("b", 4), entry(class_name, name, [node], function="math.add")]
    return parse(saved(functional(layers, [["a", 0, 0], ["b", 0, 0]], [[name, 0, 0]]), "2.8.0"))


@pytest.mark.parametrize(
    ("node", "call"),
    [
        (["a", 0, 0, {"y": 2.0, "name": None}], CallSpec((A,), {"y": 2.0, "name": None})),
        (["a", 0, 0, {"y": ["b", 0, 0]}], CallSpec((A,), {"y": B})),
        (["a", 0, 0, {"shape": [["b", 0, 0], 3, 8]}], CallSpec((A,), {"shape": [B, 3, 8]})),
        (["a", 0, 0, {"perm": ["c", 0, 0]}], CallSpec((A,), {"perm": ["c", 0, 0]})),
        ([["a", 0, 0, {"axis": 1}], ["b", 0, 0, {"axis": 1}]], CallSpec(([A, B],), {"axis": 1})),
        ([["a", 0, 0, {}]], CallSpec(([A],))),
        (["_CONSTANT_VALUE", -1, 1.0, {"y": ["b", 0, 0]}], CallSpec((1.0,), {"y": B})),
    ],
)
def test_tensorflow_ops_keep_the_structure_of_their_arguments(node: Any, call: CallSpec) -> None:
    model = op("o", node)
    assert only_call(model, "o") == call
    assert model.layer("o").package == "tensorflow"
    assert model.layer("o").config == {"function": "math.add"}


def test_slices() -> None:
    spec = [{"start": None, "stop": ["b", 0, 0], "step": None}, {"class_name": "__ellipsis__"}, None]
    call = only_call(op("o", ["a", 0, 0, {"slice_spec": spec}], "SlicingOpLambda"), "o")
    assert call.kwargs == {"slice_spec": [slice(None, B, None), Ellipsis, None]}


def test_keras_3_ops_and_constants() -> None:
    a = {"class_name": "InputLayer", "config": {"name": "a", "batch_shape": [None, 4]}, "inbound_nodes": []}
    key = {"class_name": "__slice__", "config": {"start": 1, "stop": None, "step": None}}
    array = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}
    nodes = [
        {"args": [tensor("a"), [key, {"class_name": "__ellipsis__", "config": {}}]], "kwargs": {"y": array}}
    ]
    operation = {
        "module": "keras.src.ops.numpy",
        "class_name": "GetItem",
        "config": {"name": "get_item", "dtype": "int32"},
        "registered_name": "GetItem",
        "name": "get_item",
        "inbound_nodes": nodes,
    }
    model = parse(saved(functional([a, operation], [["a", 0, 0]], [["get_item", 0, 0]]), "3.9.2"))
    layer = model.layer("get_item")
    assert (layer.class_name, layer.package, layer.config) == (
        "GetItem",
        "keras.ops.numpy",
        {"dtype": "int32"},
    )
    assert layer.calls == (
        CallSpec((A, [slice(1, None, None), Ellipsis]), {"y": Constant([1.0, 2.0], "float32")}),
    )
    bare = {key: value for key, value in operation.items() if key not in ("module", "registered_name")}
    model = parse(saved(functional([a, bare], [["a", 0, 0]], [["get_item", 0, 0]]), "3.9.2"))
    assert model.layer("get_item").package == "keras.ops"


def test_a_first_argument_by_keyword() -> None:
    a = {"class_name": "InputLayer", "config": {"name": "a", "batch_shape": [None, 4]}, "inbound_nodes": []}
    dense = {
        **entry("Dense", "d", **DENSE),
        "inbound_nodes": [{"args": [], "kwargs": {"inputs": tensor("a")}}],
    }
    assert only_call(
        parse(saved(functional([a, dense], [["a", 0, 0]], [["d", 0, 0]]), "3.9.2")), "d"
    ) == CallSpec((A,))


# -------------------------------------------------------------------- faulty configs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": None}, "the layers should be a list"),
        ({"input_layers": [["d", 0, 0]]}, "its input 'd' is a Dense"),
        ({"output_layers": []}, "has no outputs"),
        ({"output_layers": [["d", 3, 0]]}, "layer 'd': the output of its call 4 is read"),
        ({"output_layers": [["x", 0, 0]]}, "not an output of a layer"),
        ({"layers": [input_entry("a", 4), entry("Dense", "d", [[["x", 0, 0]]])]}, "layer 'd': a call reads"),
        ({"layers": [input_entry("a", 4), entry("Dense", "d", [[["a"]]])]}, "layer 'd': an inbound node is"),
        ({"layers": [input_entry("a", 4), entry("Dense", "d", [[["a", 0, 0]]], trainable="x")]}, "trainable"),
        (
            {"layers": [input_entry("a", 4), entry("Dense", "d", [[["a", 0, 0]]], activation=3)]},
            "an activation",
        ),
        (
            {"layers": [input_entry("a", 4), {"class_name": "Dense", "name": "d", "config": 3}]},
            "the config of Dense",
        ),
        ({"layers": [input_entry("a", 4), input_entry("a", 4)]}, "two layers called 'a'"),
        ({"layers": [entry("InputLayer", "a", []), entry("Dense", "d", [])]}, "does not say its shape"),
    ],
)
def test_faulty_configs_are_refused_in_one_line(change: dict[str, Any], message: str) -> None:
    config = functional(
        [input_entry("a", 4), entry("Dense", "d", [[["a", 0, 0]]])], [["a", 0, 0]], [["d", 0, 0]]
    )
    with pytest.raises(MalformedConfig, match=message) as error:
        parse(saved({**config, "config": config["config"] | change}))
    assert "\n" not in str(error.value)


def test_a_subclassed_model_is_refused() -> None:
    with pytest.raises(MalformedConfig, match="class 'MyModel' and lists no layers"):
        parse(saved({"class_name": "MyModel", "config": {"units": 3}}))


@pytest.mark.parametrize(
    "config",
    [
        {"name": "n", "layers": [input_entry("a", 4), entry("Dense", "d")], "build_input_shape": [None, 4]},
        {"name": "n", "layers": [entry("Dense", "d", batch_input_shape=[None, 4])]},
    ],
)
def test_a_sequential_of_a_class_of_its_own_lists_its_layers(config: dict[str, Any]) -> None:
    found = parse(
        saved({"class_name": "MySeq", "config": config, "module": None, "registered_name": "MySeq"})
    )
    assert found.class_name == "Sequential"
    assert [layer.name for layer in found.layers][1:] == ["d"]


@pytest.mark.parametrize(
    "config", [{"units": 3}, {"layers": []}, {"layers": [4]}, {"call": "layers[0]"}], ids=str
)
def test_a_layer_that_holds_layers_is_no_sequential(config: dict[str, Any]) -> None:
    layers = [entry("Dense", "d", batch_input_shape=[None, 4])]
    with pytest.raises(MalformedConfig, match="lists no layers"):
        parse(saved({"class_name": "MyLayer", "config": {"layers": layers, **config}}))


def test_the_class_and_the_number_of_a_shared_layer_are_kept() -> None:
    inner = functional(
        [input_entry("b", 4), entry("Dense", "d", [[["b", 0, 0]]])], [["b", 0, 0]], [["d", 0, 0]]
    )
    inner |= {
        "class_name": "Custom>MyModel",
        "name": "m",
        "inbound_nodes": [[["a", 0, 0]]],
        "shared_object_id": 5,
    }
    layers = [input_entry("a", 4), inner, entry("CuDNNLSTM", "l", [[["m", 1, 0]]])]
    found = parse(saved(functional(layers, [["a", 0, 0]], [["l", 0, 0]])))
    assert [(layer.saved_class, layer.shared) for layer in found.layers[1:]] == [
        ("MyModel", 5),
        ("CuDNNLSTM", None),
    ]


@pytest.mark.parametrize(
    ("read", "put_out", "expected"),
    [
        ([1], [], [0]),  # called once here, before that in another model
        ([2, 5], [], [0, 1]),
        ([1], [1], [0]),
        ([0, 1], [1], [0, 1]),
    ],
)
def test_keras_3_0_counts_calls_over_all_models(
    read: list[int], put_out: list[int], expected: list[int]
) -> None:
    def tensor(layer: str, call: int) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, call, 0]}}

    count = max([*expected, *put_out]) + 1
    shared = entry("Dense", "d", [{"args": [tensor("a", 0)], "kwargs": {}} for _ in range(count)])
    reader = entry("Add", "r", [{"args": [[tensor("d", call) for call in read]], "kwargs": {}}])
    outputs = [["r", 0, 0], *(["d", call, 0] for call in put_out)]
    model = parse(saved(functional([input_entry("a", 4), shared, reader], [["a", 0, 0]], outputs), "3.0.1"))
    (argument,) = model.layer("r").calls[0].args
    assert [source.call for source in argument] == expected


def test_endless_nesting_is_refused() -> None:
    layer = entry("Dense", "d", batch_input_shape=[None, 4])
    for depth in range(100):
        layer = entry("TimeDistributed", f"t{depth}", layer=layer, batch_input_shape=[None, 4])
    with pytest.raises(MalformedConfig, match="nested more than 64 levels"):
        parse(saved({"class_name": "Sequential", "config": [layer]}))


@pytest.mark.parametrize(
    ("first", "kernel_size"),
    [
        (
            entry("Convolution2D", "c", batch_input_shape=[None, 8, 8, 3], nb_filter=1, nb_row=3, nb_col=5),
            [3, 5],
        ),
        (entry("Conv2D", "c", batch_input_shape=[None, 8, 8, 3], kernel_size=[2, 2]), [2, 2]),
        (entry("Conv2D", "c", batch_shape=[None, 8, 8, 3], kernel_size=[2, 2]), [2, 2]),
    ],
)
def test_without_a_version_the_words_tell_the_dialect(first: dict[str, Any], kernel_size: list[int]) -> None:
    model = parse(saved({"class_name": "Sequential", "config": {"layers": [first]}}, "1", ""))
    assert model.layer("c").class_name == "Conv2D"
    assert model.layer("c").config["kernel_size"] == kernel_size
