"""TensorFlow functions that draw random numbers, at inference too: torch draws others."""

from __future__ import annotations

from typing import Any

from codegen.graph import Host, Op, Value
from codegen.graph.dtypes import FLOATS, torch_dtype
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.model.spec import LayerSpec
from codegen.ops.tensorflow.arguments import Count, DType, Given, Known, Native, Sizes, Tensor, number
from codegen.ops.tensorflow.functions import tf
from codegen.ops.tensorflow.math import combine

#: Numbers of a standard distribution: of a shape, and like a tensor.
_STANDARD = {
    "normal": ("torch.randn(sizes{dtype}, device=x.device)", "torch.randn_like(x{dtype})"),
    "truncated_normal": (
        "nn.init.trunc_normal_(torch.empty(sizes{dtype}, device=x.device))",
        "nn.init.trunc_normal_(torch.empty_like(x{dtype}))",
    ),
    "uniform": ("torch.rand(sizes{dtype}, device=x.device)", "torch.rand_like(x{dtype})"),
}


@tf(
    {
        f"random.{prefix}{kind}": {"kind": kind}
        for kind in ("normal", "truncated_normal")
        for prefix in ("", "stateless_")
    },
    ignored=("seed", "alg"),
)
def normal(
    b: Builder, shape: Sizes, mean: Given = 0.0, stddev: Given = 1.0, dtype: DType = "float32", *, kind: str
) -> Value:
    """`mean + stddev * torch.randn(...)`; truncated numbers are drawn within two deviations."""
    return _moved(b, _drawn(b, kind, shape, dtype), stddev, mean)


@tf("random.uniform", "random.stateless_uniform", ignored=("seed", "alg"))
def uniform(
    b: Builder, shape: Sizes, minval: Given = 0, maxval: Given | None = None, dtype: DType = "float32"
) -> Value:
    """`low + (high - low) * torch.rand(...)`; of whole numbers, `torch.randint(low, high, ...)`."""
    if dtype in FLOATS:
        high = 1 if maxval is None else maxval
        return _moved(b, _drawn(b, "uniform", shape, dtype), combine(b, "Subtract", high, minval), minval)
    _note(b)
    return b.op(
        "torch.randint(low, high, sizes, dtype=target, device=x.device)", shape=rules.open_shape(shape),
        dtype=dtype, low=number(b, minval, "minval"), high=number(b, maxval, "maxval"), sizes=shape,
        target=torch_dtype(dtype), x=b.graph.inputs[0],
    )  # fmt: skip


def _drawn(b: Builder, kind: str, shape: tuple[int | Host, ...], dtype: str) -> Value:
    """Numbers of a standard distribution."""
    _note(b)
    of_shape, of_tensor = _STANDARD[kind]
    like = _tensor_of_shape(shape)
    operands: dict[str, Any] = {} if like else {"sizes": shape}
    said = ""
    if dtype != (like.dtype if like else "float32"):
        said, operands["target"] = ", dtype=target", torch_dtype(dtype)
    return b.op(
        (of_tensor if like else of_shape).format(dtype=said), like=like, dtype=dtype, op=Op.RANDOM,
        shape=like.shape if like else rules.open_shape(shape), x=like or b.graph.inputs[0], **operands,
    )  # fmt: skip


def _tensor_of_shape(shape: tuple[int | Host, ...]) -> Value | None:
    """The tensor that has just these sizes, if a size is read from one."""
    nodes = [part.node for part in shape if isinstance(part, Host) and part.node]
    x = next((node.source for node in nodes if node.op is Op.SIZE), None)
    if x is None or x.rank != len(shape) or x.dtype not in FLOATS:
        return None
    fits = all(_is_size(part, x, axis) for axis, part in enumerate(shape))
    return x if fits else None


def _is_size(part: int | Host, x: Value, axis: int) -> bool:
    """Whether this is the size of an axis, as far as is known now."""
    if isinstance(part, int) or part.node is None:
        return part == x.shape[axis]
    return part.node.op is Op.SIZE and part.node.source is x and part.node.operands["d"] == x.dim(axis)


def _moved(b: Builder, x: Value, scale: TensorLike, offset: TensorLike) -> Value:
    """`x * scale + offset`."""
    if rules.host(scale) != 1:
        x = combine(b, "Multiply", x, scale)
    return x if rules.host(offset) == 0 else combine(b, "Add", x, offset)


def _note(b: Builder) -> None:
    b.note("random numbers are drawn at inference too, as by Keras, but torch draws others")


@tf("nn.dropout", "compat.v1.nn.dropout", ignored=("seed",))
def dropout(
    b: Builder, x: Tensor, rate: Known | None = None, noise_shape: Sizes | None = None, keep_prob: Known = 1
) -> Value:
    """`F.dropout(x, rate)`, at inference too."""
    share = 1 - keep_prob if rate is None else rate
    if share == 0:
        return b.elementwise("x", x=x)
    _note(b)
    sizes = [size if isinstance(size, int) and size >= 0 else None for size in noise_shape or ()]
    layer = LayerSpec(b.spec.name, "Dropout", {"rate": share, "noise_shape": sizes or None})
    result: Value = b.call(layer, x, attribute="dropout", training=True)
    return result


@tf("random.categorical", ignored=("seed",))
def categorical(b: Builder, logits: Native, num_samples: Count, dtype: DType = "int64") -> Value:
    """(N, classes) -> (N, samples): class numbers, drawn by their logits."""
    _note(b)
    y = b.op(
        "torch.multinomial(F.softmax(logits, dim=-1), count, replacement=True)",
        shape=(logits.shape[0], num_samples), dtype="int64", logits=logits, count=num_samples,
    )  # fmt: skip
    return b.cast(y, dtype)


@tf("random.shuffle", ignored=("seed",))
def shuffle(b: Builder, value: Native) -> Value:
    """The rows in random order."""
    _note(b)
    return b.op("x[torch.randperm(len(x), device=x.device)]", shape=value.shape, x=value)
