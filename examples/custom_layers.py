"""Layer functions of one's own.

    k2t-gen convert examples/gated.keras --custom examples/custom_layers.py

The Keras code of that model is in build_models.py.
"""

from __future__ import annotations

from codegen.custom import Builder, LayerSpec, Value, lowers, replaces_lambda


@lowers("ScaledGate", package="*")
def scaled_gate(b: Builder, x: Value, *, units: int) -> Value:
    """The layer's input times its gate, times a weight.

    `b.weight` asks for the layer's own variables in the order in which Keras creates them; a
    sublayer is called by its attribute in the Keras class, here `self.gate`. Every option that the
    layer's `get_config` saves is a keyword-only parameter.
    """
    scale = b.parameter("scale", b.weight("scale", (units,)))
    dense = LayerSpec("gate", "Dense", {"units": units, "activation": "sigmoid"})
    gate = b.call(dense, x, attribute="gate", part="gate")
    return b.elementwise("x * gate * scale", x=x, gate=gate, scale=scale)


@replaces_lambda("halve")
def halve(b: Builder, x: Value, *, factor: float) -> Value:
    """What the Lambda layer called "halve" does; `factor` comes from its `arguments`."""
    return b.elementwise("x * factor", x=x, factor=factor)
