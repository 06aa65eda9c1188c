"""Layers of the package keras_cv_attention_models (kecam) about positions: biases, rotations, masks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.layers.zoo.kecam import NOTE
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers

# -------------------------------------------------------------------- biases of attention scores


@lowers("MultiHeadRelativePositionalEmbedding", package="beit", masks="drop", note=NOTE)
def relative_positional_embedding(
    b: Builder, x: Value, *, with_cls_token: bool = True, attn_height: int = -1, num_heads: int = -1
) -> Value:
    """What is learned for each head and offset of two patches is added to the scores."""
    _, heads, queries, keys = _sizes(b, x, 4)
    tokens = int(with_cls_token)
    size = _grid(b, queries - tokens, attn_height)
    heads = heads if num_heads == -1 else num_heads
    options: dict[str, int] = {"num_keys": keys - tokens} if keys != queries else {}
    if with_cls_token:
        options["class_token"] = True
    rows = (2 * size[0] - 1) * (2 * size[1] - 1) + 3 * tokens
    table = b.weight("positional_embedding", (heads, rows), initializer="zeros")
    return _biased(b, x, "RelativePositionBias", (heads, size), options, table)


@lowers("MultiHeadPositionalEmbedding", package="levit", masks="drop", note=NOTE)
def distance_embedding(b: Builder, x: Value, *, query_height: int = -1, key_height: int = -1) -> Value:
    """What is learned for each head and distance of two patches is added to the scores."""
    _, *heads, queries, keys = _sizes(b, x, 3 if x.rank == 3 else 4)
    stride = math.ceil((keys / queries) ** 0.5)
    size = _grid(b, queries, query_height)
    height = key_height
    if height == -1:
        height = next(n for n in range(size[0] * stride, 0, -1) if keys % n == 0)
    table = b.weight("positional_embedding", (keys, *heads), initializer="zeros")
    of_keys = _grid(b, keys, height)
    rows, columns = (max(k - 1, stride * (q - 1)) for q, k in zip(size, of_keys, strict=True))
    if rows + columns * of_keys[0] >= keys:
        b.malformed(f"{size} patches, {stride} apart, are further from {of_keys} patches than it has numbers")
    options = {"stride": stride} if stride > 1 else {}
    args = (heads[0] if heads else 1, size, of_keys)
    return _biased(b, x, "DistanceBias", args, options, table.reshape(keys, args[0]).T)


@lowers("MultiHeadRelativePositionalKernelBias", package="kecam/nat", masks="drop", note=NOTE)
def neighborhood_embedding(
    b: Builder,
    x: Value,
    *,
    input_height: int = -1,
    is_heads_first: bool = False,
    dilation_rate: int | tuple[int, int] = 1,
) -> Value:
    """What is learned for each head and offset of a neighbour is added to the scores."""
    if x.rank < 4:
        b.malformed(f"its input {x.shape} must have four axes")
    sizes = _sizes(b, x, x.rank)
    heads, blocks = (sizes[1], sizes[2]) if is_heads_first else (sizes[2], sizes[1])
    kernel = math.isqrt(sizes[-1])
    table = b.weight("positional_embedding", (heads, (2 * kernel - 1) ** 2), initializer=_SMALL)
    dilation = (dilation_rate, dilation_rate) if isinstance(dilation_rate, int) else dilation_rate
    options: dict[str, Any] = {"dilation": dilation} if dilation != (1, 1) else {}
    if is_heads_first:
        options["heads_last"] = False
    size = _grid(b, blocks, input_height if input_height > 0 else math.isqrt(blocks))
    return _biased(b, x, "NeighborhoodBias", (heads, size, kernel), options, table)


@lowers("MlpPairwisePositionalEmbedding", package="kecam", masks="drop", note=NOTE)
def mlp_positional_embedding(
    b: Builder,
    x: Value,
    *,
    hidden_dim: Size = 512,
    attn_height: int = -1,
    attn_width: int = -1,
    pos_scale: int | tuple[int, int] = -1,
    use_absolute_pos: bool = False,
    is_deploy_mode: bool = False,
) -> Value:
    """What a small network makes of the offset of two patches, or of each patch's place, is added."""
    if is_deploy_mode:
        b.unsupported("is_deploy_mode", is_deploy_mode, "supported: False")
    if use_absolute_pos:
        return _mlp_positions(b, x, hidden_dim, attn_height)
    _, heads, steps, _ = _sizes(b, x, 4)
    height = math.isqrt(steps) if attn_height == -1 else attn_height
    width = steps // max(height, 1) if attn_width == -1 else attn_width
    scale = (height, width) if pos_scale == -1 else pos_scale
    scale = (scale, scale) if isinstance(scale, int) else scale
    if min(height, width) < 1 or 1 in scale:
        b.malformed(f"{height} x {width} patches have no offsets to be measured by {scale}")
    options = {"num_tokens": steps - height * width} if steps > height * width else {}
    return b.module(
        "MLPPositionBias",
        b.keras_layout(x),
        args=(heads, (height, width), hidden_dim, scale),
        kwargs=options,
        state=_mlp(b, hidden_dim, heads),
        shape=x.shape,
    )


