"""What the dotted names of Keras and TensorFlow in a function of a file mean.

A file never says what `K` or `tf` is: these few names are read as the modules that people import as such.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

#: Names of modules as people import them.
ROOTS = {
    "K": "keras.backend",
    "KB": "keras.backend",
    "backend": "keras.backend",
    "tf": "tensorflow",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "tf_keras": "keras",
    "ops": "keras.ops",
    "layers": "keras.layers",
    "activations": "keras.activations",
    "imagenet_utils": "keras.applications.imagenet_utils",
    "np": "numpy",
    "numpy": "numpy",
    "math": "math",
}
#: Paths under which Keras and its parts stand elsewhere.
_MOVED = (
    ("tensorflow.compat.v1.keras", "keras"),
    ("tensorflow.python.keras", "keras"),
    ("tensorflow.keras", "keras"),
    ("keras.src", "keras"),
    ("keras.api", "keras"),
    ("keras.backend.tensorflow_backend", "keras.backend"),
    ("tensorflow.compat.v2", "tensorflow"),
)
_OPS_PARTS = ("core", "image", "linalg", "math", "nn", "numpy")


def canonical(path: str) -> str:
    """The path of a module or function in the one place where we look for it."""
    for moved, home in _MOVED:
        if path == moved or path.startswith(f"{moved}."):
            path = home + path[len(moved) :]
    parts = path.split(".")
    if parts[:2] == ["keras", "ops"] and len(parts) == 4 and parts[2] in _OPS_PARTS:
        return f"keras.ops.{parts[3]}"
    return path


# -------------------------------------------------------------------- TensorFlow

#: Where TensorFlow keeps functions that it also exports elsewhere.
_HOMES = ("", "math.", "nn.", "linalg.", "signal.", "dtypes.", "quantization.", "debugging.")
#: Names of other functions, and of what became something else.
_RENAMED = {
    "ceil": "math.ceil",
    "check_numerics": "debugging.check_numerics",
    "diag": "linalg.tensor_diag",
    "diag_part": "linalg.tensor_diag_part",
    "div": "compat.v1.div",
    "div_no_nan": "math.divide_no_nan",
    "extract_image_patches": "compat.v1.image.extract_image_patches",
    "image.resize_image_with_crop_or_pad": "image.resize_with_crop_or_pad",
    "image.transpose_image": "image.transpose",
    "lin_space": "linspace",
    "linalg.norm": "norm",
    "linalg.transpose": "linalg.matrix_transpose",
    "math.mod": "math.floormod",
    "matrix_band_part": "linalg.band_part",
    "matrix_determinant": "linalg.det",
    "matrix_diag": "linalg.diag",
    "matrix_diag_part": "linalg.diag_part",
    "matrix_inverse": "linalg.inv",
    "matrix_set_diag": "linalg.set_diag",
    "matrix_solve": "linalg.solve",
    "matrix_triangular_solve": "linalg.triangular_solve",
    "mod": "math.floormod",
    "nn.lrn": "nn.local_response_normalization",
    "nn.swish": "nn.silu",
    "random_normal": "random.normal",
    "random_uniform": "random.uniform",
    "reverse_v2": "reverse",
    "self_adjoint_eigvals": "linalg.eigvalsh",
    "tensor_scatter_add": "tensor_scatter_nd_add",
    "tensor_scatter_sub": "tensor_scatter_nd_sub",
    "tensor_scatter_update": "tensor_scatter_nd_update",
    "truncated_normal": "random.truncated_normal",
}
#: The same in TensorFlow 1, whose functions of these names take other arguments.
_RENAMED_1 = {
    "image.resize": "compat.v1.image.resize_images",
    "linalg.norm": "compat.v1.norm",
    "nn.avg_pool2d": "compat.v1.nn.avg_pool",
    "nn.avg_pool_v2": "nn.avg_pool",
    "nn.max_pool_v2": "nn.max_pool",
    "where_v2": "where",
}


#: Functions of which TensorFlow 1 and 2 compute other numbers.
CHANGED = frozenset({"image.resize", "nn.dropout"})


def tensorflow_function(name: str, known: Collection[str], *, is_first: bool) -> str | None:
    """The name under which Keras saves a function of TensorFlow; None if none of these is meant.

    Args:
        name: Its path below `tensorflow`: "reduce_mean", "nn.relu", "compat.v1.where".
        known: The names that Keras saves and that we know.
        is_first: Whether it is a function of TensorFlow 1.
    """
    is_first = is_first or name.startswith("compat.v1.")
    name = name.removeprefix("compat.v1.")
    return next((found for found in _candidates(name, is_first=is_first) if found in known), None)


def _candidates(name: str, *, is_first: bool) -> Iterator[str]:
    part, _, bare = name.rpartition(".")
    if is_first and name in _RENAMED_1:
        yield _RENAMED_1[name]
    if name in _RENAMED and not (is_first and name == "linalg.norm"):
        yield _RENAMED[name]
    homes = [f"{part}.", *_HOMES] if part in ("", "math", "nn", "linalg", "dtypes", "manip") else [f"{part}."]
    if part == "spectral":
        homes = ["signal."]
    for home in homes if part else _HOMES:
        if is_first:
            yield f"compat.v1.{home}{bare}"
        yield home + bare


# -------------------------------------------------------------------- keras.ops

#: Ops whose class is not called as the function, in capitals.
_OP_CLASSES = {
    "abs": "Absolute", "allclose": "AllClose", "batch_normalization": "BatchNorm", "cdist": "CDist",
    "conj": "Conjugate", "ctc_decode": "CTCDecode", "ctc_loss": "CTCLoss", "fft": "FFT", "fft2": "FFT2",
    "hard_swish": "HardSilu", "ifft2": "IFFT2", "irfft": "IRFFT", "isin": "IsIn", "istft": "ISTFT",
    "layer_normalization": "LayerNorm", "psnr": "PSNR", "rfft": "RFFT", "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted", "stft": "STFT", "svd": "SVD", "swish": "Silu",
    "rgb_to_grayscale": "RGBToGrayscale", "rgb_to_hsv": "RGBToHSV", "hsv_to_rgb": "HSVToRGB",
    "ssim": "SSIM",
}  # fmt: skip
#: Functions whose parameters do not stand in the order of the op's arguments, then of its options.
OP_PARAMETERS: dict[str, tuple[str, ...]] = {
    "average": ("x", "axis", "weights"),
    "batch_normalization": ("x", "mean", "variance", "axis", "offset", "scale", "epsilon"),
    "full": ("shape", "fill_value", "dtype"),
    "layer_normalization": ("x", "gamma", "beta", "axis", "epsilon"),
    "pad": ("x", "pad_width", "mode", "constant_values"),
}


def op_class(function: str) -> str:
    """The class of a function of `keras.ops`."""
    return _OP_CLASSES.get(function) or "".join(word[:1].upper() + word[1:] for word in function.split("_"))
