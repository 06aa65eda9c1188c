"""Report -> one HTML file that needs nothing else and asks nobody: no name in it is ever taken for HTML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from codegen.evidence.facts import Result, by_layer
from codegen.report.facts import LayerFacts, Report, VariableFacts
from codegen.report.figures import number_text, shape_text
from codegen.report.highlight import highlighted
from codegen.report.kinds import kind
from codegen.report.shell import render_page
from codegen.report.verdict import verdict

#: So high and wide is the picture of a histogram.
_HEIGHT, _WIDTH = 24, 96


def page(report: Report) -> str:
    """The text of the page."""
    return render_page(
        "page.html.jinja",
        ("layout.js", "drawing.js", "page.js"),
        report=report,
        verdict=verdict(report),
        rows=_rows(report),
        weights=list(_weights(report)),
        lines=highlighted(report.source),
        facts=_json(_compact(report)),
    )


@dataclass(frozen=True)
class _Row:
    """A layer in the table.

    Attributes:
        depth: How many models it is inside of.
        result: How its numbers compare with Keras'.
    """

    layer: LayerFacts
    depth: int
    result: Result | None

    @property
    def kind(self) -> str:
        """What sort of layer it is, for its colour."""
        return kind(self.layer)

    @property
    def shapes(self) -> list[str]:
        """What its first call yields."""
        return [shape_text(tensor.shape) for tensor in self.layer.calls[0].outputs]


@dataclass(frozen=True)
class _WeightRow:
    """A variable in the table of weights."""

    layer: LayerFacts
    layer_number: int
    variable: VariableFacts

    @property
    def bars(self) -> str:
        """The histogram as the path of a picture of 96 x 24; "" if there is none."""
        found = self.variable.statistics
        if found is None or not any(found.histogram):
            return ""
        top, count = max(found.histogram), len(found.histogram)
        step = _WIDTH / count
        heights = [max(round(_HEIGHT * n / top, 1), 0.6 if n else 0) for n in found.histogram]
        return "".join(
            f"M{step * i:g} {_HEIGHT}v-{height:g}h{step - 0.6:g}v{height:g}z"
            for i, height in enumerate(heights)
            if height
        )


def _rows(report: Report) -> list[_Row]:
    models = [f"{layer.path}/" for layer in report.layers if layer.is_model]
    results = _results(report)
    return [
        _Row(layer, sum(layer.path.startswith(model) for model in models), results.get(layer.path))
        for layer in report.layers
    ]


def _weights(report: Report) -> Iterator[_WeightRow]:
    for number, layer in enumerate(report.layers):
        for variable in layer.variables:
            yield _WeightRow(layer, number, variable)


def _results(report: Report) -> dict[str, Result]:
    """The worst comparison with Keras' numbers of each layer."""
    return by_layer(report.verification.layers) if report.verification else {}


# -------------------------------------------------------------------- what the scripts read


def _compact(report: Report) -> dict[str, Any]:
    """The facts that the scripts work with, in few bytes; what the page has as HTML is left out."""
    models = tuple(f"{layer.path}/" for layer in report.layers if layer.is_model)
    results = _results(report)
    return {
        "modules": [[module.path, module.class_name] for module in report.modules],
        "layers": [
            {
                "path": layer.path,
                "class": layer.class_name,
                "kind": kind(layer),
                "drawn": _is_drawn(layer, models),
                "options": {n: _option(value) for n, value in layer.options.items() if value is not None},
                "dtype": layer.dtype,
                "numbers": _numbers(results.get(layer.path)),
                "parts": layer.path in results and results[layer.path].parts,
                "names": layer.names,
                "calls": [
                    {
                        "number": call.number,
                        "inputs": call.inputs,
                        "shapes": [shape_text(tensor.shape) for tensor in call.outputs],
                        "module": call.module,
                        "places": [[p.first, p.last, int(p.own), p.method, p.module] for p in call.places],
                    }
                    for call in layer.calls
                ],
            }
            for layer in report.layers
        ],
    }


def _numbers(result: Result | None) -> str:
    """How a layer's numbers compare with Keras', in a line; "" if nobody compared them."""
    if result is None:
        return ""
    if result.float32 is None:
        return result.note or "not compared"
    found = result.float32
    text = (
        f"at most {number_text(found.absolute)} apart, {number_text(found.relative)} of the largest, "
        f"{number_text(found.ulps)} units in the last place"
    )
    return f"{text}; {result.note}" if result.note else text


def _is_drawn(layer: LayerFacts, models: tuple[str, ...]) -> bool:
    """Whether a layer is a box; a nested model is what its layers are, and its inputs are what they read."""
    return not layer.is_model and not (layer.class_name == "InputLayer" and layer.path.startswith(models))


def _option(value: Any) -> str:
    """An option in few words; a saved object as a call: "L2(l2=0.01)"."""
    if isinstance(value, str):
        return value
    config = value.get("config", value.get("options")) if isinstance(value, dict) else None
    if isinstance(config, dict) and isinstance(value.get("class_name"), str):
        given = (f"{name}={_option(part)}" for name, part in config.items() if part is not None)
        return f"{value['class_name']}({', '.join(given)})"
    return json.dumps(value)


def _json(data: Any) -> Markup:
    """JSON that no parser of HTML takes for a tag, and no script for the end of a line."""
    text = json.dumps(data, separators=(",", ":"))  # ASCII alone
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
