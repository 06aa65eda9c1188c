"""What layer functions talk to: it appends nodes, modules and weights to the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from codegen.errors import ConversionError
from codegen.graph import FlatOrder, Graph, Module, Op, Value
from codegen.graph.dtypes import FLOATS, torch_dtype
from codegen.graph.recipe import Weight
from codegen.graph.templates import TemplateError
from codegen.lowering import layout, registry
from codegen.lowering.emitter import Emitter
from codegen.lowering.masks import Masks
from codegen.lowering.session import Session
from codegen.model.nested import map_nested
from codegen.model.packages import ACTIVATION
from codegen.model.spec import LayerSpec, Shape
from codegen.model.variables import Variable, VariableTree

#: Path and recipe of a variable -> the recipe that a layer computes with.
Derive = Callable[[str, Weight], Weight]


@dataclass
class Builder(Emitter):
    """Lowers one layer into a graph.

    Attributes:
        tree: The layer's variables.
        session: State of the whole conversion.
        owner: Path of layer names from the model down to this layer.
        lower: Lowers a layer that this one holds: its builder, arguments and keyword arguments.
        masks: Those of this call.
        derive: What a wrapper makes of a variable before the layer computes with it, given its path from here
            (`kernel`, `cell/recurrent_kernel`) and the variable itself.
    """

    tree: VariableTree
    session: Session
    owner: tuple[str, ...]
    lower: Callable[[Builder, Sequence[Any], Mapping[str, Any]], Any]
    masks: Masks = field(default_factory=Masks)
    derive: Derive | None = None

    # ---------------------------------------------------------------- facts

    @property
    def is_shared(self) -> bool:
        """Whether the layer is called more than once, so that no call may shape its modules."""
        return len(self.spec.calls) > 1

    @property
    def trains(self) -> bool:
        """Whether neither the layer nor anything that holds it is frozen."""
        return self.session.trains(self.tree)

    def mask(self, x: Value) -> Value | None:
        """The mask that the layer sees for `x`: one of its first axes."""
        return self.masks.seen(self, x)

    def carried_mask(self, x: Value) -> Value | None:
        """The mask that the layer may hand on from `x`, whether it sees it or not."""
        return self.masks.handed_on(x)

    def note(self, text: str) -> None:
        """Say in the file's docstring in what the converted model differs from the Keras model."""
        self.session.notes[text] = None

    def known(self, x: Value, axis: int) -> int:
        """The size of `axis`; MalformedConfig if the file leaves it open."""
        size = x.shape[axis]
        if size is None:
            self.malformed(f"axis {axis} of its input {x.shape} must have a fixed size")
        return size

    # ---------------------------------------------------------------- weights and modules

    def weight(
        self,
        name: str,
        shape: Sequence[int],
        *,
        trainable: bool = True,
        aside: bool = False,
        initializer: Any = None,
    ) -> Weight:
        """The Keras variable `name` of this layer, as Keras 3 stores it. Call in creation order.

        One that is set `aside` may be absent in a file, and is zero then. The `initializer`, as in a config,
        counts where the config has none.

        Raises:
            MalformedConfig: A size is negative, or the variable larger than any memory.
        """
        if any(size < 0 for size in shape):
            self.malformed(f"its {name} would have the shape {tuple(shape)}")
        self.check_size(f"its {name}", tuple(shape))
        variable = Variable(self.owner, name, tuple(shape), trainable, aside, initializer)
        if variable not in self.tree.variables:
            self.tree.variables.append(variable)
        weight = Weight.of(variable)
        return self.derive(name, weight) if self.derive else weight

    def hold(self, weight: Weight) -> None:
        """List a sublayer's variable among this layer's own too, as Keras does where a layer keeps one."""
        held = [leaf for leaf in weight.leaves() if isinstance(leaf, Variable)]
        self.tree.variables.extend(leaf for leaf in held if leaf not in self.tree.variables)

    def take(self, weight: Weight) -> None:
        """List a sublayer's variable among this layer's own, and no more among the sublayer's.

        So does tf.keras where a wrapper keeps a variable and puts another tensor in its place.
        """
        self.hold(weight)
        self.drop(weight)

    def drop(self, weight: Weight) -> None:
        """List a variable no more among a sublayer's, whose place something else has taken."""
        for tree in self.tree.descendants():
            tree.variables = [variable for variable in tree.variables if variable not in weight.leaves()]

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
        self.check_numbers([list(args), dict(kwargs or {})])
        recipes = {key: recipe for key, recipe in (state or {}).items() if recipe is not None}
        options = dict(kwargs or {})
        dtype = dtype or self.dtype
        if recipes and dtype != "float32" and constructor not in ("nn.Parameter", "buffer") and not graph:
            options["dtype"] = torch_dtype(dtype)
        module = Module(
            name="_".join(word for word in (self.label, part) if word),
            constructor=constructor,
            args=tuple(args),
            kwargs=options,
            state=recipes,
            frozen=frozenset(recipes if not self.trains else frozen),
            graph=graph,
            owner=self.owner,
        )
        known = self.session.modules.setdefault((self.owner, part), module)
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
        like: Value | None = None,
        dtype: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        state: Mapping[str, Weight | None] | None = None,
        frozen: Sequence[str] = (),
        part: str = "",
        non_negative: bool = False,
    ) -> Value:
        """Define a module and call it on `x`: `self.name(x)`. `perm` and `like` are those of `op`."""
        if state and not constructor.endswith("Embedding"):
            x = self.floating(x)
        made = self.define(constructor, args=args, kwargs=kwargs, state=state, frozen=frozen, part=part)
        return self.op(
            "module(x)",
            shape=shape,
            perm=perm,
            like=like,
            dtype=dtype,
            non_negative=non_negative,
            module=made,
            x=x,
        )

    def parameter(self, name: str, weight: Weight, *, frozen: bool = False) -> Module:
        """A bare parameter `self.<layer>_<name>` with the weight's shape; a scalar has shape (1,)."""
        weight = weight if weight.shape else weight.reshape(1)  # FSDP shards no scalars
        return self.define(
            "nn.Parameter",
            args=(weight.shape, torch_dtype(self.dtype)),
            state={"": weight},
            frozen=[""] if frozen else (),
            part=name,
        )

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
        like: Value | None = None,
        flat: FlatOrder | None = None,
        op: Op | None = None,
        non_negative: bool = False,
        **operands: Any,
    ) -> Value:
        """Append one expression and return its value.

        Axes are Keras' own: every tensor that the expression reads is stored as Keras has it, and so is the
        result, unless `like` or `perm` says that the expression works on tensors as they happen to be stored.

        Args:
            template: A Python expression over the names of `operands`, torch and `codegen.runtime`.
            shape: Of the result, in Keras' order.
            dtype: Of the result; the first value's if not given.
            perm: The layout of the result of an expression over tensors as they are stored.
            like: The value whose layout the result of such an expression has.
            flat: Order of the result's last axis, of such an expression.
            op: What it computes, if the template alone does not tell.
            non_negative: Whether no element can be below zero.
            operands: Values, modules and literals.

        Raises:
            TemplateError: The template has no use for an operand, or names what nobody knows.
        """
        if like is not None:
            perm, flat = like.perm, like.flat
        elif perm is None and flat is not None:
            raise TemplateError("an order of the last axis goes with `perm` or `like`")
        elif perm is None:
            operands = {name: self._native(operand) for name, operand in operands.items()}
        return self.expression(
            template,
            shape=shape,
            dtype=dtype,
            perm=perm or (),
            flat=flat,
            op=op,
            non_negative=non_negative,
            **operands,
        )

    def _native(self, operand: Any) -> Any:
        """An operand with every tensor in it in Keras' layout."""
        return map_nested(lambda x: self.keras_layout(x) if isinstance(x, Value) else x, operand)

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

    def autocast(self, x: Value) -> Value:
        """A floating-point argument in the layer's compute dtype, as Keras casts it."""
        if x.dtype == self.dtype or not {x.dtype, self.dtype} <= FLOATS:
            return x
        cast = self.cast(x, self.dtype)
        self.masks.through_cast(x, cast)
        return cast

    def floating(self, x: Value) -> Value:
        """Integers in the layer's compute dtype, as Keras' matmul and convolution promote them."""
        return x if x.dtype in FLOATS else self.cast(x, self.dtype)

    # ---------------------------------------------------------------- layouts

    def keras_layout(self, x: Value) -> Value:
        """`x` stored in Keras' own order."""
        return layout.to_perm(self, x, tuple(range(x.rank)))

    def channels_first(self, x: Value, data_format: str = "channels_last") -> Value:
        """`x` stored as (N, C, spatial...), as torch's spatial modules want it: with elements."""
        return layout.channels_first(self, x, data_format)

    def reshape(self, x: Value, shape: Shape) -> Value:
        """`x` with Keras' elements in the same order and a new shape; None where the size is open."""
        return layout.reshape(self, x, shape)

    def flatten(self, x: Value) -> Value:
        """(N, ...) -> (N, product); the order of a channels-first value is put right by its reader."""
        return layout.flatten(self, x)

    # ---------------------------------------------------------------- parts

    def activation(self, x: Value, activation: str | LayerSpec | None) -> Value:
        """Apply an activation given by name, as a function with quirks, or as a whole layer."""
        if not isinstance(activation, LayerSpec):
            activation = LayerSpec("activation", activation or "linear", package=ACTIVATION)
        if activation.package == ACTIVATION:
            entry = registry.registered().get((ACTIVATION, activation.class_name))
            if entry is None:
                self.unsupported("activation", activation.class_name, "supported: the names that Keras knows")
            result = entry(self, x, **entry.bind(activation))
        else:
            result = self.call(activation, x, attribute="activation")
        if not isinstance(result, Value):
            self.unsupported("activation", activation.class_name, "supported: what yields one tensor")
        return result

    def sublayer(self, attribute: str, spec: LayerSpec, *, part: str = "") -> Builder:
        """A builder for a layer that this one holds under `attribute`."""
        tree = next((child for child in self.tree.children if child.attribute == attribute), None)
        if tree is None:
            tree = VariableTree(attribute, spec)
            self.tree.children.append(tree)
            self.session.parents[id(tree)] = self.tree
        label = f"{self.label}_{part}" if part else self.label
        owner, masks = (*self.owner, attribute), Masks(self.masks.rules)
        outer = self.derive
        derive = (lambda path, weight: outer(f"{attribute}/{path}", weight)) if outer else None
        return replace(self, spec=spec, tree=tree, owner=owner, label=label, masks=masks, derive=derive)

    def call(self, spec: LayerSpec, *args: Any, attribute: str, part: str = "", **kwargs: Any) -> Any:
        """Lower a sublayer on these arguments; returns what its function returns."""
        return self.lower(self.sublayer(attribute, spec, part=part), args, kwargs)

    def ints(self, value: int | Sequence[int], count: int, option: str) -> tuple[int, ...]:
        """`value` as `count` positive numbers, one a spatial axis."""
        numbers = (value,) * count if isinstance(value, int) else tuple(value)
        if len(numbers) != count or any(not 0 <= number < 2**31 for number in numbers):
            self.unsupported(option, value, f"supported: {count} positive integers below 2**31")
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
