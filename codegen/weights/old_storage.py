"""How Keras 1, Theano and CuDNN layers store their weights, as recipes for the Keras 3 variables.

Formulas: `build` of the layers in Keras 1.0.8 and 1.2.2, and the conversions that Keras 2.2.4 makes
when it loads such files (`preprocess_weights_for_loading`, `_convert_rnn_weights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codegen.graph.recipe import Weight
from codegen.model.spec import LayerSpec
from codegen.model.variables import Variable
from codegen.weights.slots import Make, Unit

_CONVOLUTIONS = frozenset(
    {"ConvLSTM2D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"}
    | {f"Conv{rank}D{kind}" for rank in (1, 2, 3) for kind in ("", "Transpose")}
)
_GATES = {"LSTM": "icfo", "GRU": "zrh", "ConvLSTM2D": "icfo"}
_CANONICAL = {"LSTM": "ifco", "GRU": "zrh", "ConvLSTM2D": "ifco"}


@dataclass(frozen=True)
class OldStorage:
    """Finds the layers that are stored in an old way.

    Attributes:
        fused: Whether Keras 1 stored LSTM and GRU as three arrays whatever their config says.
    """

    fused: bool = False

    def find(self, spec: LayerSpec, stored: str, variables: tuple[Variable, ...]) -> Unit | None:
        """The unit of a layer; None if its variables are stored as they are.

        Args:
            spec: The layer.
            stored: Words joined by "-": "keras1", "theano", "cudnn".
            variables: All that the layer and its sublayers have.
        """
        if not variables:
            return None
        words = stored.split("-")
        kind = spec.class_name
        names = tuple((variable.name, variable.trainable) for variable in variables)
        make: Make | None = None
        if kind in ("LSTM", "GRU") and "cudnn" in words:
            make = _cudnn(kind, variables)
        elif kind == "BatchNormalization" and "keras1" in words:
            names = (("gamma", True), ("beta", True), ("moving_mean", False), ("moving_variance", False))
            make = _by_name([name for name, _ in names], variables)
        elif kind in _GATES and "keras1" in words and not self._is_fused(spec):
            names = tuple((f"{array}_{gate}", True) for gate in _GATES[kind] for array in ("W", "U", "b"))
            make = _gates(spec, variables, flip="theano" in words)
        elif kind == "Highway" and "keras1" in words:
            make = _by_rank(variables)
        elif kind in _CONVOLUTIONS:
            make = _kernels(spec, variables, keras1="keras1" in words, flip="theano" in words)
        return make and Unit(variables[0].owner, variables, names, make)

    def _is_fused(self, spec: LayerSpec) -> bool:
        return spec.class_name != "ConvLSTM2D" and (self.fused or spec.config.get("implementation") == 2)


def _kernels(spec: LayerSpec, variables: Sequence[Variable], *, keras1: bool, flip: bool) -> Make:
    """Convolutions: the kernel's axes as Keras 1 ordered them, and Theano's flip of the spatial ones."""

    def make(stored: Sequence[Weight]) -> list[Weight]:
        pairs = zip(variables, stored, strict=True)
        return [_kernel(spec, variable, weight, keras1=keras1, flip=flip) for variable, weight in pairs]

    return make


def _kernel(spec: LayerSpec, variable: Variable, stored: Weight, *, keras1: bool, flip: bool) -> Weight:
    rank = len(variable.shape)
    if rank < 3:
        return stored
    if keras1:
        stored = _keras1_kernel(spec, variable, stored)
    return stored.flip(*range(rank - 2)) if flip else stored


def _keras1_kernel(spec: LayerSpec, variable: Variable, stored: Weight) -> Weight:
    rank = len(stored.shape)
    if spec.class_name == "Conv1D":
        if rank == 4 and (stored.shape[0], stored.shape[1]) == (variable.shape[0], 1):  # 1.1 and later
            return stored.reshape(stored.shape[0], *stored.shape[2:])
        if rank == 4 and stored.shape[3] == 1:  # 1.0: (out, in, k, 1)
            return stored.permute(2, 3, 1, 0).reshape(stored.shape[2], stored.shape[1], stored.shape[0])
        return stored
    spatial = rank - 2
    transposed = "Transpose" in spec.class_name
    if spec.config.get("data_format") == "channels_first":
        # (out, in, spatial...); a transposed convolution's canonical kernel ends in (out, in).
        ends = (0, 1) if transposed else (1, 0)
        return stored.permute(*range(2, rank), *ends)
    return stored.permute(*range(spatial), rank - 1, spatial) if transposed else stored


def _gates(spec: LayerSpec, variables: Sequence[Variable], *, flip: bool) -> Make:
    """Recurrent layers of Keras 1: W, U, b of one gate after the other; canonical is all gates joined."""
    stored_order, canonical = _GATES[spec.class_name], _CANONICAL[spec.class_name]

    def make(stored: Sequence[Weight]) -> list[Weight]:
        joined = []
        for position, variable in enumerate(variables):
            parts = [stored[3 * stored_order.index(gate) + position] for gate in canonical]
            parts = [_kernel(spec, variable, part, keras1=True, flip=flip) for part in parts]
            joined.append(Weight.cat(parts, axis=-1))
        return joined

    return make


def _cudnn(kind: str, variables: Sequence[Variable]) -> Make:
    """CuDNN layers: per gate, the kernel as a buffer and the recurrent kernel transposed; two biases."""
    count = len(_GATES[kind])
    units = variables[1].shape[0]
    shapes = [variables[0].shape, variables[1].shape, (2 * count * units,)][: len(variables)]

    def make(stored: Sequence[Weight]) -> list[Weight]:
        if [weight.shape for weight in stored] != shapes:
            raise ValueError(f"should have shapes {shapes}, but have {[weight.shape for weight in stored]}")
        kernel, recurrent, *biases = stored
        features = kernel.shape[0]
        made = [
            Weight.cat([gate.reshape(units, features).T for gate in _split(kernel, count)], axis=1),
            Weight.cat([gate.T for gate in _split(recurrent, count)], axis=1),
        ]
        for bias in biases:
            if kind == "GRU":
                made.append(bias.reshape(2, -1))
            else:
                width = count * units
                made.append(bias.slice(0, 0, width) + bias.slice(0, width, 2 * width))
        return made

    return make


def _split(weight: Weight, count: int) -> list[Weight]:
    units = weight.shape[1] // count
    return [weight.slice(1, gate * units, (gate + 1) * units) for gate in range(count)]


def _by_name(names: Sequence[str], variables: Sequence[Variable]) -> Make:
    """Each variable is the array of its name; what the layer does not use is left."""

    def make(stored: Sequence[Weight]) -> list[Weight]:
        named = dict(zip(names, stored, strict=True))
        return [named[variable.name] for variable in variables]

    return make


def _by_rank(variables: Sequence[Variable]) -> Make:
    """Highway: 1.0.8 stores W, b, W_carry, b_carry, 1.2.2 W, W_carry, b, b_carry: the ranks tell."""

    def make(stored: Sequence[Weight]) -> list[Weight]:
        waiting = {rank: [weight for weight in stored if len(weight.shape) == rank] for rank in (1, 2)}
        ranks = [len(variable.shape) for variable in variables]
        if any(ranks.count(rank) != len(found) for rank, found in waiting.items()):
            raise ValueError(f"found arrays of shapes {[weight.shape for weight in stored]}")
        return [waiting[rank].pop(0) for rank in ranks]

    return make
