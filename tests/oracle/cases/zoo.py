"""Custom layers of public model zoos and of TensorFlow Addons, as their authors wrote them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.cases.case import Case, convnext, inception_resnet_v2, keras, layers, ops


def _custom(
    name: str, call: Callable[..., Any], *, package: str = "Custom", **options: Any
) -> Callable[[], Any]:
    """A layer of a class of that name, with these options in its config, that computes `call`."""

    def build(layer: Any, shape: Any) -> None:
        if name == "InstanceNormalization":
            size = (shape[-1],)
            layer.gamma = layer.add_weight(shape=size, name="gamma")
            layer.beta = layer.add_weight(shape=size, name="beta")
        if name == "EmbeddingBag":
            layer.embeddings = layer.add_weight(shape=(7, 3), name="embeddings")
        layer.built = True

    def make() -> Any:
        def get_config(layer: Any) -> dict[str, Any]:
            return {**layers.Layer.get_config(layer), **options}

        methods = {"build": build, "call": call, "get_config": get_config}
        made = type(name, (layers.Layer,), methods)
        return keras.saving.register_keras_serializable(package, name)(made)()

    return make


def _normalised(layer: Any, x: Any) -> Any:
    mean, variance = ops.moments(x, axes=(1, 2), keepdims=True)
    return layer.gamma * (x - mean) / (ops.sqrt(variance) + 1e-3) + layer.beta


def _instance_normalised(layer: Any, x: Any) -> Any:
    mean, variance = ops.moments(x, axes=(1, 2), keepdims=True)
    return layer.gamma * (x - mean) / ops.sqrt(variance + 1e-3) + layer.beta


def _embedded(combiner: str) -> Callable[..., Any]:
    """As `EmbeddingBag`, whose own code is compiled for few versions of TensorFlow."""
    return lambda layer, x: getattr(ops, combiner)(ops.take(layer.embeddings, x, axis=0), axis=1)


def _pooled(reduce: Any, dims: int) -> Callable[..., Any]:
    """Windows of 2, 3 and 1 elements along the axes, as many as `_windows` says of a value of 4 x 6 x 2."""
    shape = (-1, *(2, 2, 2, 3, 2, 1)[: 2 * dims], 3)
    return lambda _, x: reduce(ops.reshape(x, shape), axis=tuple(range(2, 2 * dims + 2, 2)))


def _windows(dims: int) -> dict[str, Any]:
    return {"output_size": (2, 2, 2)[:dims], "data_format": "channels_last"}


CASES = [
    Case("layer_scale", lambda: convnext.LayerScale(1e-6, 3), [(5, 4, 3)]),
    Case("stochastic_depth", lambda: convnext.StochasticDepth(0.2), [(5, 3)]),
    Case(
        "custom_scale_layer",
        lambda: inception_resnet_v2.CustomScaleLayer(0.3),
        [(5, 3), (5, 3)],
        call=lambda layer, xs: layer(xs),
    ),
    Case(
        "drop_connect",
        _custom("DropConnect", lambda _, x: x, package="keras_efficientnets", drop_connect_rate=0.2),
        [(5, 3)],
    ),
    Case(
        "fixed_dropout",
        _custom("FixedDropout", lambda _, x: x, package="efficientnet", rate=0.2, noise_shape=None, seed=1),
        [(5, 3)],
    ),
    Case(
        "instance_normalization",
        _custom(
            "InstanceNormalization",
            _normalised,
            package="keras_contrib",
            axis=-1,
            epsilon=1e-3,
            center=True,
            scale=True,
        ),
        [(6, 5, 3)],
    ),
    Case(
        "addons_instance_normalization",
        _custom(
            "InstanceNormalization",
            _instance_normalised,
            package="Addons",
            groups=3,
            axis=-1,
            epsilon=1e-3,
            center=True,
            scale=True,
        ),
        [(6, 5, 3)],
    ),
    Case(
        "addons_gelu", _custom("GELU", lambda _, x: ops.gelu(x), package="Addons", approximate=True), [(5, 3)]
    ),
    Case(
        "addons_gelu_of_old",
        _custom("GeLU", lambda _, x: ops.gelu(x), package="Addons", approximate=True),
        [(5, 3)],
    ),
    Case(
        "addons_gelu_exact",
        _custom("GELU", lambda _, x: ops.gelu(x, False), package="Addons", approximate=False),
        [(5, 3)],
    ),
    Case(
        "addons_maxout",
        _custom(
            "Maxout",
            lambda _, x: ops.max(ops.reshape(x, (-1, 3, 2, 5, 4)), axis=1),
            package="Addons",
            num_units=2,
            axis=1,
        ),
        [(6, 5, 4)],
    ),
    *(
        Case(
            f"addons_embedding_bag_{combiner}",
            _custom(
                "EmbeddingBag",
                _embedded(combiner),
                package="Addons",
                input_dim=7,
                output_dim=3,
                mask_zero=False,
                combiner=combiner,
            ),
            [(4,)],
            ["int32"],
        )
        for combiner in ("sum", "mean")
    ),
    *(
        Case(
            f"addons_adaptive_{kind.lower()}_pooling_{dims}d",
            _custom(
                f"Adaptive{kind}Pooling{dims}D",
                _pooled(reduce, dims),
                package="Addons",
                **_windows(dims),
            ),
            [(*(4, 6, 2)[:dims], 3)],
        )
        for kind, reduce in (
            ("Average", lambda x, axis: ops.mean(x, axis)),
            ("Max", lambda x, axis: ops.max(x, axis)),
        )
        for dims in (1, 2, 3)
    ),
]
