"""Keras' layers that change images at random: what is left of them at inference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from codegen.graph import Value
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.parts.resizing import Casts, batched, recast, resize, single_again, smart_resize
from codegen.lowering.parts.windows import DataFormat, crop, sizes_of
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

#: Images, or a dict of them, boxes, labels and masks.
Data = Any

#: Options of these layers that say what they do in training.
_TRAINING_ONLY = (
    "addition_factor", "all_ops", "alpha", "auto_vectorize", "bins", "bounding_box_format",
    "brightness_factor", "chain_depth", "contrast_factor", "data_format", "factor", "fill_mode",
    "fill_value", "force_generator", "height_factor", "hue_factor", "interpolation", "kernel_size",
    "max_number", "mode", "num_chains", "num_ops", "saturation_factor", "scale", "sigma",
    "threshold_factor", "value_range", "width_factor", "x_factor", "y_factor",
)  # fmt: skip

_NOTE = "as at inference"


_MOVING = (
    "AugMix", "CutMix", "RandAugment", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomPerspective", "RandomRotation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomZoom", "Solarization",
)  # fmt: skip
_COLORING = (
    "Equalization", "MaxNumBoundingBoxes", "MixUp", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert",
    "RandomPosterization", "RandomSaturation", "RandomWidth",
)  # fmt: skip


@lowers(
    {name: {"casts_masks": name in ("CutMix", "RandomFlip")} for name in _MOVING},
    masks="drop",
    training_only=_TRAINING_ONLY,
    note=_NOTE,
)
def augmentation(b: Builder, x: Data, *, casts_masks: bool) -> Data:
    """Its input, images as floats, and segmentation masks too where it `casts_masks`."""
    _say_left_out(b)
    return _images_changed(b, x, lambda images: b.cast(images, b.dtype), casts_masks=casts_masks)


@lowers(
    {name: {"takes_boxes": name != "MaxNumBoundingBoxes"} for name in _COLORING},
    masks="drop",
    training_only=_TRAINING_ONLY,
    note=_NOTE,
)
def color_augmentation(b: Builder, x: Data, *, takes_boxes: bool, casts: Quirk[Casts] = "no") -> Data:
    """Its input, images as floats only in early versions of Keras."""
    if not takes_boxes and isinstance(x, dict) and "bounding_boxes" in x:
        b.unsupported("data", "bounding_boxes", "supported: images, labels and masks")
    _say_left_out(b)
    return _images_changed(b, x, lambda images: recast(b, images, images.dtype, casts))


def _say_left_out(b: Builder) -> None:
    """Note, once for all such layers, that training goes on without them."""
    front = "augmentation left out (training only): "
    before = next((note for note in b.session.notes if note.startswith(front)), front)
    known = [name for name in before.removeprefix(front).split(", ") if name]
    b.session.notes.pop(before, None)
    b.note(front + ", ".join(dict.fromkeys([*known, b.spec.class_name])))


@lowers("RandomCrop", masks="drop", training_only=("bounding_box_format",), note=_NOTE)
def random_crop(
    b: Builder,
    x: Value,
    *,
    height: Size,
    width: Size,
    data_format: DataFormat = "channels_last",
    inference: Quirk[Literal["identity", "crop", "resize"]] = "identity",
) -> Value:
    """Its input; in Keras 2 to 3.5 its middle in the size (height, width), in 3.6 and 3.7 part of that."""
    _check_alone(b, x)
    if inference == "identity":
        return x
    x, single = batched(b, b.cast(x, b.dtype))
    if inference == "resize":
        x = smart_resize(b, x, data_format, height, width)
    else:
        x = _crop(b, x, data_format, height, width)
    return single_again(b, b.cast(x, b.dtype), single)


@lowers("AutoContrast", masks="drop", training_only=("bounding_box_format", "data_format"))
def auto_contrast(b: Builder, x: Data, *, value_range: tuple[float, float] = (0, 255)) -> Data:
    """Each channel of each image, stretched to the whole range."""
    low, high = sorted(value_range)
    bounds: dict[str, Any] = {"low": low, "high": high} if (low, high) != (0, 255) else {}
    template = f"auto_contrast({', '.join(['x', 'dims', *bounds])})"

    def stretched(images: Value) -> Value:
        x, single = batched(b, b.cast(images, b.dtype))
        y = b.op(template, shape=x.shape, x=x, like=x, dims=[x.dim(1), x.dim(2)], **bounds)
        return single_again(b, y, single)

    return _images_changed(b, x, stretched)


@lowers("ContrastLimitedAdaptiveHistogramEqualization", masks="drop", training_only=("bounding_box_format",))
def equalize(
    b: Builder,
    x: Value,
    *,
    value_range: tuple[float, float] = (0, 255),
    clip_limit: float = 4.0,
    tile_grid_size: tuple[int, int] = (8, 8),
    data_format: DataFormat = "channels_last",
) -> Value:
    """Histograms of tiles made even, blended between the tiles."""
    _check_alone(b, x)
    x, single = batched(b, x)
    dtype = x.dtype
    x = b.channels_first(b.cast(x, "float32"), data_format)
    low, high = value_range
    if (low, high) != (0, 255):
        x = b.elementwise("(x - low) / span * 255", x=x, low=low, span=high - low)
    x = b.op(
        "equalize_tiles(x, grid, clip_limit)",
        shape=x.shape,
        x=x,
        like=x,
        grid=list(tile_grid_size),
        clip_limit=clip_limit,
    )
    if (low, high) != (0, 255):
        x = b.elementwise("x / 255 * span + low", x=x, low=low, span=high - low)
    return single_again(b, b.cast(x, dtype), single)


@lowers("Pipeline", masks="own")
def pipeline(b: Builder, x: Data, *, layers: tuple[LayerSpec, ...]) -> Data:
    """One layer after the other."""
    for position, layer in enumerate(layers):
        x = b.call(layer, x, attribute=f"layers/{position}", part=layer.name)
    return x


# -------------------------------------------------------------------- parts


def _images_changed(
    b: Builder, x: Data, change: Callable[[Value], Value], *, casts_masks: bool = False
) -> Data:
    """Images, alone or with boxes, labels and masks beside them, which stay at inference."""
    if isinstance(x, Value):
        return change(x)
    if not isinstance(x, dict) or not isinstance(x.get("images"), Value):
        b.unsupported("data", "<several tensors>", "supported: images, or a dict with 'images'")
    data = {**x, "images": change(x["images"])}
    if "bounding_boxes" in x:
        boxes = x["bounding_boxes"]
        if not isinstance(boxes, dict) or not isinstance(boxes.get("boxes"), Value):
            b.malformed("its bounding boxes have no 'boxes'")
        data["bounding_boxes"] = {**boxes, "boxes": b.cast(boxes["boxes"], "float32")}
    if "segmentation_masks" in x and casts_masks:
        data["segmentation_masks"] = change(x["segmentation_masks"])
    return data


def _check_alone(b: Builder, x: Data) -> None:
    if not isinstance(x, Value):
        b.unsupported("data", "<several tensors>", "supported: images alone")


def _crop(b: Builder, x: Value, data_format: str, height: int, width: int) -> Value:
    """What lies behind the corner of the middle part that has the ratio height : width, then resized."""
    rows, columns = sizes_of(x, data_format)
    if rows is None or columns is None:
        b.malformed(f"its input {x.shape} must have fixed sizes")
    kept = max(min(rows, columns * height // width), 1), max(min(columns, rows * width // height), 1)
    pairs = []
    for size, part, wanted in zip((rows, columns), kept, (height, width), strict=True):
        start = (size - part) // 2
        pairs.append((start, max(size - start - wanted, 0)))
    return resize(b, crop(b, x, data_format, tuple(pairs)), data_format, "bilinear", (height, width))
