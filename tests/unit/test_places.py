"""Where each layer stands in the generated file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codegen.emit.places import Location, locate
from codegen.model.place import Place
from codegen.model.spec import LayerCall, ModelSpec
from codegen.options import Options
from codegen.pipeline import Generated, generate
from codegen.read import read_model

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def located(name: str, **options: Any) -> tuple[Generated, dict[LayerCall, Location]]:
    with read_model(EXAMPLES / name) as saved:
        made = generate(saved, Options(no_weights=True, **options), "model")
    lowered = made.lowered
    return made, locate(lowered.graph, made.names, made.steps, made.source, lowered.results).calls


def text(made: Generated, place: Place) -> str:
    return " ".join("\n".join(made.source.split("\n")[place.first - 1 : place.last]).split())


def own(made: Generated, found: Location) -> dict[tuple[str, str], list[str]]:
    """The layer's own lines by module and method."""
    texts: dict[tuple[str, str], list[str]] = {}
    for place in found.places:
        if place.own:
            texts.setdefault((place.module, place.method), []).append(text(made, place))
    return texts


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", ["resnet50.json", "unet.json", "text_encoder.json", "mobilenet_v2.json"])
def test_every_layer_has_lines_that_make_and_call_its_modules(name: str, flat: bool) -> None:
    made, found = located(name, flat=flat)
    model = made.lowered.tree.spec.model
    assert isinstance(model, ModelSpec)
    for layer in model.layers:
        location = found[LayerCall((layer.name,))]
        lines = own(made, location)
        assert lines, layer.name
        for module in location.names:
            holder, _, attribute = module.rpartition(".")
            in_sequence = attribute.isdecimal()  # then the sequence has the name
            attribute = holder.rpartition(".")[2] if in_sequence else attribute
            where = {path: lines for (path, method), lines in lines.items() if method == "__init__"}
            made_in = where[holder.rpartition(".")[0] if in_sequence else holder]
            assert in_sequence or any(line.startswith(f"self.{attribute} =") for line in made_in)
            called = [line for (_, method), lines in lines.items() if method == "forward" for line in lines]
            assert any(f"self.{attribute}(" in line for line in called)


def test_a_layer_in_a_block_has_its_lines_and_those_that_lead_to_the_block() -> None:
    made, found = located("resnet50.json")
    location = found[LayerCall(("conv3_block4_2_conv",))]
    assert list(location.names) == ["conv3.3.conv_2"]
    assert [(p.module, p.method, p.own, text(made, p)) for p in location.places] == [
        ("", "forward", False, "x = self.conv3(x) # (N, 512, 28, 28)"),
        ("", "__init__", False, "*(BottleneckBlock(512, 128) for _ in range(3)),"),
        ("conv3.3", "forward", True, "y = F.relu(self.bn_2(self.conv_2(y)))"),
        ("conv3.3", "__init__", True,
         "self.conv_2 = nn.Conv2d(mid_channels, mid_channels, kernel_size=3, padding=1)"),
    ]  # fmt: skip


def test_what_is_written_within_another_layer_is_found_there() -> None:
    made, found = located("resnet50.json")
    assert own(made, found[LayerCall(("conv1_pad",))]) == {
        ("", "forward"): ["x = F.relu(self.conv1_bn(self.conv1_conv(x))) # (N, 64, 112, 112)"]
    }


def test_a_choice_of_a_block_belongs_to_the_uses_that_make_it() -> None:
    _, found = located("resnet50.json")
    assert list(found[LayerCall(("conv2_block1_0_conv",))].names) == ["conv2.0.shortcut.0"]
    assert not any("shortcut" in name for name in found[LayerCall(("conv2_block2_1_conv",))].names)
    modules = {place.module for place in found[LayerCall(("conv2_block1_out",))].places if place.own}
    assert modules == {"conv2.0"}


def test_inputs_are_arguments() -> None:
    made, found = located("text_encoder.json")
    assert own(made, found[LayerCall(("tokens",))]) == {
        ("", "forward"): ["def forward(self, tokens: Tensor) -> Tensor:"]
    }
