"""Repeated structure becomes classes: config in, text of the classes out. No Keras is needed."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.configs import by_keras
from tests.support.nets import Net, conv, conv_bn_relu


def classes(source: str) -> dict[str, str]:
    """The text of each class but for its docstring's text, by name."""
    parts = re.split(r"\n\n\n(?=class |def )", source)
    return {part.split("(")[0].removeprefix("class "): part for part in parts if part.startswith("class ")}


def residual_net(blocks: int) -> Net:
    net = Net(32, 24, 3)
    x = conv_bn_relu(net, "stem", "image", 16)
    before = 16
    for stage, filters in enumerate((16, 32), start=1):
        for block in range(1, blocks + 1):
            prefix = f"stage{stage}_block{block}"
            strides = [2, 2] if stage > 1 and block == 1 else [1, 1]
            y = conv_bn_relu(net, f"{prefix}_1", x, filters, size=1, strides=strides)
            y = conv(net, f"{prefix}_2_conv", y, filters)
            y = net("BatchNormalization", f"{prefix}_2_bn", y)
            if filters != before:
                x = conv(net, f"{prefix}_0_conv", x, filters, size=1, strides=strides)
                x = net("BatchNormalization", f"{prefix}_0_bn", x)
            x = net("Add", f"{prefix}_add", x, y)
            x = net("Activation", f"{prefix}_out", x, activation="relu")
            before = filters
    return net


def test_residual_blocks_are_one_class_with_a_shortcut_where_channels_change(tmp_path: Path) -> None:
    found = classes(residual_net(4).source(tmp_path, "stage2_block4_out"))
    assert list(found) == ["ResidualBlock", "ConvertedModel"]
    block = found["ResidualBlock"]
    assert "def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:" in block
    assert "if in_channels != out_channels\n            else nn.Identity()" in block
    assert "return F.relu(self.shortcut(x) + self.bn_2(self.conv_2(y)))" in block
    assert (
        "self.stage1 = nn.Sequential(*(ResidualBlock(16, 16) for _ in range(4)))" in found["ConvertedModel"]
    )
    assert "ResidualBlock(16, 32, stride=2), *(ResidualBlock(32, 32) for _ in range(3))" in (
        found["ConvertedModel"]
    )


def test_layers_are_found_again_inside_blocks(tmp_path: Path) -> None:
    names = residual_net(4).draft(tmp_path, "stage2_block4_out").torch_names
    assert names["stem_conv"] == ("stem_conv",)
    assert names["stage1_block3_1_conv"] == ("stage1.2.conv_1",)
    assert names["stage2_block1_0_bn"] == ("stage2.0.shortcut.1",)
    assert "stage1_block1_out" not in names


def test_deep_and_shallow_networks_are_equally_long(tmp_path: Path) -> None:
    lengths = {
        len(residual_net(blocks).source(tmp_path, f"stage2_block{blocks}_out").splitlines())
        for blocks in (4, 9)
    }
    assert len(lengths) == 1


def test_names_are_not_needed(tmp_path: Path) -> None:
    net = Net(32, 24, 8)
    count, x = 0, "image"
    for block in range(4):
        y = x
        for step in range(2):
            y = conv(net, f"conv2d_{count}", y, 8)
            y = net("BatchNormalization", f"batch_normalization_{count}", y)
            y = net("ReLU", f"re_lu_{count}", y) if step == 0 else y
            count += 1
        x = net("Add", f"add_{block}", y, x)
    found = classes(net.source(tmp_path, x))
    assert list(found) == ["ResidualBlock", "ConvertedModel"]
    assert (
        "self.residual_blocks = nn.Sequential(*(ResidualBlock() for _ in range(4)))"
        in found["ConvertedModel"]
    )


def test_dense_layers_grow_evenly(tmp_path: Path) -> None:
    net = Net(16, 16, 8)
    x = "image"
    for block in range(1, 7):
        y = net("BatchNormalization", f"block{block}_bn", x)
        y = net("ReLU", f"block{block}_relu", y)
        y = conv(net, f"block{block}_conv", y, 4)
        x = net("Concatenate", f"block{block}_concat", x, y)
    found = classes(net.source(tmp_path, x))
    assert "*(DenseLayer(8 + 4 * i) for i in range(6))" in found["ConvertedModel"].replace(
        "\n            ", ""
    )
    assert "return torch.cat([x, self.conv(y)], dim=1)" in found["DenseLayer"]


