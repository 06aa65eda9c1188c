"""Appends expressions to a graph: the part of a builder that knows nothing of layouts, layers and weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from codegen.errors import MalformedConfig, UnsupportedOption, shorten
from codegen.graph import FlatOrder, Graph, Host, Node, Op, Targets, Value
from codegen.graph.dtypes import INTEGERS, compute_dtype, torch_dtype
from codegen.graph.templates import check_template
from codegen.lowering.ranges import OutOfRange, check_elements, float32, int64
from codegen.model.nested import instances
from codegen.model.spec import LayerCall, LayerSpec, Shape

#: Dtypes that have the numbers of Python, not only those of float32.
_WIDE = frozenset({"float64", "complex128"})


@dataclass
class Emitter:
    """Appends the expressions of one layer to a graph.

    Attributes:
        spec: The layer.
        graph: Where nodes go.
        label: Name for the layer's modules and values.
        step_of: The call of a layer that is lowered.
        absorbed: Nodes whose work the next expression does, too.
    """

    spec: LayerSpec
    graph: Graph
    label: str
    step_of: LayerCall | None = field(default=None, kw_only=True)
    absorbed: list[Node] = field(default_factory=list, kw_only=True)

    @property
    def dtype(self) -> str:
        """The dtype in which the layer computes."""
        return compute_dtype(self.spec.dtype)

    def unsupported(self, option: str, found: object, supported: str) -> NoReturn:
        """Refuse an option's value.

        Raises:
            UnsupportedOption: Always.
        """
        raise UnsupportedOption(self.spec.name, self.spec.title, option, found, supported)

    def malformed(self, message: str) -> NoReturn:
        """Refuse a config that makes no sense.

        Raises:
            MalformedConfig: Always.
        """
        raise MalformedConfig(f"layer {self.spec.name!r} ({self.spec.title}): {message}")

    def check_size(self, what: str, shape: Shape) -> None:
        """Refuse a tensor that no memory holds.

        Raises:
            MalformedConfig: It has too many elements.
        """
        try:
            check_elements(shape)
        except OutOfRange as fault:
            self.malformed(f"{what} would have the shape {shape}; supported: {fault}")

    def check_numbers(self, arguments: Any) -> None:
        """Refuse numbers that torch cannot have, at any depth; beside float64, those of Python are fine.

        Raises:
            MalformedConfig: There is one.
        """
        is_wide = bool(_WIDE & {value.dtype for value in instances(arguments, Value)})
        numbers: tuple[int | float, ...] = (*instances(arguments, int), *instances(arguments, float))
        for number in numbers:
            try:
                if isinstance(number, int):
                    int64(number)
                elif not is_wide:
                    float32(number)
            except OutOfRange as fault:
                self.malformed(f"it has to do with the number {shorten(number)}; supported: {fault}")

    def value(self, shape: Shape, *, dtype: str | None = None, perm: tuple[int, ...] = ()) -> Value:
        """A new value for `emit` to yield, stored as `perm` says; in Keras' layout by default."""
        return Value(tuple(shape), dtype or self.dtype, self.label, perm)

    def emit(self, template: str, targets: Targets, *, op: Op | None = None, **operands: Any) -> None:
        """Append an expression that yields `targets`: a new value, or a nest of tuples of new values.

        Raises:
            TemplateError: The template has no use for an operand, or names what nobody knows.
            MalformedConfig: A number or a shape in it is beyond all that torch can have.
        """
        check_template(template, operands)
        self.check_numbers(operands)
        replaces = tuple(self.absorbed)
        self.absorbed.clear()
        node = Node(template, operands, targets, self.label, op or Op.OTHER, self.step_of, replaces)
        for value in node.results():
            self.check_size("its output", value.shape)
            value.node = node
        self.graph.nodes.append(node)

    def expression(
        self,
        template: str,
        *,
        shape: Shape,
        dtype: str | None = None,
        perm: tuple[int, ...] = (),
        flat: FlatOrder | None = None,
        op: Op | None = None,
        non_negative: bool = False,
        **operands: Any,
    ) -> Value:
        """Append an expression over tensors as they are stored, and return its value.

        Args:
            template: A Python expression over the names of `operands`, torch and `codegen.runtime`.
            shape: Of the result, in Keras' order.
            dtype: Of the result; the first value's if not given.
            perm: Layout of the result; Keras' own by default.
            flat: Order of the result's last axis.
            op: What it computes, if the template alone does not tell.
            non_negative: Whether no element can be below zero.
            operands: Values, modules and literals.
        """
        first = next((operand for operand in operands.values() if isinstance(operand, Value)), None)
        if dtype is None:
            dtype = first.dtype if first else self.dtype
        kind_of_value = Host if isinstance(first, Host) and dtype == first.dtype else Value
        value = kind_of_value(tuple(shape), dtype, self.label, perm, flat, non_negative=non_negative)
        self.emit(template, value, op=op, **operands)
        return value

    def host_op(self, template: str, *, shape: Shape = (), op: Op | None = None, **operands: Any) -> Host:
        """Append an expression that yields a number of the host, or a tuple of them with shape (n,)."""
        number = Host(tuple(shape), layer=self.label)
        self.emit(template, number, op=op, **operands)
        return number

    def from_host(self, numbers: Host, dtype: str | None = None) -> Value:
        """Numbers of the host as a tensor, on the device of the model's first input.

        Args:
            numbers: One, or a tuple of them.
            dtype: As Keras has it if not given: int32, float32 for fractions.
        """
        dtype = dtype or ("int32" if numbers.is_whole else "float32")
        return self.expression(
            "torch.tensor(size, dtype=target, device=x.device)", shape=numbers.shape, dtype=dtype,
            size=numbers, target=torch_dtype(dtype), x=self.graph.inputs[0],
        )  # fmt: skip

    def cast(self, x: Value, dtype: str) -> Value:
        """`x` in another dtype; no node if it has it."""
        if x.dtype == dtype:
            return x
        if dtype in INTEGERS and x.node is not None and x.node.function == ".float":
            source = x.node.source
            x = source if source.dtype == x.dtype else x  # an input as it is fed, see `lower`
        short = {"float32": "x.float()", "int64": "x.long()", "bool": "x != 0"}
        template = short.get(dtype, "x.to(target)")
        operands: dict[str, Any] = {} if dtype in short else {"target": torch_dtype(dtype)}
        return self.expression(
            template, shape=x.shape, dtype=dtype, perm=x.perm, flat=x.flat,
            non_negative=x.non_negative, x=x, **operands,
        )  # fmt: skip

    def size(self, x: Value, axis: int) -> int | Host:
        """The size of Keras' `axis`: a number, or an expression where it is open."""
        known = x.shape[axis]
        if known is not None:
            return known
        return self.host_op("x.shape[d]", x=x, d=x.dim(axis))
