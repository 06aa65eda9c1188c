"""What expressions compute: asked of the operation, whatever the spelling of the template."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import codegen
from codegen.graph import Graph, Host, Module, Node, Op, Value
from codegen.graph.core import is_whole
from codegen.graph.ops import MEANING, canonical, is_pure, meaning, operations
from codegen.layers.recurrent.native import with_leading_axis
from codegen.passes.blocks.patterns import joins
from codegen.passes.dead_code import remove_dead_code
from codegen.passes.duplicates import merge_duplicates
from codegen.passes.idioms import write_idioms
from codegen.torch_api import ACTIVATIONS


def append(graph: Graph, template: str, **operands: object) -> Value:
    """The result of one more expression of a graph."""
    value = Value((None, 4))
    value.node = Node(template, dict(operands), value)
    graph.nodes.append(value.node)
    return value


def test_one_file_knows_what_the_text_of_a_template_means() -> None:
    looks = re.compile(r"\.template (==|!=|in|not in|=) |template\.startswith|in node\.template")
    package = Path(codegen.__file__).parent
    telling = {path.name for path in package.rglob("*.py") if looks.search(path.read_text(encoding="utf-8"))}
    assert telling <= {"ops.py"}


@pytest.mark.parametrize(
    ("template", "other"),
    [
        ("x + y", "y + x"),
        ("x * y", "scale * query"),
        ("F.relu(x)", "torch.relu(x)"),
        ("torch.sigmoid(x)", "F.sigmoid(x)"),
        ("state[-1]", "state[0]"),
        ("F.max_pool2d(x, kernel_size=2)", "F.max_pool2d(y, 2, stride=(1, 2))"),
        ("torch.cat(xs, dim=d)", "torch.cat([x, y], dim=1)"),
    ],
)
def test_spelling_is_no_meaning(template: str, other: str) -> None:
    assert meaning(template) is meaning(other) is not Op.OTHER


@pytest.mark.parametrize(
    "template", ["x[-1]", "x + 1", "x + y * z", "F.elu(x, alpha=alpha)", "F.relu(x + y)", "-x"]
)
def test_what_nobody_asks_about_has_no_meaning(template: str) -> None:
    assert meaning(template) is Op.OTHER


def test_the_same_form_whatever_the_spelling() -> None:
    assert canonical("y + x") == canonical("x + y") == "x + y"
    assert canonical("torch.relu(x)") == canonical("F.relu(x)") == "F.relu(x)"
    assert canonical("y - x") != canonical("x - y")
    assert canonical("y / x") != canonical("x / y")


def test_parts_are_found_in_an_expression() -> None:
    template = "x * torch.rsqrt(x.square().mean(dim=d, keepdim=True) + eps)"
    assert meaning(template) is Op.OTHER
    assert Op.MEAN in operations(template)
    assert Op.POOL in operations("F.max_pool2d(v1, kernel_size=3) if p0 else v3")


def test_every_activation_is_one() -> None:
    assert {meaning(f"{function}(x)") for function in ACTIVATIONS} == {Op.ACTIVATION}


def test_every_template_of_the_table_is_an_expression() -> None:
    for template in MEANING:
        if not template.startswith("."):
            compile(template, "template", "eval")


@pytest.mark.parametrize(
    "template",
    [
        "F.dropout(x, p=p, training=True)",
        "gaussian_noise(x, p)",
        "gaussian_dropout(x, p)",
        "shared_dropout(x, p, dims)",
        "shared_alpha_dropout(x, p, dims)",
        "x + torch.randn_like(x)",
        "F.scaled_dot_product_attention(q, k, v, dropout_p=rate if self.training else 0.0)",
        "x.index_add_(0, i, y)",
        "torch.relu_(x)",
        "memory.keep(states)",
    ],
)
def test_what_is_random_or_changes_something_is_impure(template: str) -> None:
    assert not is_pure(template)


@pytest.mark.parametrize(
    "template", ["brand(x)", "operand + noise", "x.index_add(0, i, y)", "shared_shape(x, d)"]
)
def test_words_make_nothing_impure(template: str) -> None:
    assert is_pure(template)


def test_a_module_is_what_is_called_whatever_its_name() -> None:
    x, module = Value((None, 4)), Module("dense", "nn.Linear")
    assert Node("module(x)", {"module": module, "x": x}).op is Op.CALL
    assert Node("layer(q)", {"layer": module, "q": x}).op is Op.CALL
    assert Node("module(x, states)", {"module": module, "x": x, "states": x}).op is Op.CALL_WITH
    assert Node("memory()", {"memory": module}).op is Op.CALL_WITH
    assert not Node("module(x)", {"module": module, "x": x}).is_pure


def test_a_rewritten_node_means_what_its_template_says() -> None:
    node = Node("x + y", {"x": Value((1,)), "y": 1})
    assert not joins(node, Op.ADD)
    node.rewrite("F.silu(x)", x=Value((1,)))
    assert (node.op, node.function, len(node.operands)) == (Op.ACTIVATION, "F.silu", 1)


def test_options_of_a_call() -> None:
    node = Node("F.max_pool2d(x, kernel_size=size, padding=1)", {"x": Value((1, 4, 4, 2)), "size": 3})
    assert node.options == {"kernel_size": 3, "padding": 1}
    assert Node("x + y", {"x": Value((1,)), "y": 1}).options == {}


def test_a_given_operation_stays() -> None:
    assert Node("x[index]", {"x": Value((1, 1)), "index": (None,)}, op=Op.EXPAND).op is Op.EXPAND


def test_equal_sums_are_computed_once_unless_they_are_random() -> None:
    x, y = Value((None, 4)), Value((None, 4))
    graph = Graph("model", [x, y])
    sums = [append(graph, "x + y", x=x, y=y), append(graph, "F.dropout(x, p)", x=x, p=0.5)]
    sums += [append(graph, "x + y", x=x, y=y), append(graph, "F.dropout(x, p)", x=x, p=0.5)]
    graph.outputs = [append(graph, "torch.cat(xs)", xs=sums)]
    merge_duplicates(graph)
    assert [node.op for node in graph.nodes] == [Op.ADD, Op.RANDOM, Op.RANDOM, Op.CONCAT]
    assert graph.nodes[-1].operands["xs"][::2] == [sums[0], sums[0]]


def test_effects_are_no_dead_code() -> None:
    x = Value((None, 4))
    graph = Graph("model", [x], outputs=[x])
    append(graph, "memory.keep(states)", memory=Module("memory", "RecurrentState"), states=[x])
    append(graph, "x + 1", x=x)
    remove_dead_code(graph)
    assert [node.op for node in graph.nodes] == [Op.EFFECT]


@pytest.mark.parametrize(("first", "last"), [("torch.sigmoid(x)", "x * y"), ("x.sigmoid()", "gate * it")])
def test_idioms_do_not_depend_on_spelling(first: str, last: str) -> None:
    x = Value((None, 4))
    graph = Graph("model", [x])
    gate = append(graph, first, x=x)
    names = dict(zip(("x", "y") if last == "x * y" else ("gate", "it"), (x, gate), strict=True))
    graph.outputs = [append(graph, last, **names)]
    write_idioms(graph)
    assert [node.function for node in graph.nodes] == ["F.silu"]


@pytest.mark.parametrize("template", ["state[-1]", "state[0]"])
def test_the_state_of_one_layer_is_handed_on_as_it_is(template: str) -> None:
    graph = Graph("model")
    stacked = Value((1, None, 4))
    last = append(graph, template, state=stacked)
    assert with_leading_axis(None, last) is stacked  # type: ignore[arg-type]  # nothing is emitted


@pytest.mark.parametrize(
    ("template", "is_it"), [("x.shape[d]", True), ("int(x)", True), ("float(x)", False), ("n / m", False)]
)
def test_which_numbers_of_the_host_are_whole(template: str, is_it: bool) -> None:
    number = Host()
    number.node = Node(template, {name: 2 for name in ("x", "d", "n", "m") if name in template}, number)
    assert is_whole(number) is is_it