def _mlp_positions(b: Builder, x: Value, hidden_dim: int, attn_height: int) -> Value:
    """What a small network makes of each patch's place is added, (N, H, W, C) or (N, H * W, C)."""
    if x.rank == 3:
        _, steps, channels = _sizes(b, x, 3)
        size = _grid(b, steps, attn_height)
    else:
        _, height, width, channels = _sizes(b, x, 4)
        size = (height, width)
    if min(size) < 2:
        b.malformed(f"{size[0]} x {size[1]} patches have no places to be measured")
    state, args = _mlp(b, hidden_dim, channels), (channels, size, hidden_dim)
    return b.module("MLPPositions", b.keras_layout(x), args=args, state=state, shape=x.shape)


def _mlp(b: Builder, hidden_dim: int, outputs: int) -> dict[str, Weight | None]:
    """The weights of two linear layers."""
    return {
        "hidden.weight": b.weight("hidden_weight", (2, hidden_dim), initializer="glorot_uniform").T,
        "hidden.bias": b.weight("hidden_bias", (hidden_dim,), initializer="zeros"),
        "out.weight": b.weight("out", (hidden_dim, outputs), initializer="glorot_uniform").T,
    }


@lowers("PairWiseRelativePositionalEmbedding", package="swinv2", masks="drop", note=NOTE)
def log_offsets(b: Builder, x: Value) -> Value:
    """Logarithms of the offsets of two patches of an image: (N, H, W, C) -> (H * W, H * W, 2)."""
    _, height, width, _ = _sizes(b, x, 4)
    count = height * width
    return b.op("log_offsets(x)", shape=(count, count, 2), dtype=b.dtype, x=x)


@lowers("RelativePositionalEmbedding", package="botnet", masks="drop", note=NOTE)
def relative_position_logits(
    b: Builder,
    x: Value,
    *,
    position_height: int = 0,
    position_width: int = 0,
    use_absolute_pos: bool = False,
    dynamic_shape: bool = False,
) -> Value:
    """Queries (N, heads, H, W, C) times what is learned for each offset: (N, heads, H, W, H, W)."""
    _, _, height, width, channels = _sizes(b, x, 5)
    reach = (max(position_height, height), max(position_width or position_height, width))
    start = {"class_name": "RandomNormal", "config": {"stddev": channels**-0.5}}
    lengths = reach if use_absolute_pos else tuple(2 * size - 1 for size in reach)
    of_rows, of_columns = (
        b.weight(name, (channels, length), initializer=start)
        for name, length in zip(("r_height", "r_width"), lengths, strict=True)
    )
    x = b.keras_layout(x)
    shape = (*x.shape[:4], *reach)
    if use_absolute_pos:
        rows, columns = b.parameter("r_height", of_rows), b.parameter("r_width", of_columns)
        template = "(x @ columns).unsqueeze(-2) + (x @ rows).unsqueeze(-1)"
        y = b.op(template, shape=shape, x=x, rows=rows, columns=columns)
    else:
        args = (channels, (height, width), *([reach] if reach != (height, width) else []))
        state = {"height": of_rows, "width": of_columns}
        y = b.module("RelativePositionLogits", x, args=args, state=state, shape=shape)
    if not dynamic_shape or reach == (height, width):
        return y
    return b.op(
        "x[..., :height, :width]", shape=(*x.shape[:4], height, width), x=y, height=height, width=width
    )