def test_skips_of_a_u_net_are_values_of_the_model(tmp_path: Path) -> None:
    net = Net(32, 32, 3)
    skips, x = [], "image"
    for level in range(1, 4):
        x = conv_bn_relu(net, f"down{level}_2", conv_bn_relu(net, f"down{level}_1", x, 8 * level), 8 * level)
        skips.append(x)
        x = net("MaxPooling2D", f"down{level}_pool", x, pool_size=[2, 2])
    for level in range(3, 0, -1):
        x = net("UpSampling2D", f"up{level}_up", x, size=[2, 2])
        x = net("Concatenate", f"up{level}_cat", x, skips[level - 1])
        x = conv_bn_relu(net, f"up{level}_2", conv_bn_relu(net, f"up{level}_1", x, 8 * level), 8 * level)
    found = classes(net.source(tmp_path, x))
    assert len(found) == 2
    model = found["ConvertedModel"]
    for name in ("down1", "down3", "up1", "up3"):
        assert f"self.{name} = " in model
    assert model.count("torch.cat(") == model.count("F.interpolate(") == 3
    assert model.count("permute") == 2  # at the entry and at the exit


def test_squeeze_and_excitation_is_part_of_the_block_that_has_it(tmp_path: Path) -> None:
    net = Net(32, 32, 16)
    x = "image"
    for block in range(1, 5):
        prefix = f"block{block}"
        y = conv_bn_relu(net, f"{prefix}_a", x, 16)
        if block > 2:
            gate = net("GlobalAveragePooling2D", f"{prefix}_se_mean", y, keepdims=True)
            gate = conv(net, f"{prefix}_se_reduce", gate, 4, size=1, activation="relu")
            gate = conv(net, f"{prefix}_se_expand", gate, 16, size=1, activation="sigmoid")
            y = net("Multiply", f"{prefix}_se_scale", y, gate)
        y = net("BatchNormalization", f"{prefix}_b_bn", conv(net, f"{prefix}_b_conv", y, 16))
        x = net("Add", f"{prefix}_add", x, y)
    found = classes(net.source(tmp_path, x))
    assert list(found) == ["SqueezeExcite", "ResidualBlock", "ConvertedModel"]
    assert "SqueezeExcite() if se else nn.Identity()" in found["ResidualBlock"]
    assert "ResidualBlock(se=True)" in found["ConvertedModel"]


def test_cells_with_two_inputs(tmp_path: Path) -> None:
    net = Net(16, 16, 8)
    before, x = "image", conv_bn_relu(net, "stem", "image", 8)
    for cell in range(1, 5):
        left = conv(net, f"cell{cell}_left_conv", before, 8)
        left = net("BatchNormalization", f"cell{cell}_left_bn", left)
        right = conv(net, f"cell{cell}_right_conv", x, 8, size=5)
        right = net("BatchNormalization", f"cell{cell}_right_bn", right)
        before, x = x, net("Add", f"cell{cell}_add", left, right)
    found = classes(net.source(tmp_path, x))
    assert list(found) == ["Cell", "ConvertedModel"]
    assert "def forward(self, x: Tensor, skip: Tensor) -> Tensor:" in found["Cell"]
    assert "self.left_bn(self.left_conv(x)) + self.right_bn(self.right_conv(skip))" in re.sub(
        r"\s+", " ", found["Cell"]
    ).replace("( ", "(").replace(" )", ")")


def test_a_shared_layer_belongs_to_no_block(tmp_path: Path) -> None:
    net = Net(16, 16, 8)
    x = conv(net, "shared", "image", 8)
    for block in range(1, 5):
        x = net("BatchNormalization", f"block{block}_bn", conv(net, f"block{block}_conv", x, 8))
        x = net("ReLU", f"block{block}_relu", net.shared("shared", block, x))  # type: ignore[arg-type]  # a name of a layer
    found = classes(net.source(tmp_path, x))
    model = found["ConvertedModel"]
    assert model.count("self.shared = ") == 1
    assert not any("self.shared" in text for name, text in found.items() if name != "ConvertedModel")


@pytest.mark.parametrize(
    "prefix", ['"""); import os; ("""', "class", "self.forward", "Überblöck {{ 7 }}", "a" * 300]
)
def test_strange_names_are_only_names(tmp_path: Path, prefix: str) -> None:
    net = Net(16, 16, 8)
    x = "image"
    for block in range(1, 6):
        x = conv_bn_relu(net, f"{prefix}{block}_a", x, 8)
        x = conv_bn_relu(net, f"{prefix}{block}_b", x, 8)
    source = net.source(tmp_path, x)
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)]
    assert "os" not in {alias.name for node in imports for alias in node.names}
    assert len(classes(source)) == 2


def test_a_small_nested_model_is_a_sequence(tmp_path: Path) -> None:
    net = Net(8, name="features")
    head = by_keras(
        [
            {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8]}},
            {"class_name": "Dense", "config": {"name": "hidden", "units": 4, "activation": "relu"}},
            {"class_name": "Dense", "config": {"name": "out", "units": 2}},
        ]
    )
    net("Sequential", "head", "features", layers=head)
    source = net.source(tmp_path, "head")
    assert list(classes(source)) == ["ConvertedModel"]
    assert "nn.Linear(in_features=8, out_features=4),\n            nn.ReLU(),\n" in source
    assert "return self.head(features)" in source or "= self.head(features)" in source


