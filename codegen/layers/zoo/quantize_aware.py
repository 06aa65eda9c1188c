"""Quantisation-aware training with TensorFlow Model Optimization: layers that emulate 8-bit numbers.

A kernel is rounded once, when its weights are written; outputs are rounded at each call, by a `FakeQuantize`.

Formulas: `quantize_wrapper.py`, `quantize_aware_activation.py` and `quantizers.py` in
`quantization/keras`, with the configs of its `default_8bit` and `experimental/default_n_bit` (0.7.5);
`fake_quant_ops_functor.h` of TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, TypeVar

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.layers.wrapping import call_wrapped
from codegen.lowering.binder import convert_type
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import OutOfRange
from codegen.lowering.registry import lowers
from codegen.model.packages import ACTIVATION
from codegen.model.spec import LayerSpec

_NOTE = "TensorFlow Model Optimization"

#: Activations in front of which, and behind which, numbers are rounded.
_ROUNDED_BEFORE = frozenset({"softmax", "sigmoid", "tanh", "gelu"})
_ROUNDED_BEHIND = frozenset({"linear", "relu", "swish", "silu", "gelu"})
#: The same for layers of the class Activation.
_ROUNDED_LAYERS = frozenset({"relu", "swish", "silu", "gelu", "relu6"})

T = TypeVar("T")


@lowers("QuantizeLayer", package="tensorflow_model_optimization", note=_NOTE)
def quantize_layer(
    b: Builder, x: Value, training: bool | None = None, *, quantizer: Mapping[str, Any] | None = None
) -> Value:
    """Its input, rounded."""
    del training
    if quantizer is not None:
        x = _quantized_by(b, x, *_parts(b, quantizer, "quantizer"))
    b.weight("optimizer_step", (), trainable=False)
    return x


def _quantized_by(b: Builder, x: Value, kind: str, options: Mapping[str, Any]) -> Value:
    """What a quantiser makes of `x`."""
    if kind == "NoQuantizer":
        return x
    if kind == "FixedQuantizer":
        return _Quantizer.fixed(b, options).apply(b, x, b.spec.name, "")
    if kind not in ("AllValuesQuantizer", "LastValueQuantizer", "MovingAverageQuantizer"):
        b.unsupported("quantizer", kind, "supported: those of TensorFlow Model Optimization")
    if options.get("per_axis") and kind != "AllValuesQuantizer":
        b.unsupported("quantizer", kind, "supported: quantizers of whole tensors")
    narrow_range = _option(b, options, "narrow_range", default=False)
    quantizer = _Quantizer(_option(b, options, "num_bits", 8), narrow_range=narrow_range)
    return quantizer.apply(b, x, b.spec.name, "")


@lowers(
    "QuantizeAnnotate",
    package="tensorflow_model_optimization",
    masks="drop",
    training_only=("quantize_config",),
    note=_NOTE,
)
def quantize_annotate(b: Builder, *args: Any, layer: LayerSpec, **kwargs: Any) -> Any:
    """The wrapped layer."""
    return call_wrapped(b, layer, args, kwargs, label=layer.name)


@lowers(
    "QuantizeWrapper", "QuantizeWrapperV2", package="tensorflow_model_optimization", masks="drop", note=_NOTE
)
def quantize_wrapper(
    b: Builder, *args: Any, layer: LayerSpec, quantize_config: Mapping[str, Any], **kwargs: Any
) -> Any:
    """The wrapped layer with rounded kernels, and a rounded activation or output."""
    scheme = _Scheme.of(b, quantize_config)
    b.weight("optimizer_step", (), trainable=False)
    activation = _plain_activation(layer)
    has_own = bool(scheme.activations)
    if "activation" in layer.config:
        layer = replace(layer, config={**layer.config, "activation": "linear" if has_own else activation})
    kernels: list[Weight] = []

    def rounded(path: str, weight: Weight) -> Weight:
        if path not in scheme.weights:
            return weight
        kernels.append(weight)
        shape = weight.shape[-1:] if scheme.kind == "Conv" else ()
        low, high = (b.weight(f"{path}_{end}", shape, trainable=False) for end in ("min", "max"))
        return fake_quantized(weight, low, high, scheme.weight_bits).instead_of(weight)

    x = call_wrapped(b, layer, args, kwargs, derive=rounded, label=layer.name)
    if len(kernels) != len(scheme.weights):
        b.unsupported("quantize_config", scheme.weights, "supported: weights of the wrapped layer itself")
    for kernel in kernels:
        b.take(kernel)
    named = replace(b, label=layer.name)
    if not isinstance(x, Value):
        return x  # several outputs, which are never rounded
    if has_own:
        x = _activated(named, x, activation, scheme.quantizer)
    if scheme.rounds_output(activation):
        x = scheme.quantizer.apply(named, x, "output")
    return x


def _plain_activation(layer: LayerSpec) -> str | LayerSpec:
    """The activation of a layer without the object that rounds it."""
    activation: Any = layer.config.get("activation", "linear")
    if isinstance(activation, LayerSpec) and activation.class_name == "QuantizeAwareActivation":
        activation = activation.config.get("activation", "linear")
    if isinstance(activation, Mapping):
        activation = activation.get("class_name")
    return activation if isinstance(activation, LayerSpec) else str(activation)


def _activated(b: Builder, x: Value, activation: str | LayerSpec, quantizer: _Quantizer) -> Value:
    """An activation with the rounding around it."""
    name = activation.class_name if isinstance(activation, LayerSpec) else activation
    if name == "NoOpActivation":
        return x
    if name not in _ROUNDED_BEFORE | _ROUNDED_BEHIND:
        b.unsupported("activation", name, "supported: those of Keras that are quantized")
    if name in _ROUNDED_BEFORE:
        x = quantizer.apply(b, x, "pre_activation", "pre_quantizer")
    x = b.activation(x, activation)
    return quantizer.apply(b, x, "post_activation") if name in _ROUNDED_BEHIND else x


@dataclass(frozen=True)
class _Scheme:
    """What a `QuantizeConfig` says.

    Attributes:
        kind: What its class name has between "Default8Bit" or "DefaultNBit" and "QuantizeConfig".
        weights: Our names of the weights to round.
        activations: Attributes of the activations to round.
        output: Whether the output is rounded; of an Activation only where it may be.
        quantizer: Of activations and the output.
    """

    kind: str = "Output"
    weights: Sequence[str] = ()
    activations: Sequence[str] = ()
    output: bool = False
    weight_bits: int = 8
    quantizer: _Quantizer = field(default_factory=lambda: _Quantizer())

    @staticmethod
    def of(b: Builder, saved: Mapping[str, Any]) -> _Scheme:
        """The scheme of a serialised config."""
        name, options = _parts(b, saved, "quantize_config")
        if name == "NoOpQuantizeConfig":
            return _Scheme()
        if name == "OutputOnlyConfig":
            return replace(_Scheme._inner(b, options, "quantize_config"), weights=())
        if name == "FixedQuantizeConfig":
            return replace(_Scheme._inner(b, options, "config"), quantizer=_Quantizer.fixed(b, options))
        kind = name.removeprefix("Default8Bit").removeprefix("DefaultNBit").removesuffix("QuantizeConfig")
        if kind not in ("", "Activation", "Conv", "ConvTranspose", "Output") or "Bit" in kind or kind == name:
            b.unsupported("quantize_config", name, "supported: the default 8-bit and n-bit schemes")
        return _Scheme(
            kind,
            [name.removeprefix("depthwise_") for name in _strings(b, options, "weight_attrs")],
            _strings(b, options, "activation_attrs"),
            _option(b, options, "quantize_output", kind in ("Activation", "Output")),
            _option(b, options, "num_bits_weight", 8),
            _Quantizer(_option(b, options, "num_bits_activation", 8)),
        )

    @staticmethod
    def _inner(b: Builder, options: Mapping[str, Any], name: str) -> _Scheme:
        """The scheme of a config that another one holds."""
        inner = options.get(name)
        if not isinstance(inner, Mapping):
            b.malformed(f"its quantize_config has no {name}")
        return _Scheme.of(b, inner)

    def rounds_output(self, activation: str | LayerSpec) -> bool:
        """Whether the output is rounded."""
        return self.output and (self.kind != "Activation" or activation in _ROUNDED_LAYERS)


def _parts(b: Builder, saved: Mapping[str, Any], option: str) -> tuple[str, Mapping[str, Any]]:
    """Class name and options of a serialised object."""
    name, config = saved.get("class_name"), saved.get("config")
    if not isinstance(name, str) or not isinstance(config, Mapping):
        b.malformed(f"its {option} has no class name and config")
    return name, config


def _option(b: Builder, options: Mapping[str, Any], name: str, default: T) -> T:
    """An option of a serialised object, of the kind of its default."""
    try:
        value: T = convert_type(options.get(name, default), type(default))
    except (TypeError, OverflowError, OutOfRange):
        b.unsupported(name, options[name], f"supported: {type(default).__name__}")
    return value


def _strings(b: Builder, options: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of names in a serialised object."""
    found = options.get(name, ())
    if not isinstance(found, (list, tuple)) or not all(isinstance(item, str) for item in found):
        b.unsupported(name, found, "supported: a list of names")
    return tuple(found)


