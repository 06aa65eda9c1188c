"""Wrappers of TensorFlow Model Optimization that prune and cluster weights, as they are before stripping.

Formulas: `call` in `sparsity/keras/pruning_wrapper.py` and `clustering/keras/cluster_wrapper.py` (0.7.5).
"""

from __future__ import annotations

from typing import Any

from codegen.graph.recipe import Weight
from codegen.layers.wrapping import call_wrapped
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

_NOTE = "TensorFlow Model Optimization"

#: The variables that are pruned and clustered, in whatever layer but those that have none.
_KERNELS = frozenset({"embeddings", "kernel", "pointwise_kernel", "recurrent_kernel"})
_WITHOUT = frozenset({"DepthwiseConv1D", "DepthwiseConv2D"})


def _is_kernel(layer: LayerSpec, path: str) -> bool:
    return path.rpartition("/")[2] in _KERNELS and layer.class_name not in _WITHOUT


@lowers(
    "PruneLowMagnitude",
    package="tensorflow_model_optimization",
    masks="drop",
    training_only=("pruning_schedule", "block_size", "block_pooling_type", "sparsity_m_by_n"),
    note=_NOTE,
)
def prune_low_magnitude(b: Builder, *args: Any, layer: LayerSpec, **kwargs: Any) -> Any:
    """The wrapped layer, whose kernels are multiplied by their masks at every call."""
    count = 0

    def pruned(path: str, weight: Weight) -> Weight:
        nonlocal count
        if not _is_kernel(layer, path):
            return weight
        suffix = f"_{count}" if count else ""
        count += 1
        b.hold(weight)
        mask = b.weight(f"mask{suffix}", weight.shape, trainable=False)
        b.weight(f"threshold{suffix}", (), trainable=False)
        return weight.apply("multiply", mask).instead_of(weight)

    result = call_wrapped(b, layer, args, kwargs, derive=pruned, label=layer.name)
    b.weight("pruning_step", (), trainable=False)
    return result


@lowers(
    "ClusterWeights",
    "ClusterWeightsMHA",
    "ClusterWeightsRNN",
    package="tensorflow_model_optimization",
    masks="drop",
    training_only=("cluster_centroids_init", "cluster_gradient_aggregation"),
    note=_NOTE,
)
def cluster_weights(
    b: Builder,
    *args: Any,
    layer: LayerSpec,
    number_of_clusters: Size,
    cluster_per_channel: bool = False,
    preserve_sparsity: bool | None = None,
    **kwargs: Any,
) -> Any:
    """The wrapped layer, in whose kernels the nearest centroid stands for each number.

    Versions before 0.6, which do not save `preserve_sparsity`, keep no kernels, but each number's centroid.
    """
    if preserve_sparsity:
        b.unsupported(
            "preserve_sparsity",
            preserve_sparsity,
            "it depends on weights that are not saved; strip the clustering",
        )
    if cluster_per_channel and layer.config.get("data_format") == "channels_first":
        b.unsupported("cluster_per_channel", cluster_per_channel, "supported: channels last")
    kernels: list[Weight] = []
    is_early = preserve_sparsity is None

    def clustered(path: str, weight: Weight) -> Weight:
        if not _is_kernel(layer, path):
            return weight
        kernels.append(weight)
        if not is_early:
            b.hold(weight)
        name = path.rpartition("/")[2] + (f"_{len(kernels)}" if path.count("/") else "")
        shape = (weight.shape[-1], number_of_clusters) if cluster_per_channel else (number_of_clusters,)
        centroids = b.weight(f"cluster_centroids_{name}", shape)
        indices = b.weight(f"pulling_indices_{name}", weight.shape, trainable=False)
        if is_early:
            return centroids.apply("take", indices, shape=weight.shape)
        return weight.nearest_of(centroids).instead_of(weight)

    result = call_wrapped(b, layer, args, kwargs, derive=clustered, label=layer.name)
    for kernel in kernels:
        if is_early:
            b.drop(kernel)
        else:
            b.take(kernel)
    return result
