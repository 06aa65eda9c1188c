"""A converted model deploys like a hand-written one: compiled, exported, copied, moved, distributed."""

from __future__ import annotations

import copy
import io
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from codegen import convert
from tests.oracle.cases.case import keras
from tests.support.conversions import load
from tests.support.distributed_worker import gradients
from tests.support.oracle import randomise

L = keras.layers
ROOT = Path(__file__).parents[2]
NAMES = ("convnet", "masked_rnn", "masked_transformer", "transformer")


def convnet() -> Any:
    inputs = keras.Input((16, 12, 3))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, strides=2, padding="same")(inputs)))
    y = L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same", activation="relu6")(x))
    x = L.MaxPooling2D()(L.Add()([x, L.Conv2D(8, 1)(y)]))
    x = L.Dropout(0.3)(L.Flatten()(x))
    return keras.Model(inputs, L.Dense(5, activation="softmax")(x))


def masked_rnn() -> Any:
    inputs = keras.Input((9,), dtype="int32")
    x = L.Embedding(20, 8, mask_zero=True)(inputs)
    x = L.Bidirectional(L.LSTM(6, return_sequences=True))(x)
    x = L.Bidirectional(L.LSTM(4))(L.Dropout(0.2)(x))
    return keras.Model(inputs, L.Dense(3)(x))


def transformer() -> Any:
    inputs = keras.Input((7, 12))
    x = inputs
    for _ in range(2):
        y = L.MultiHeadAttention(3, 4, dropout=0.1)(x, x, use_causal_mask=True)
        y = L.Attention()([y, x], use_causal_mask=True)
        x = L.LayerNormalization(epsilon=1e-6)(x + y)
        y = L.Dense(12)(L.Dense(20, activation="gelu")(x))
        x = L.LayerNormalization(epsilon=1e-6)(x + L.Dropout(0.1)(y))
    return keras.Model(inputs, L.Dense(4)(L.GlobalAveragePooling1D()(x)))


def masked_transformer() -> Any:
    inputs = keras.Input((9,), dtype="int32")
    x = L.Embedding(20, 8, mask_zero=True)(inputs)
    y, _ = L.MultiHeadAttention(2, 4)(x, x, return_attention_scores=True)
    x = L.Add()([x, L.MultiHeadAttention(2, 4, dropout=0.1)(y, x, use_causal_mask=True)])
    x = L.Attention(use_scale=True)([L.AdditiveAttention()([x, y]), x])
    return keras.Model(inputs, L.Dense(3)(L.Flatten()(L.Attention()([x, y], use_causal_mask=True))))


@pytest.fixture(scope="module", params=NAMES)
def module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The generated file of a model, imported under its own name."""
    keras.utils.set_random_seed(1)
    model = globals()[request.param]()
    randomise(model)
    folder = tmp_path_factory.mktemp(request.param)
    model.save(folder / f"{request.param}.keras")
    loaded = load(convert(folder / f"{request.param}.keras", output=folder))
    sys.modules[loaded.__name__] = loaded
    yield loaded
    del sys.modules[loaded.__name__]


@pytest.fixture
def model(module: ModuleType) -> nn.Module:
    loaded: nn.Module = module.load_model()
    return loaded


def sample(module: ModuleType, batch: int = 4) -> Tensor:
    rng = np.random.default_rng(3)
    if "masked" in module.__name__:
        tokens = rng.integers(1, 20, (batch, 9)).astype("int32")
        tokens[0, 5:] = tokens[1, :3] = tokens[2] = 0
        return torch.from_numpy(tokens)
    shape = (7, 12) if module.__name__.endswith("transformer") else (16, 12, 3)
    return torch.from_numpy(rng.normal(size=(batch, *shape)).astype("float32"))


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_script(module: ModuleType, model: nn.Module) -> None:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(model), buffer)
    buffer.seek(0)
    loaded: Callable[[Tensor], Tensor] = torch.jit.load(buffer)  # type: ignore[no-untyped-call]  # of torch
    for batch in (4, 3):
        x = sample(module, batch)
        assert_same(loaded(x), model(x))


@pytest.mark.parametrize("training", [False, True])
def test_compile_without_graph_breaks(module: ModuleType, model: nn.Module, training: bool) -> None:
    torch._dynamo.reset()
    torch._dynamo.config.allow_rnn = True  # else Dynamo breaks the graph at any nn.LSTM
    x = sample(module)
    compiled = torch.compile(model.train(training), fullgraph=True, backend="aot_eager")
    torch.manual_seed(0)
    found = compiled(x)
    found.sum().backward()
    if not training:
        assert_same(found, model(x))


def test_export_with_any_batch_size(module: ModuleType, model: nn.Module) -> None:
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(model, (sample(module),), dynamic_shapes=({0: batch},))
    for size in (4, 9):
        x = sample(module, size)
        assert_same(exported.module()(x), model(x))


def test_onnx(module: ModuleType, model: nn.Module, tmp_path: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.onnx.export(
        model, (sample(module),), dynamo=True, dynamic_shapes=({0: batch},), verbose=False
    )
    assert program is not None
    program.save(tmp_path / "model.onnx")
    evaluator = ReferenceEvaluator(str(tmp_path / "model.onnx"))
    for size in (4, 9):
        x = sample(module, size)
        (output,) = evaluator.run(None, {evaluator.input_names[0]: x.numpy()})
        assert_same(torch.from_numpy(np.asarray(output)), model(x))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies(module: ModuleType, model: nn.Module, duplicate: Callable[[nn.Module], nn.Module]) -> None:
    x = sample(module)
    expected = model(x)
    copied = duplicate(model)
    with torch.no_grad():
        next(model.parameters()).zero_()
    assert_same(copied(x), expected)


def test_double_precision(module: ModuleType, model: nn.Module) -> None:
    x = sample(module)
    expected = model(x)
    found = model.to(torch.float64)(x.double() if x.is_floating_point() else x)
    assert found.dtype == torch.float64
    assert_same(found.float(), expected)


def test_another_device(module: ModuleType, model: nn.Module) -> None:
    """Nothing stays behind on the CPU."""
    x = sample(module).to("meta")
    moved = model.to("meta")
    if not module.__name__.endswith("masked_rnn"):  # its steps are counted
        assert moved(x).device.type == "meta"
    assert {tensor.device.type for tensor in moved.state_dict().values()} == {"meta"}


def test_autocast(module: ModuleType, model: nn.Module) -> None:
    x = sample(module)
    expected = model(x)
    # oneDNN has no bfloat16 LSTM for every processor, and fails for any nn.LSTM there
    with torch.backends.mkldnn.flags(enabled=False), torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(model(x).float(), expected, rtol=0.1, atol=0.1)
        loss = model.train()(x).float().sum()
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_two_processes(module: ModuleType, model: nn.Module) -> None:
    """A step of DDP and of FSDP, half of the batch in each process, equals a step on the whole batch."""
    source = Path(str(module.__file__))
    torch.save(sample(module), source.with_suffix(".input"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.support.distributed_worker"]
    workers = [subprocess.Popen([*command, str(rank), str(port), source], cwd=ROOT) for rank in range(2)]
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
    found = torch.load(source.with_suffix(".gradients"))
    expected = gradients(model, sample(module))
    for wrapping in ("ddp", "fsdp"):
        for ours, theirs in zip(found[wrapping], expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
