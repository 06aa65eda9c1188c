"""Activations as constructor arguments: functions of one tensor, modules or lambdas."""

from __future__ import annotations

import ast
from dataclasses import replace

from codegen.graph import Graph, Module, Symbol, Value
from codegen.graph.expression import build, text
from codegen.lowering.builder import Builder
from codegen.model.spec import LayerSpec
from codegen.torch_api import MODULE_OF

Activation = str | LayerSpec

#: Functions for activations whose expression is more than one call of a function.
_FUNCTIONS = {
    "identity": "identity",
    "linear": "identity",
    "sparse_sigmoid": "sparse_sigmoid",
    "sparsemax": "sparsemax",
    "Addons>sparsemax": "simplex_projection",
}

#: The same for those that an older Keras computed otherwise.
_OLD_FUNCTIONS = {"hard_sigmoid": "legacy_hard_sigmoid"}


def activations(b: Builder, activation: Activation, recurrent: Activation | None) -> dict[str, Symbol]:
    """Constructor arguments of a `StepwiseRNN` for activations that are not its defaults."""
    chosen = {}
    if activation != "tanh":
        chosen["activation"] = function(b, "activation", activation)
    if recurrent is not None and recurrent != "sigmoid":
        chosen["recurrent_activation"] = function(b, "recurrent_activation", recurrent)
    return chosen


def dropout_rates(dropout: float, recurrent_dropout: float) -> dict[str, float]:
    """Constructor arguments of a `StepwiseRNN` for dropout, where there is any."""
    rates = {"dropout": dropout, "recurrent_dropout": recurrent_dropout}
    return {name: rate for name, rate in rates.items() if rate}


def function(b: Builder, option: str, activation: Activation) -> Symbol:
    """An activation as a function of one tensor: `torch.tanh`, `nn.Softmax(dim=-1)`, or a lambda."""
    if isinstance(activation, str) and activation in _FUNCTIONS:
        return Symbol(_FUNCTIONS[activation])
    if isinstance(activation, LayerSpec) and activation.quirks and activation.class_name in _OLD_FUNCTIONS:
        return Symbol(_OLD_FUNCTIONS[activation.class_name])
    x = Value((None, 1), b.dtype)
    scratch = replace(b, graph=Graph("activation"))
    result = scratch.activation(x, activation)

    def name_of(value: Value) -> ast.expr:
        if value is x:
            return ast.Name("x", ast.Load())
        if value.node is None or value.node.targets is not value:
            b.unsupported(option, activation, "supported: activations without weights")
        return build(value.node.template, value.node.operands, name_of, refuse)

    def refuse(module: Module) -> ast.expr:
        b.unsupported(option, module.constructor, "supported: activations without weights")

    tree = name_of(result)
    if isinstance(tree, ast.Call) and [text(part) for part in tree.args] == ["x"]:
        if not tree.keywords:
            return Symbol(text(tree.func))
        if (module := MODULE_OF.get(text(tree.func))) is not None:  # unlike a lambda, it can be pickled
            return Symbol(text(ast.Call(ast.parse(module, mode="eval").body, [], tree.keywords)))
    return Symbol(f"lambda x: {text(tree)}")
