"""Moving variances as Keras computed them, where torch's batch normalisation does otherwise."""

from __future__ import annotations

from codegen.graph import Graph, definitions
from codegen.graph.core import with_children
from codegen.training.spec import Generation

#: Whose moving variance is that of the batch itself: all of Keras 3; in tf.keras, what its fused kernel does
#: not compute (`_fused_can_be_used`: it takes images and volumes). Keras 2's were corrected as torch's are.
_BIASED: dict[Generation, tuple[str, ...]] = {
    "keras3": ("nn.BatchNorm1d", "nn.BatchNorm2d", "nn.BatchNorm3d"),
    "tf": ("nn.BatchNorm1d",),
    "tf_new": ("nn.BatchNorm1d",),
    "keras2": (),
}


def bias_variances(root: Graph, generation: Generation) -> None:
    """Let batch normalisations be those whose moving variance is computed as Keras did; behind the passes."""
    for graph in definitions(root):
        for module in with_children(graph.modules()):
            if module.constructor in _BIASED[generation] and "running_var" in module.state:
                module.constructor = module.constructor.replace("nn.", "Biased")