def test_rates_that_grow_evenly(tmp_path: Path) -> None:
    net = Net(16, 16, 8)
    x = "image"
    for block in range(6):
        y = conv_bn_relu(net, f"block{block}_a", x, 8)
        if block:
            y = net("Dropout", f"block{block}_drop", y, rate=0.2 * block / 6, noise_shape=[None, 1, 1, 1])
        x = net("Add", f"block{block}_add", x, y)
    assert "drop_rate=0.2 * (1 + i) / 6) for i in range(5)" in re.sub(
        r"\s+", " ", net.source(tmp_path, x)
    ).replace("( ", "(").replace(" )", ")")


def test_equal_expressions_are_computed_once(tmp_path: Path) -> None:
    net = Net(16, 16, 8)
    first = net("Activation", "first", "image", activation="relu")
    second = net("Activation", "second", "image", activation="relu")
    x = net("Add", "sum", conv(net, "left", first, 8), conv(net, "right", second, 8))
    assert net.source(tmp_path, x).count("F.relu(") == 1


def test_padding_that_follows_from_the_dilation(tmp_path: Path) -> None:
    net = Net(40, 32, 8)
    x = "image"
    for number, dilation in enumerate(3 * (1, 2, 4, 8, 1), start=1):
        x = conv_bn_relu(net, f"block{number}", x, 8, dilation_rate=[dilation, dilation])
    block = classes(net.source(tmp_path, x))["ConvBatchNorm"]
    assert "def __init__(self, dilation: int = 1) -> None:" in block
    assert "padding=dilation, dilation=dilation" in re.sub(r"\s+", " ", block)


def test_padding_of_open_sizes_takes_lists(tmp_path: Path) -> None:
    net = Net(None, None, 8)
    x = "image"
    for block, (size, stride) in enumerate([(3, 2), (5, 1), (3, 2), (5, 2), (3, 1)], start=1):
        y = conv_bn_relu(net, f"block{block}_1", x, 8, size=1)
        y = conv_bn_relu(net, f"block{block}_2", y, 8, size=size, strides=[stride, stride])
        y = conv(net, f"block{block}_3_conv", y, 8, size=1)
        x = net("ReLU", f"block{block}_out", net("Add", f"block{block}_add", x, y) if stride == 1 else y)
    source = net.source(tmp_path, x)
    assert "stride=[self.stride, self.stride]" in source
    assert output_of(source, (2, 21, 18, 8)) == (2, 3, 3, 8)


def pooled_shortcuts(net: Net, stages: Sequence[tuple[int, int]]) -> str:
    """Residual blocks of these filters and strides, whose shortcuts are pooled and projected."""
    x, before = "image", 8
    for block, (filters, stride) in enumerate(stages, start=1):
        y = conv_bn_relu(net, f"block{block}_1", x, filters, strides=[stride, stride])
        y = net("BatchNormalization", f"block{block}_2_bn", conv(net, f"block{block}_2_conv", y, filters))
        if stride > 1:
            pools = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
            x = net("AveragePooling2D", f"block{block}_pool", x, **pools)
        if filters != before:
            x = conv(net, f"block{block}_0_conv", x, filters, size=1)
            x = net("BatchNormalization", f"block{block}_0_bn", x)
        x = net("ReLU", f"block{block}_out", net("Add", f"block{block}_add", x, y))
        before = filters
    return x


def output_of(source: str, shape: tuple[int, ...]) -> torch.Size:
    """The shape of what a generated model yields for an input of a shape."""
    namespace: dict[str, Any] = {"__file__": "net.py", "__name__": "net"}
    exec(compile(source, "net.py", "exec"), namespace)
    output: torch.Tensor = namespace["ConvertedModel"]()(torch.rand(shape))
    return output.shape