# -------------------------------------------------------------------- encodings


@lowers("PositionalEncodingFourierRot", package="beit", masks="drop", note=NOTE)
def grid_rotation(
    b: Builder,
    x: Value,
    *,
    with_cls_token: bool = True,
    num_reg_tokens: int = 0,
    attn_height: int = -1,
    num_heads: int = -1,
    temperature: float = 1e4,
    reg_temperature: float = 100.0,
    ref_feature_shape: int | None = 16,
    reg_ref_feature_shape: int | None = 14,
) -> Value:
    """Pairs of channels turned by angles that grow with the row and the column of a patch."""
    *_, steps, channels = _sizes(b, x, x.rank)
    heads = num_heads if num_heads > 0 else 1
    options = {
        "num_heads": (heads, 1),
        "reach": (max(ref_feature_shape or 0, 0), 16),
        "class_token": (with_cls_token, True),
        "registers": (num_reg_tokens, 0),
        "temperature": (temperature, 1e4),
    }
    if num_reg_tokens:
        options["register_reach"] = (max(reg_ref_feature_shape or 0, 0), 14)
        options["register_temperature"] = (reg_temperature, 100.0)
    size = _grid(b, steps - with_cls_token - num_reg_tokens, attn_height)
    if channels % (4 * heads) or math.isqrt(num_reg_tokens) ** 2 != num_reg_tokens:
        b.malformed(f"{channels} channels of {heads} heads and {num_reg_tokens} registers do not go with it")
    kwargs = {name: value for name, (value, usual) in options.items() if value != usual}
    return b.module("GridRotation", b.keras_layout(x), args=(channels, size), kwargs=kwargs, shape=x.shape)


@lowers("PositionalEncodingFourier", package="kecam/edgenext", masks="drop", note=NOTE)
def fourier_encoding(b: Builder, x: Value, *, filters: Size = 32, temperature: float = 1e4) -> Value:
    """A linear layer of sines and cosines of the positions is added to an image."""
    _, height, width, channels = _sizes(b, x, 4)
    state: dict[str, Weight | None] = {
        "projection.weight": b.weight("ww", (2 * filters, channels), initializer="glorot_uniform").T,
        "projection.bias": b.weight("bb", (channels,), initializer="zeros"),
    }
    kwargs = {"temperature": temperature} if temperature != 1e4 else {}
    return b.module(
        "FourierPositions",
        b.keras_layout(x),
        args=(channels, (height, width), filters),
        kwargs=kwargs,
        state=state,
        shape=x.shape,
    )


@lowers(
    "PositionalEncodingFourierRot1D",
    package="kecam/llama2",
    masks="drop",
    neutral={"is_kv_cache": False},
    note=NOTE,
)
def sequence_rotation(b: Builder, x: Value, *, max_block_size: int, temperature: float = 1e4) -> Value:
    """Two halves of the channels (N, T, heads, 2, C / 2) turned by angles that grow with the step."""
    del max_block_size
    if x.rank < 4 or x.shape[-2] != 2:
        b.malformed(f"its input {x.shape} must end in the two halves of the channels")
    template = "rotate_halves(x, temperature)"
    return b.op(template, shape=x.shape, x=b.floating(x), temperature=temperature)


