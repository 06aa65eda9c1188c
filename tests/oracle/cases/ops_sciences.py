"""Graph ops of mathematics, linear algebra and images."""

from __future__ import annotations

import numpy as np

from tests.oracle.cases.case import Case, ops
from tests.oracle.cases.ops_models import Table, group


def _positive(x: object) -> object:
    """Symmetric matrices with positive eigenvalues only."""
    return ops.matmul(x, ops.swapaxes(x, 1, 2)) + np.eye(4, dtype="float32")


_MATH: Table = {
    "SegmentSum": lambda x: ops.segment_sum(x[0], np.array([0, 2, 0, 1, 2]), num_segments=4),
    "SegmentMax": lambda x: ops.segment_max(x[0], np.array([0, 2, 0, 3, 2])),
    "SegmentMin": lambda x: ops.segment_min(x[0], np.array([0, 0, 1, 3, 3]), sorted=True),
    "SegmentProd": lambda x: ops.segment_prod(x[0], np.array([0, 2, 0, -1, 2]), num_segments=3),
    "TopK": lambda x: ops.top_k(x, 3)[1],
    "InTopK": lambda x: ops.in_top_k(np.array([1, 0, 3, 3, 2]), x[1], 2),
    "ExtractSequences": lambda x: ops.extract_sequences(x, 3, 2),
    "FFT": lambda x: ops.fft((x, x + 1))[1],
    "FFT2": lambda x: ops.fft2((x, x + 1))[0],
    "IFFT2": lambda x: ops.ifft2((x, x + 1))[1],
    "RFFT": lambda x: ops.rfft(x, fft_length=6)[1],
    "IRFFT": lambda x: ops.irfft((x, x + 1)),
    "STFT": lambda x: ops.stft(ops.reshape(x, (-1, 30)), 5, 3, 8)[0],
    "ISTFT": lambda x: ops.istft((x[..., :5], x[..., 1:]), 6, 2, 8),
}

_LINALG: Table = {
    "Cholesky": lambda x: ops.cholesky(_positive(x), upper=True),
    "CholeskyInverse": lambda x: ops.cholesky_inverse(ops.cholesky(_positive(x))),
    "Det": lambda x: ops.det(x),
    "Inv": lambda x: ops.inv(_positive(x)),
    "Logdet": lambda x: ops.logdet(_positive(x)),
    "LuFactor": lambda x: ops.lu_factor(x[0])[1],
    "Lstsq": lambda x: ops.lstsq(x[0, :, :3], x[1, :, 0]),
    "MatrixRank": lambda x: ops.matrix_rank(x),
    "Norm": lambda x: ops.norm(x, ord="nuc", axis=(1, 2), keepdims=True),
    "Pinv": lambda x: ops.pinv(x[:, :3]),
    "Qr": lambda x: ops.qr(x[:, :, :3], mode="complete")[0],
    "Slogdet": lambda x: ops.slogdet(x)[1],
    "Solve": lambda x: ops.solve(_positive(x), x[:, :, 0]),
    "SolveTriangular": lambda x: ops.solve_triangular(_positive(x), x, lower=True),
    "SVD": lambda x: ops.svd(x[:, :3], compute_uv=False),
}

_IMAGES: Table = {
    "RGBToGrayscale": lambda x: ops.image.rgb_to_grayscale(x),
    "RGBToHSV": lambda x: ops.image.rgb_to_hsv(ops.sigmoid(x)),
    "HSVToRGB": lambda x: ops.image.hsv_to_rgb(ops.sigmoid(x)),
    "Resize": lambda x: ops.image.resize(x, (5, 9), interpolation="bicubic", antialias=True),
    "PadImages": lambda x: ops.image.pad_images(
        x, top_padding=1, left_padding=2, target_height=9, target_width=10
    ),
    "CropImages": lambda x: ops.image.crop_images(
        x, top_cropping=1, left_cropping=2, target_height=4, target_width=3
    ),
    "ExtractPatches": lambda x: ops.image.extract_patches(x, 2),
    "AffineTransform": lambda x: ops.image.affine_transform(
        x, np.array([1.1, 0.2, -0.7, -0.1, 0.9, 0.4, 0, 0], "float32"), fill_mode="reflect"
    ),
    "PerspectiveTransform": lambda x: ops.image.perspective_transform(
        x,
        np.array([[0, 0], [5, 0], [0, 6], [5, 6]], "float32"),
        np.array([[0.5, 1], [4.5, 0], [0, 5.5], [5, 6]], "float32"),
    ),
    "MapCoordinates": lambda x: ops.image.map_coordinates(
        x[0],
        np.array([[0.3, 4.2, -1.5], [1.6, 5.9, 2.2], [0.0, 1.0, 1.5]], "float32"),
        1,
        fill_mode="reflect",
    ),
    "ScaleAndTranslate": lambda x: ops.image.scale_and_translate(
        x, (3, 9, 4, 3), np.array([1.4, 0.7], "float32"), np.array([-0.5, 0.3], "float32"), (1, 2), "cubic"
    ),
    "GaussianBlur": lambda x: ops.image.gaussian_blur(x, (3, 5), (1.0, 0.7)),
    "SobelEdges": lambda x: ops.image.sobel_edges(x),
    "SSIM": lambda x: ops.image.ssim(ops.sigmoid(x), ops.sigmoid(2 * x), filter_size=5),
}

CASES: list[Case] = [
    group("ops_math", _MATH, [(5, 6)]),
    group("ops_linalg", _LINALG, [(4, 4)]),
    group("ops_images", _IMAGES, [(7, 6, 3)]),
]