def test_a_pooled_shortcut_is_a_sequence(tmp_path: Path) -> None:
    net = Net(32, 32, 8)
    x = pooled_shortcuts(net, [(16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (64, 1)])
    source = net.source(tmp_path, x)
    assert "nn.Sequential(\n                nn.AvgPool2d(kernel_size=2),\n" in source
    assert output_of(source, (2, 32, 32, 8)) == (2, 8, 8, 64)


def test_a_choice_inside_of_an_optional_part(tmp_path: Path) -> None:
    net = Net(32, 32, 8)
    stages = [(16, 1), (16, 1), (24, 1), (24, 1), (32, 2), (32, 1), (48, 1), (48, 1), (64, 2), (64, 1)]
    source = net.source(tmp_path, pooled_shortcuts(net, stages))
    assert "F.avg_pool2d(x, kernel_size=2) if self.pool else x" in source
    assert output_of(source, (2, 32, 32, 8)) == (2, 8, 8, 64)


def test_a_number_whose_default_is_no_absence_tells_nothing(tmp_path: Path) -> None:
    net = Net(32, 32, 8)
    x = conv(net, "stem", "image", 8)
    for block, (size, first, second) in enumerate([(3, 1, 0), (3, 2, 0), (3, 1, 0), (1, 1, 2), (1, 1, 1)]):
        y = net("ZeroPadding2D", f"block{block}_pad", x, padding=size // 2)
        steps = [first, first]
        y = conv_bn_relu(net, f"block{block}_expand", y, 16, size=size, strides=steps, padding="valid")
        if second:
            y = net("ZeroPadding2D", f"block{block}_middle_pad", y, padding=2)
            y = net("DepthwiseConv2D", f"block{block}_middle_conv", y, kernel_size=5, strides=[second] * 2)
            y = net("BatchNormalization", f"block{block}_middle_bn", y)
            y = net("ReLU", f"block{block}_middle_relu", y)
        y = net(
            "BatchNormalization", f"block{block}_end_bn", conv(net, f"block{block}_end_conv", y, 8, size=1)
        )
        x = y if 2 in (first, second) else net("Add", f"block{block}_add", x, y)
    source = net.source(tmp_path, x)
    assert "if expand\n            else nn.Identity()" in source
    assert output_of(source, (2, 32, 32, 8)) == (2, 8, 8, 8)


def test_pieces_that_follow_from_the_channels(tmp_path: Path) -> None:
    net = Net(8, 8, 3)
    x = "image"
    for stage, channels in enumerate((8, 16, 24), start=1):
        x = conv(net, f"stage{stage}_down", x, channels)
        for block in (1, 2):
            prefix = f"stage{stage}_block{block}"
            net("Split", f"{prefix}_split", x, indices_or_sections=[channels // 4], axis=-1)
            net.layers[-1]["module"] = "keras.src.ops.numpy"
            first, rest = net.piece(f"{prefix}_split", 0), net.piece(f"{prefix}_split", 1)
            y = net("Concatenate", f"{prefix}_cat", conv(net, f"{prefix}_a_conv", first, channels // 4), rest)
            y = conv_bn_relu(net, f"{prefix}_b", y, 2 * channels, size=1)
            x = net("Add", f"{prefix}_add", x, conv(net, f"{prefix}_c_conv", y, channels, size=1))
    source = net.source(tmp_path, x)
    assert "size = channels - channels // 4" in source
    assert "_channels, self.size], dim=1)" in source
    assert output_of(source, (2, 8, 8, 3)) == (2, 8, 8, 24)


def test_a_mask_is_no_context(tmp_path: Path) -> None:
    net = Net(12, 16, name="tokens")
    mask = net("InputLayer", "mask", batch_shape=[None, 12, 12], dtype="bool")
    net.layers[-1]["inbound_nodes"], net.inputs = [], ["tokens", mask]
    x = "tokens"
    for layer in range(4):
        name = f"layer{layer}"
        y = net("MultiHeadAttention", f"{name}_attention", x, x, num_heads=2, key_dim=8)
        tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": [mask, 0, 0]}}
        net.layers[-1]["inbound_nodes"][0]["kwargs"]["attention_mask"] = tensor
        x = net("LayerNormalization", f"{name}_norm_1", net("Add", f"{name}_add_1", x, y))
        y = net("Dense", f"{name}_expand", x, units=32, activation="relu")
        y = net("Dense", f"{name}_contract", y, units=16)
        x = net("LayerNormalization", f"{name}_norm_2", net("Add", f"{name}_add_2", x, y))
    assert "TransformerEncoder" in classes(net.source(tmp_path, x))


def test_equal_pads_are_written_one_by_one(tmp_path: Path) -> None:
    """Unlike a convolution, `F.pad` does not take one number for all."""
    net = Net(8, 9, 4)
    x = "image"
    for block in range(4):
        x = conv(net, f"block{block}_first", x, 4, padding="same")
        x = net("ZeroPadding2D", f"block{block}_pad", x, padding=[[1, 1], [1, 1]])
        x = net("Activation", f"block{block}_silu", x, activation="silu")
        x = conv_bn_relu(net, f"block{block}", x, 4, size=3, padding="valid")
    source = net.source(tmp_path, x)
    assert "(1, 1, 1, 1)" in next(iter(classes(source).values()))
    assert output_of(source, (2, 8, 9, 4)) == (2, 8, 9, 4)