@lowers("SinusoidalTimeStepEmbedding", package="kecam", masks="drop", note=NOTE)
def time_step_embedding(
    b: Builder, x: Value, *, hidden_channels: int = 320, max_period: int = 10000
) -> Value:
    """Cosines, then sines of time steps at growing wave lengths: (N,) -> (N, hidden_channels)."""
    half = hidden_channels // 2
    return b.op(
        "time_step_embedding(x, half, period)",
        shape=(*x.shape, 2 * half),
        dtype=b.dtype,
        x=x,
        half=half,
        period=max_period,
    )


# -------------------------------------------------------------------- indices and masks


@lowers("PositionalIndex", package="kecam/gpt2", masks="drop", note=NOTE)
def positional_index(b: Builder, x: Value, *, block_size: int = 1024) -> Value:
    """The numbers of the steps, (1, T)."""
    steps = b.size(x, -1)
    if isinstance(steps, int) and steps > block_size:
        b.malformed(f"{steps} steps are more than its {block_size}")
    template = "torch.arange(steps, device=x.device).unsqueeze(0)"
    return b.op(template, shape=(1, x.shape[-1]), dtype="int64", x=x, steps=steps)


@lowers(
    "CausalMask",
    package="kecam/gpt2",
    masks="drop",
    neutral={"is_kv_cache": False},
    training_only=("block_size",),
    note=NOTE,
)
def causal_mask(b: Builder, x: Value) -> Value:
    """A large negative number is added to the scores of what comes later than the query."""
    template = "x + x.new_full(x.shape[-2:], -65504.0).triu(1)"
    return b.op(template, shape=x.shape, x=x)


@lowers("WindowAttentionMask", package="kecam", masks="drop", note=NOTE)
@lowers("WindowAttentionMask", package="swinv2", masks="drop", note=NOTE)
def window_attention_mask(
    b: Builder,
    x: Value,
    *,
    height: Size,
    width: Size,
    window_height: int,
    window_width: int,
    shift_height: int = 0,
    shift_width: int = 0,
) -> Value:
    """-100 is added to the scores of pairs that only the shift has brought into one window (Swin)."""
    sizes = {"image": (height, width), "window": (window_height, window_width)}
    if any(n % k for n, k in zip(*sizes.values(), strict=True)):
        b.malformed(f"windows of {sizes['window']} do not fill {sizes['image']}")
    kwargs = {"shift": (shift_height, shift_width)}
    return b.module(
        "ShiftedWindowMask", b.keras_layout(x), args=tuple(sizes.values()), kwargs=kwargs, shape=x.shape
    )


# -------------------------------------------------------------------- parts

_SMALL = {"class_name": "TruncatedNormal", "config": {"stddev": 0.02}}


def _sizes(b: Builder, x: Value, rank: int) -> tuple[int, ...]:
    """The sizes of an input, all of them known but that of the batch."""
    if x.rank != rank:
        b.malformed(f"its input {x.shape} must have {rank} axes")
    return (0, *(b.known(x, axis) for axis in range(1, rank)))


def _grid(b: Builder, count: int, height: int) -> tuple[int, int]:
    """Rows and columns of so many patches: a square, where the rows are not given."""
    side = math.isqrt(max(count, 0))
    if height == -1 and side**2 != count:
        b.malformed(f"{count} patches are no square")
    rows = side if height == -1 else height
    if rows < 1 or count % rows:
        b.malformed(f"{count} patches are no {rows} rows")
    return rows, count // rows


def _biased(
    b: Builder, x: Value, class_name: str, args: Sequence[object], kwargs: Mapping[str, object], table: Weight
) -> Value:
    """A module of ours that adds what its table has to the scores."""
    return b.module(
        class_name, b.keras_layout(x), args=args, kwargs=kwargs, state={"table": table}, shape=x.shape
    )
