"""Images in another size."""

from __future__ import annotations

from typing import Any

from tests.oracle.cases.case import Case, keras, layers


def _maps(make: Any) -> Any:
    """A layer between convolutions: its input and output are stored channels first."""
    x = inputs = keras.Input((9, 7, 3))
    return keras.Model(inputs, layers.Conv2D(2, 1)(make()(layers.Conv2D(4, 2)(x))))


def _rows(kernel: str) -> list[Case]:
    """Each layer with one kernel, for known and for open sizes."""
    return [
        Case(f"resizing_{kernel}", lambda: layers.Resizing(10, 4, kernel), [(5, 6, 3)]),
        Case(
            f"resizing_antialias_{kernel}",
            lambda: layers.Resizing(10, 4, kernel, antialias=True),
            [(None, None, 3)],
        ),
        Case(f"up_sampling_{kernel}", lambda: layers.UpSampling2D((2, 3), None, kernel), [(5, 6, 3)]),
        Case(
            f"up_sampling_open_{kernel}",
            lambda: layers.UpSampling2D((3, 2), "channels_first", kernel),
            [(3, None, None)],
        ),
    ]


def _aspect_rows(option: str) -> list[Case]:
    """One option for images that are too high, too wide, and of any size."""
    shapes: dict[str, tuple[int | None, ...]] = {
        "tall": (9, 4, 3),
        "wide": (4, 11, 3),
        "open": (None, None, 3),
    }
    return [
        Case(f"resizing_{option}_{name}", lambda: layers.Resizing(5, 8, **{option: True}), [shape])
        for name, shape in shapes.items()
    ]


CASES = [
    *(
        case
        for kernel in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        for case in _rows(kernel)
    ),
    *_aspect_rows("crop_to_aspect_ratio"),
    *_aspect_rows("pad_to_aspect_ratio"),
    Case("up_sampling_cubic", lambda: layers.UpSampling2D(4, interpolation="bicubic"), [(5, None, 3)]),
    Case("up_sampling_maps", lambda: _maps(lambda: layers.UpSampling2D(2)), [], model=True),
    Case("resizing_maps", lambda: _maps(lambda: layers.Resizing(4, 12)), [], model=True),
    Case("resizing_same", lambda: layers.Resizing(5, 6), [(5, 6, 3)]),
    Case("resizing_bytes", lambda: layers.Resizing(4, 9, "bicubic"), [(5, 6, 3)], dtypes=["uint8"], ints=256),
    Case("resizing_ints", lambda: layers.Resizing(4, 9, "nearest"), [(5, 6, 3)], dtypes=["int32"]),
    Case("resizing_rounds", lambda: layers.Resizing(4, 9), [(5, 6, 3)], dtypes=["int32"], ints=256),
    Case(
        "resizing_fill",
        lambda: layers.Resizing(5, 8, pad_to_aspect_ratio=True, fill_value=2.0, data_format="channels_first"),
        [(3, None, 4)],
    ),
    Case("center_crop", lambda: layers.CenterCrop(4, 3), [(7, 6, 3)]),
    Case("center_crop_same", lambda: layers.CenterCrop(7, 6), [(7, 6, 3)]),
    Case("center_crop_small", lambda: layers.CenterCrop(8, 5), [(7, 6, 3)]),
    Case("center_crop_first", lambda: layers.CenterCrop(4, 3, data_format="channels_first"), [(3, 7, 6)]),
    Case("center_crop_open", lambda: layers.CenterCrop(4, 3), [(None, None, 3)]),
    Case("center_crop_open_small", lambda: layers.CenterCrop(9, 5), [(None, None, 3)]),
    Case("center_crop_ints", lambda: layers.CenterCrop(4, 3), [(7, 6, 3)], dtypes=["uint8"]),
]