# -------------------------------------------------------------------- rounding


@dataclass(frozen=True)
class _Quantizer:
    """How outputs are rounded.

    Attributes:
        bits: Of the numbers.
        narrow_range: Whether they are one less.
        bounds: The range; None if it is saved.
    """

    bits: int = 8
    _: KW_ONLY
    narrow_range: bool = False
    bounds: tuple[float, float] | None = None

    @staticmethod
    def fixed(b: Builder, options: Mapping[str, Any]) -> _Quantizer:
        """One with a range of its own, which does not look at its number of bits."""
        low, high = (_option(b, options, name, 0.0) for name in ("init_min", "init_max"))
        narrow_range = _option(b, options, "narrow_range", default=False)
        return _Quantizer(narrow_range=narrow_range, bounds=(low, high))

    def apply(self, b: Builder, x: Value, name: str, part: str = "quantizer") -> Value:
        """`x` rounded; its range is saved under this name."""
        if not 2 <= self.bits <= 16:
            b.unsupported("num_bits", self.bits, "supported: 2 to 16")
        if self.bounds is None:
            b.note("ranges of emulated quantisation stay as they are while training")
            bounds = [b.weight(f"{name}_{end}", (), trainable=False) for end in ("min", "max")]
        else:
            bounds = [_number(bound) for bound in self.bounds]
        kwargs: dict[str, Any] = {} if self.bits == 8 else {"num_bits": self.bits}
        if self.narrow_range:
            kwargs["narrow_range"] = True
        state = dict(zip(("min", "max"), bounds, strict=True))
        return b.module("FakeQuantize", x, like=x, kwargs=kwargs, state=state, shape=x.shape, part=part)


