"""What layer functions talk to: it appends nodes, modules and weights to the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from codegen.errors import ConversionError, MalformedConfig, UnsupportedOption
from codegen.graph import FlatOrder, Graph, Host, Module, Node, Op, Targets, Value
from codegen.graph.dtypes import FLOATS, compute_dtype, torch_dtype
from codegen.graph.recipe import Weight
from codegen.lowering import layout, registry
from codegen.model.spec import HandsOn, LayerSpec, Shape
from codegen.model.variables import Variable, VariableTree

if TYPE_CHECKING:
    from codegen.lowering.lower import Lowering

_INHERIT = object()


@dataclass
class Builder:
    """Lowers one layer into a graph.

    Attributes:
        spec: The layer.
        graph: Where nodes go.
        tree: The layer's variables.
        lowering: State of the whole conversion.
        owner: Path of layer names from the model down to this layer.
        label: Name for the layer's modules and values.
        masks: Masks given explicitly in the call.
        sees_masks: See `CallSpec`, as for the next two.
        hands_on: See there.
        casts_keep_masks: See there.
    """

    spec: LayerSpec
    graph: Graph
    tree: VariableTree
    lowering: Lowering
    owner: tuple[str, ...]
    label: str
    masks: dict[Value, Value | None] = field(default_factory=dict)
    sees_masks: bool = True
    hands_on: HandsOn = "given"
    casts_keep_masks: bool = True

    # ---------------------------------------------------------------- facts

    @property
    def dtype(self) -> str:
        """The dtype in which the layer computes."""
        return compute_dtype(self.spec.dtype)

    @property
    def is_shared(self) -> bool:
        """Whether the layer is called more than once, so that no call may shape its modules."""
        return len(self.spec.calls) > 1

    def mask(self, x: Value) -> Value | None:
        """The mask that the layer sees for `x`."""
        return self.masks.get(x, x.mask if self.sees_masks else None)

    def carried_mask(self, x: Value) -> Value | None:
        """The mask that the layer may hand on from `x`, whether it sees it or not."""
        if self.hands_on == "none":
            return None
        return x.mask if self.hands_on == "own" else self.masks.get(x, x.mask)

    def unsupported(self, option: str, found: object, supported: str) -> NoReturn:
        """Refuse an option's value.

        Raises:
            UnsupportedOption: Always.
        """
        raise UnsupportedOption(self.spec.name, self.spec.class_name, option, found, supported)

    def note(self, text: str) -> None:
        """Say in the file's docstring in what the converted model differs from the Keras model."""
        self.lowering.notes[text] = None

    def malformed(self, message: str) -> NoReturn:
        """Refuse a config that makes no sense.

        Raises:
            MalformedConfig: Always.
        """
        raise MalformedConfig(f"layer {self.spec.name!r} ({self.spec.class_name}): {message}")

    def known(self, x: Value, axis: int) -> int:
        """The size of `axis`; MalformedConfig if the file leaves it open."""
        size = x.shape[axis]
        if size is None:
            self.malformed(f"axis {axis} of its input {x.shape} must have a fixed size")
        return size

    # ---------------------------------------------------------------- weights and modules

    def weight(
        self, name: str, shape: Sequence[int], *, trainable: bool = True, aside: bool = False
    ) -> Weight:
        """The Keras variable `name` of this layer, as Keras 3 stores it. Call in creation order.

        One that is set `aside` may be absent in a file, and is zero then.
        """
        variable = Variable(self.owner, name, tuple(shape), trainable, aside)
        if variable not in self.tree.variables:
            self.tree.variables.append(variable)
        return Weight.of(variable)

    def define(
        self,
        constructor: str,
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        state: Mapping[str, Weight | None] | None = None,
        frozen: Sequence[str] = (),
        part: str = "",
        graph: Graph | None = None,
        dtype: str | None = None,
    ) -> Module:
        """A module of this layer; a second call of a shared layer gets the first call's.

        Args:
            constructor: `nn.Conv2d`, a class of `codegen.runtime`, `nn.Parameter` or `buffer`.
            args: Positional arguments.
            kwargs: Keyword arguments in full.
            state: Recipes by state-dict key; None where there is no such tensor.
            frozen: Keys of parameters that Keras does not train.
            part: Tells apart several modules of one layer.
            graph: The class's definition, for a nested model.
            dtype: Of the parameters, if not the layer's compute dtype.
        """
        recipes = {key: recipe for key, recipe in (state or {}).items() if recipe is not None}
        options = dict(kwargs or {})
        dtype = dtype or self.dtype
        if recipes and dtype != "float32" and constructor not in ("nn.Parameter", "buffer") and not graph:
            options["dtype"] = torch_dtype(dtype)
        module = Module(
            name=f"{self.label}_{part}" if part else self.label,
            constructor=constructor,
            args=tuple(args),
            kwargs=options,
            state=recipes,
            frozen=frozenset(recipes if not self.lowering.trains(self.tree) else frozen),
            graph=graph,
            owner=self.owner,
        )
        known = self.lowering.modules.setdefault((self.owner, part), module)
        if (known.constructor, known.args, known.kwargs, known.graph) != (
            module.constructor,
            module.args,
            module.kwargs,
            module.graph,
        ):
            self.malformed("it is shared by calls that need different settings in torch")
        return known

    def module(
        self,
        constructor: str,
        x: Value,
        *,
        shape: Shape,
        perm: tuple[int, ...] | None = None,
        dtype: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        state: Mapping[str, Weight | None] | None = None,
        frozen: Sequence[str] = (),
        part: str = "",
        non_negative: bool = False,
    ) -> Value:
        """Define a module and call it on `x`: `self.name(x)`."""
        if state and not constructor.endswith("Embedding"):
            x = self.floating(x)
        made = self.define(constructor, args=args, kwargs=kwargs, state=state, frozen=frozen, part=part)
        return self.op(
            "module(x)",
            shape=shape,
            perm=perm,
            dtype=dtype,
            non_negative=non_negative,
            module=made,
            x=x,
        )

    def parameter(self, name: str, weight: Weight, *, frozen: bool = False) -> Module:
        """A bare parameter `self.<layer>_<name>` with the weight's shape; a scalar has shape (1,)."""
        weight = weight if weight.shape else weight.reshape(1)  # FSDP shards no scalars
        return self.define(
            "nn.Parameter", args=(weight.shape, torch_dtype(self.dtype)), state={"": weight},
            frozen=[""] if frozen else (), part=name,
        )  # fmt: skip

    def buffer(self, name: str, weight: Weight, *, dtype: str | None = None) -> Module:
        """A buffer `self.<layer>_<name>`: state that is saved and moved, but never trained."""
        kind = torch_dtype(dtype or self.dtype)
        return self.define("buffer", args=(weight.shape, kind), state={"": weight}, part=name, dtype=dtype)

    # ---------------------------------------------------------------- nodes

    def op(
        self,
        template: str,
        *,
        shape: Shape,
        dtype: str | None = None,
        perm: tuple[int, ...] | None = None,
        flat: FlatOrder | None = None,
        op: Op | None = None,
        non_negative: bool = False,
        **operands: Any,
    ) -> Value:
        """Append one expression and return its value.

        Args:
            template: A Python expression over the names of `operands`, torch and `codegen.runtime`.
            shape: Of the result, in Keras' order.
            dtype: Of the result; the first value's if not given.
            perm: Layout of the result; the first value's if it has the same rank, else Keras' own.
            flat: Order of the result's last axis.
            op: What it computes, if the template alone does not tell.
            non_negative: Whether no element can be below zero.
            operands: Values, modules and literals.
        """
        first = next((operand for operand in operands.values() if isinstance(operand, Value)), None)
        if dtype is None:
            dtype = first.dtype if first else self.dtype
        if perm is None and first and first.rank == len(shape):
            perm = first.perm
        kind_of_value = Host if isinstance(first, Host) and dtype == first.dtype else Value
        value = kind_of_value(tuple(shape), dtype, self.label, perm or (), flat, non_negative=non_negative)
        self.emit(template, value, op=op, **operands)
        return value

    def emit(self, template: str, targets: Targets, *, op: Op | None = None, **operands: Any) -> None:
        """Append an expression that yields `targets`: a new value, or a nest of tuples of new values."""
        node = Node(template, operands, targets, self.label, op or Op.OTHER)
        for value in node.results():
            value.node = node
        self.graph.nodes.append(node)

    def host_op(self, template: str, *, shape: Shape = (), op: Op | None = None, **operands: Any) -> Host:
        """Append an expression that yields a number of the host, or a tuple of them with shape (n,)."""
        number = Host(tuple(shape), layer=self.label)
        self.emit(template, number, op=op, **operands)
        return number

    def value(self, shape: Shape, *, dtype: str | None = None, perm: tuple[int, ...] = ()) -> Value:
        """A new value for `emit` to yield."""
        return Value(tuple(shape), dtype or self.dtype, self.label, perm)

    def elementwise(
        self, template: str, *, dtype: str | None = None, non_negative: bool = False, **operands: Any
    ) -> Value:
        """An expression that works element by element, with numpy's broadcasting among its values."""
        names = [name for name, operand in operands.items() if isinstance(operand, Value)]
        aligned = layout.align(self, [operands[name] for name in names])
        operands.update(zip(names, aligned, strict=True))
        shape = self.broadcast([value.shape for value in aligned])
        return self.op(
            template,
            shape=shape,
            dtype=dtype,
            perm=max(aligned, key=lambda value: value.rank).perm,
            flat=aligned[0].flat,
            non_negative=non_negative,
            **operands,
        )

    def broadcast(self, shapes: Sequence[Shape]) -> Shape:
        """The shape that numpy's broadcasting gives; an open size stays open."""
        rank = max(len(shape) for shape in shapes)
        result: list[int | None] = []
        for axis in range(-rank, 0):
            sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
            fixed = sizes - {None}
            if len(fixed) > 1:
                self.malformed(f"shapes {' and '.join(map(str, shapes))} do not go together")
            result.append(fixed.pop() if fixed else (None if sizes else 1))
        return tuple(result)

    def cast(self, x: Value, dtype: str) -> Value:
        """`x` in another dtype; no node if it has it."""
        if x.dtype == dtype:
            return x
        short = {"float32": "x.float()", "int64": "x.long()", "bool": "x != 0"}
        template = short.get(dtype, "x.to(target)")
        operands: dict[str, Any] = {} if dtype in short else {"target": torch_dtype(dtype)}
        return self.op(
            template, shape=x.shape, dtype=dtype, flat=x.flat,
            non_negative=x.non_negative, x=x, **operands,
        )  # fmt: skip

    def autocast(self, x: Value) -> Value:
        """A floating-point argument in the layer's compute dtype, as Keras casts it."""
        if x.dtype == self.dtype or not {x.dtype, self.dtype} <= FLOATS:
            return x
        cast = self.cast(x, self.dtype)
        cast.mask = x.mask if self.casts_keep_masks else None
        if x in self.masks:
            self.masks[cast] = self.masks[x]
        return cast

    def floating(self, x: Value) -> Value:
        """Integers in the layer's compute dtype, as Keras' matmul and convolution promote them."""
        return x if x.dtype in FLOATS else self.cast(x, self.dtype)

    def size(self, x: Value, axis: int) -> int | Host:
        """The size of Keras' `axis`: a number, or an expression where it is open."""
        known = x.shape[axis]
        if known is not None:
            return known
        return self.host_op("x.shape[d]", x=x, d=x.dim(axis))

    # ---------------------------------------------------------------- layouts

    def keras_layout(self, x: Value) -> Value:
        """`x` stored in Keras' own order."""
        return layout.to_perm(self, x, tuple(range(x.rank)))

    def channels_first(self, x: Value, data_format: str = "channels_last") -> Value:
        """`x` stored as (N, C, spatial...), as torch's spatial modules want it."""
        return layout.to_perm(self, x, layout.channels_first_perm(x.rank, data_format))

    def reshape(self, x: Value, shape: Shape) -> Value:
        """`x` with Keras' elements in the same order and a new shape; None where the size is open."""
        return layout.reshape(self, x, shape)

    def flatten(self, x: Value) -> Value:
        """(N, ...) -> (N, product); the order of a channels-first value is put right by its reader."""
        return layout.flatten(self, x)

    # ---------------------------------------------------------------- parts

    def activation(self, x: Value, activation: str | LayerSpec | None) -> Value:
        """Apply an activation given by name, or as a whole layer."""
        if isinstance(activation, LayerSpec):
            result = self.call(activation, x, attribute="activation")
        else:
            entry = registry.registered().get(("activation", activation or "linear"))
            if entry is None:
                self.unsupported("activation", activation, "supported: the names that Keras knows")
            result = entry(self, x)
        assert isinstance(result, Value)
        return result

    def sublayer(self, attribute: str, spec: LayerSpec, *, part: str = "") -> Builder:
        """A builder for a layer that this one holds under `attribute`."""
        tree = next((child for child in self.tree.children if child.attribute == attribute), None)
        if tree is None:
            tree = VariableTree(attribute, spec)
            self.tree.children.append(tree)
            self.lowering.parents[id(tree)] = self.tree
        label = f"{self.label}_{part}" if part else self.label
        return replace(self, spec=spec, tree=tree, owner=(*self.owner, attribute), label=label, masks={})

    def call(self, spec: LayerSpec, *args: Any, attribute: str, part: str = "", **kwargs: Any) -> Any:
        """Lower a sublayer on these arguments; returns what its function returns."""
        return self.lowering.call(self.sublayer(attribute, spec, part=part), args, kwargs)

    def ints(self, value: int | Sequence[int], count: int, option: str) -> tuple[int, ...]:
        """`value` as `count` positive numbers, one a spatial axis."""
        numbers = (value,) * count if isinstance(value, int) else tuple(value)
        if len(numbers) != count or any(number < 0 for number in numbers):
            self.unsupported(option, value, f"supported: {count} positive integers")
        return numbers

    def axis(self, axis: int, rank: int) -> int:
        """`axis` counted from the front; MalformedConfig if there is none."""
        if not -rank <= axis < rank:
            self.malformed(f"there is no axis {axis} among {rank}")
        return axis % rank


def literal_array(values: Any) -> Weight:
    """Numbers of a config (a float, nested lists) as a weight.

    Raises:
        ConversionError: The lists are ragged or hold something else.
    """
    try:
        array = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError):
        raise ConversionError("a list of numbers in the config is ragged") from None
    return Weight.constant(array)
