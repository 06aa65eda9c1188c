"""The facts of torch are those of the torch that is installed."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from codegen.torch_api import ACTIVATIONS, MODULE_OF, MODULES, defaults, facts, short_arguments

_SPACES = {"nn": nn, "F": F, "torch": torch}

#: Modules whose constructors take whatever arguments, and whose defaults come from a class above.
_RECURRENT = ("nn.LSTM", "nn.GRU", "nn.RNN")


def _of_torch(callee: str) -> Any:
    space, name = callee.split(".")
    return getattr(_SPACES[space], name)


def _parameters(callee: str) -> dict[str, inspect.Parameter]:
    """The parameters of one of torch's functions or constructors; none of a builtin."""
    function = nn.RNNBase if callee in _RECURRENT else _of_torch(callee)
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:
        return {}


def _own_defaults(callee: str) -> dict[str, Any]:
    """torch's defaults of the arguments whose defaults we know, where it says them."""
    own = {name: p.default for name, p in _parameters(callee).items() if p.default not in (p.empty, None)}
    return {name: own[name] for name in defaults(callee) if name in own}


@pytest.mark.parametrize("callee", [c for c in (*MODULES, *MODULE_OF, "F.pad") if _own_defaults(c)])
def test_defaults_are_torchs(callee: str) -> None:
    own = _own_defaults(callee)
    assert own == {name: defaults(callee)[name] for name in own}


@pytest.mark.parametrize("name", [name for name, known in MODULES.items() if known.positional])
def test_positional_arguments_are_torchs(name: str) -> None:
    positional = facts(name).positional
    assert tuple(_parameters(name))[: len(positional)] == positional


@pytest.mark.parametrize("function", MODULE_OF)
def test_every_function_is_torchs(function: str) -> None:
    assert callable(_of_torch(function))
    assert issubclass(_of_torch(MODULE_OF[function]), nn.Module)


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_an_activation_is_what_its_module_computes(function: str) -> None:
    x = torch.linspace(-4, 8, 100)
    assert torch.equal(_of_torch(function)(x), _of_torch(ACTIVATIONS[function])()(x))


@pytest.mark.parametrize("name", [name for name, known in MODULES.items() if known.initial])
def test_parameters_begin_as_torch_fills_them(name: str) -> None:
    module = _of_torch(name)(*((2, 4) if name == "nn.GroupNorm" else (4,)), **_affine(name))
    assert {own: parameter.unique().item() for own, parameter in module.named_parameters()} == facts(
        name
    ).initial


def _affine(name: str) -> dict[str, Any]:
    return {"affine": True} if "affine" in _parameters(name) else {}


def test_equal_numbers_and_defaults_are_shortened() -> None:
    arguments = {"kernel_size": (3, 3), "stride": (2, 1), "padding": (0, 0), "bias": True, "groups": 4}
    assert short_arguments("nn.Conv2d", arguments) == {"kernel_size": 3, "stride": (2, 1), "groups": 4}


def test_a_flag_is_not_taken_for_a_number() -> None:
    assert short_arguments("nn.Conv2d", {"groups": True}) == {"groups": True}
