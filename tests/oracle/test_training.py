"""One step of training: outputs, gradients and moving statistics of the converted model are Keras'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import torch
from numpy.typing import NDArray

from codegen import convert
from tests.oracle.cases.case import keras
from tests.support.conversions import load
from tests.support.oracle import randomise, sample_inputs

Array = NDArray[Any]
L = keras.layers

BATCH = 6


def convnet() -> Any:
    """Batch normalisation in training mode, on images, on a sequence and on vectors; one is frozen."""
    shared = L.Conv2D(6, 3, padding="same", activation="relu")
    inputs = keras.Input((12, 10, 6))
    x = L.BatchNormalization(momentum=0.8)(shared(inputs))
    x = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False, trainable=False)(shared(x))
    x = L.BatchNormalization(trainable=False)(x)
    x = L.DepthwiseConv2D(3, use_bias=False)(L.ReLU()(x))
    x = L.ReLU()(L.BatchNormalization(scale=False)(L.Reshape((-1, 8))(x)))
    x = L.Dense(5, use_bias=False)(L.Flatten()(x))
    return keras.Model(inputs, L.BatchNormalization(momentum=0.9, center=False)(x))


def masked_rnn() -> Any:
    inputs = keras.Input((9,), dtype="int32")
    x = L.Embedding(5, 6, mask_zero=True)(inputs)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True))(x)
    x = L.GRU(5, reset_after=False, return_sequences=True)(x)
    x = L.GRU(5, return_sequences=True)(x)
    x = L.SimpleRNN(4)(x)
    return keras.Model(inputs, L.Dense(3)(x))


def transformer() -> Any:
    inputs = keras.Input((7, 12))
    x = inputs
    for _ in range(2):
        y = L.MultiHeadAttention(3, 4)(x, x, use_causal_mask=True)
        x = L.LayerNormalization(epsilon=1e-6)(x + y)
        y = L.Dense(12)(L.Dense(20, activation="gelu")(x))
        x = L.LayerNormalization(epsilon=1e-6)(x + y)
    return keras.Model(inputs, L.Dense(4)(L.GlobalAveragePooling1D()(x)))


def keras_step(
    model: Any, inputs: list[Array], factors: Array
) -> tuple[Array, dict[str, Array], list[Array]]:
    """Output, gradients by path of variable, gradients of the inputs; moving statistics are updated."""
    tensors = [tf.constant(array) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch([tensor for tensor in tensors if tensor.dtype.is_floating])
        output = model(tensors if len(tensors) > 1 else tensors[0], training=True)
        loss = tf.reduce_sum(output * factors)
    sources = [tensor for tensor in tensors if tensor.dtype.is_floating]
    variables = [variable.value for variable in model.trainable_variables]
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, [*variables, *sources])]
    count = len(variables)
    paths = [variable.path for variable in model.trainable_variables]
    return output.numpy(), dict(zip(paths, gradients[:count], strict=True)), gradients[count:]


def in_torch(model: Any, arrays: Mapping[str, Array], folder: Path) -> dict[str, Array]:
    """Arrays of Keras' variables by key of the state dict: moved by the same recipes as the weights."""
    before = model.get_weights()
    model.set_weights([arrays.get(variable.path, variable.numpy()) for variable in model.weights])
    model.save(folder / "moved.keras")
    model.set_weights(before)
    moved = load(convert(folder / "moved.keras", output=folder / "moved")).load_model().state_dict()
    return {key: tensor.numpy() for key, tensor in moved.items()}


def assert_close(ours: Array, theirs: Array, name: str) -> None:
    """Equal to a ten-thousandth of the greatest element."""
    assert ours.shape == theirs.shape, name
    scale = max(float(np.abs(theirs).max()), 1e-3)
    np.testing.assert_allclose(ours / scale, theirs / scale, rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("make", [convnet, masked_rnn, transformer])
def test_step(make: Any, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = make()
    randomise(model)
    inputs = sample_inputs(model, BATCH, ints=5)
    factors = np.random.default_rng(5).normal(size=(BATCH, model.output_shape[-1])).astype("float32")
    model.save(tmp_path / "model.keras")
    converted = load(convert(tmp_path / "model.keras", output=tmp_path)).load_model().train()
    counts = count_samples(converted)
    before = {key: tensor.numpy().copy() for key, tensor in converted.state_dict().items()}
    expected, of_weights, of_inputs = keras_step(model, inputs, factors)
    gradients, after = in_torch(model, of_weights, tmp_path), in_torch(model, {}, tmp_path)

    tensors = [torch.from_numpy(array) for array in inputs]
    sources = [tensor.requires_grad_() for tensor in tensors if tensor.is_floating_point()]
    output = converted(*tensors)
    (output * torch.from_numpy(factors)).sum().backward()

    assert_close(output.detach().numpy(), expected, "output")
    for tensor, theirs in zip(sources, of_inputs, strict=True):
        assert tensor.grad is not None
        assert_close(tensor.grad.numpy(), theirs, "gradient of the input")
    for key, parameter in converted.named_parameters():
        assert (parameter.grad is None) == (not parameter.requires_grad), key
        if parameter.grad is not None:
            assert_close(parameter.grad.numpy(), gradients[key], f"gradient of {key}")
    for key, theirs in after.items():
        ours = converted.state_dict()[key].numpy()
        if key.endswith("running_var"):
            name = key.removesuffix(".running_var")
            momentum, count = converted.get_submodule(name).momentum, counts.get(name, 0)
            if count:  # torch counts one sample less, as TensorFlow's fused kernel does
                old = (1 - momentum) * before[key]
                ours = old + (ours - old) * (count - 1) / count
        if not key.endswith("num_batches_tracked"):
            assert_close(ours, theirs, key)
    assert sum(not np.array_equal(before[key], after[key]) for key in after) == 2 * len(counts)


def count_samples(model: torch.nn.Module) -> dict[str, int]:
    """Filled by a run in training mode: over how many numbers each batch normalisation takes its mean."""
    counts: dict[str, int] = {}

    def note(name: str, x: torch.Tensor) -> None:
        counts[name] = x.numel() // x.shape[1]

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.register_forward_pre_hook(
                lambda made, args, name=name: note(name, args[0]) if made.training else None
            )
    return counts
