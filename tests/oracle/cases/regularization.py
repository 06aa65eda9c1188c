"""Regularisation layers, in eval mode."""

from __future__ import annotations

from tests.oracle.cases.case import Case, layers

CASES = [
    Case("dropout", lambda: layers.Dropout(0.3), [(5, 4)]),
    Case("dropout_zero", lambda: layers.Dropout(0.0), [(5, 4)]),
    Case("dropout_maps", lambda: layers.Dropout(0.3, noise_shape=(None, 1, 1, 3)), [(5, 4, 3)]),
    Case("dropout_samples", lambda: layers.Dropout(0.3, noise_shape=(None, 1, 1)), [(5, 4)]),
    Case("dropout_steps", lambda: layers.Dropout(0.3, noise_shape=(None, None, 1)), [(5, 4)]),
    Case("dropout_rows", lambda: layers.Dropout(0.3, noise_shape=(1, 5, 1, 3)), [(5, 4, 3)]),
    Case("spatial_dropout_1d", lambda: layers.SpatialDropout1D(0.3), [(5, 4)]),
    Case("spatial_dropout_2d", lambda: layers.SpatialDropout2D(0.3), [(5, 4, 3)]),
    Case(
        "spatial_dropout_3d",
        lambda: layers.SpatialDropout3D(0.3, data_format="channels_first"),
        [(2, 5, 4, 3)],
    ),
    Case("gaussian_dropout", lambda: layers.GaussianDropout(0.3), [(5, 4)]),
    Case("gaussian_noise", lambda: layers.GaussianNoise(0.3), [(5, 4)]),
    Case("alpha_dropout", lambda: layers.AlphaDropout(0.3), [(5, 4)]),
    Case("alpha_dropout_steps", lambda: layers.AlphaDropout(0.3, noise_shape=(9, None, 1)), [(5, 4)]),
    Case("activity_regularization", lambda: layers.ActivityRegularization(l1=0.1), [(5, 4)]),
]
