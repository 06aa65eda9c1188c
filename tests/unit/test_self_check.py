"""The self-check lets no wrong file pass: wrong outputs, wrong weights, code that does not run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from codegen.commands.self_check import SelfCheckFailed, self_check
from codegen.graph import Graph, Value

_SOURCE = """
import torch
from torch import Tensor, nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.register_buffer("nothing", torch.empty(0))

    def forward(self, x: Tensor) -> Tensor:
        {body}
"""
_STATE = {"fc.weight": torch.ones(4, 3), "fc.bias": torch.ones(4), "nothing": torch.empty(0)}


def _check(folder: Path, body: str, graph: Graph, state: dict[str, torch.Tensor]) -> None:
    weights = folder / "net.pt"
    torch.save(state, weights)
    self_check(_SOURCE.format(body=body), weights, graph, "Net")


def _graph(*outputs: Value, size: int | None = 3) -> Graph:
    graph = Graph("net")
    graph.inputs, graph.outputs = [Value((None, size))], list(outputs)
    return graph


@pytest.mark.parametrize(
    "body",
    [
        "return self.fc(x)",
        "assert len(x), 'not for empty batches'; return self.fc(x)",
        "assert x.any(), 'not for zeros'; return self.fc(x)",
        "return self.fc(torch.linalg.inv(x.new_zeros(3, 3)))",  # zeros are our doing
    ],
)
def test_a_right_file_passes(body: str, tmp_path: Path) -> None:
    _check(tmp_path, body, _graph(Value((None, 4))), _STATE)


def test_open_sizes_are_tried(tmp_path: Path) -> None:
    body = "assert x.shape[1] in (64, 224); return self.fc(x[:, :3])"
    _check(tmp_path, body, _graph(Value((None, 4)), size=None), _STATE)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return self.fc(x)[:, 0]", r"output \(1,\) instead of \(None, 4\) \('fc_out'\)"),
        ("return self.fc(x)[:, None]", r"output \(1, 1, 4\) instead of \(None, 4\)"),
        ("return self.fc(x)[..., None]", r"output \(1, 4, 1\) instead of \(None, 4\)"),
        ("return self.fc(x)[:, :3]", r"output \(1, 3\) instead of \(None, 4\)"),
        ("return self.fc(x).T", r"output \(4, 1\) instead of \(None, 4\)"),
        ("y = self.fc(x); return y, y", "2 outputs instead of 1"),
        ("return ()", "0 outputs instead of 1"),
        ("return None", "AttributeError"),
        ("return self.fc(y)", "NameError: name 'y' is not defined"),
        ("return self.fc(x, 1)", "TypeError"),
        ("return self.conv(x)", "AttributeError: .* no attribute 'conv'"),
        ("return self.fc(x[:, :2])", "RuntimeError: .* shapes cannot be multiplied"),
        ("raise ValueError('never')", "ValueError: never"),
        ("return self.fc(", "SyntaxError"),
    ],
)
def test_a_wrong_file_is_found(body: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SelfCheckFailed, match=problem):
        _check(tmp_path, body, _graph(Value((None, 4), layer="fc_out")), _STATE)


def test_windows_in_a_row_have_large_inputs(tmp_path: Path) -> None:
    body = "assert x.shape[1] > 4000, 'small'; return x[:, :4]"
    _check(tmp_path, body, _graph(Value((None, 4)), size=None), _STATE)


def test_a_slice_of_the_batch_has_large_batches(tmp_path: Path) -> None:
    _check(tmp_path, "assert len(x) > 4000, 'small'; return self.fc(x)", _graph(Value((None, 4))), _STATE)


def test_what_a_sample_fails_with_is_told_and_not_what_an_empty_batch_does(tmp_path: Path) -> None:
    body = "assert len(x), 'empty'; assert x.shape[1] == 224, 'small'; raise ValueError('honest')"
    with pytest.raises(SelfCheckFailed, match="honest"):
        _check(tmp_path, body, _graph(Value((None, 4)), size=None), _STATE)


def test_an_output_too_few_is_found(tmp_path: Path) -> None:
    with pytest.raises(SelfCheckFailed, match="1 outputs instead of 2"):
        _check(tmp_path, "return self.fc(x)", _graph(Value((None, 4)), Value((None, 4))), _STATE)


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"fc.weight": _STATE["fc.weight"]}, "Missing key"),
        ({**_STATE, "fc.gain": torch.ones(4)}, "Unexpected key"),
        ({**_STATE, "fc.bias": torch.ones(3)}, "size mismatch for fc.bias"),
        ({**_STATE, "fc.weight": torch.ones(3, 4)}, "size mismatch for fc.weight"),
    ],
    ids=["missing", "unexpected", "bias", "transposed"],
)
def test_weights_that_do_not_fit_are_found(
    state: dict[str, torch.Tensor], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SelfCheckFailed, match=problem):
        _check(tmp_path, "return self.fc(x)", _graph(Value((None, 4))), state)


@pytest.mark.parametrize(("index", "passes"), [("len(x) + 5", True), ("3", False)])
def test_an_index_beyond_a_size_that_is_only_the_samples(index: str, passes: bool, tmp_path: Path) -> None:
    x = "x" if passes else "x[0, :2]"  # which has a size that is the model's
    body = f"y = self.fc(x); torch.arange(2); _ = {x}[{index}]; return y"
    if passes:
        _check(tmp_path, body, _graph(Value((None, 4))), _STATE)
    else:
        with pytest.raises(SelfCheckFailed, match="out of bounds"):
            _check(tmp_path, body, _graph(Value((None, 4))), _STATE)
