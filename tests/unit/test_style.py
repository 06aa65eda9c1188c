"""The defaults that are left out are torch's own."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch.nn.functional as F
from torch import nn

from codegen.torch_api import DEFAULTS, short_arguments

_RECURRENT = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}


def _torch_defaults(callee: str) -> dict[str, Any] | None:
    space, name = callee.split(".")
    function = getattr({"nn": nn, "F": F}[space], name)
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # a builtin
        return None
    found = {key: p.default for key, p in parameters.items() if p.default is not p.empty}
    return found if found else None


@pytest.mark.parametrize("callee", sorted(DEFAULTS))
def test_defaults_are_those_of_this_torch(callee: str) -> None:
    torch_defaults = _torch_defaults(callee)
    if torch_defaults is None or callee in ("nn.LSTM", "nn.GRU", "nn.RNN"):
        torch_defaults = (
            {**_RECURRENT, "nonlinearity": "tanh"} if callee.startswith("nn.") else DEFAULTS[callee]
        )
    for name, default in DEFAULTS[callee].items():
        if name in torch_defaults and not (callee == "F.pad" and torch_defaults[name] is None):
            assert default == torch_defaults[name], name


def test_equal_numbers_and_defaults_are_shortened() -> None:
    arguments = {"kernel_size": (3, 3), "stride": (2, 1), "padding": (0, 0), "bias": True, "groups": 4}
    assert short_arguments("nn.Conv2d", arguments) == {"kernel_size": 3, "stride": (2, 1), "groups": 4}


def test_a_flag_is_not_taken_for_a_number() -> None:
    assert short_arguments("nn.Conv2d", {"groups": True}) == {"groups": True}