def fake_quantized(weight: Weight, low: Weight, high: Weight, bits: int) -> Weight:
    """A kernel rounded to 2**bits - 1 numbers from `low` to `high`; these may differ along the last axis.

    TensorFlow multiplies by the inverse of the step there, and divides by the step where the range is one.
    """
    levels = 2**bits - 2
    span = high.apply("subtract", low).apply("maximum", _number(1e-30))
    scale = span.apply("divide", _number(levels))
    zero = _number(1).apply("subtract", low.apply("divide", scale)).apply("add", _number(0.5))
    zero = zero.apply("floor").apply("subtract", _number(1)).apply("clip", _number(0), _number(levels))
    bottom = _number(0).apply("subtract", zero.apply("multiply", scale))
    top = _number(levels).apply("subtract", zero).apply("multiply", scale)
    shifted = weight.apply("clip", bottom, top).apply("subtract", bottom)
    if low.shape:
        steps = shifted.apply("multiply", _number(levels).apply("divide", span))
    else:
        steps = shifted.apply("divide", scale)
    return steps.apply("subtract", zero).apply("add", _number(0.5)).apply("floor").apply("multiply", scale)


def _number(value: float) -> Weight:
    return Weight.full((), value)


@lowers("NoOpActivation", package=ACTIVATION)
def no_activation(b: Builder, x: Value) -> Value:  # noqa: ARG001 - an activation's first parameter
    """Its input, which is not rounded."""
    return x
