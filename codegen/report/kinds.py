"""What sort of layer a layer is: its colour in the drawing and in the table."""

from __future__ import annotations

import re

from codegen.report.facts import LayerFacts

#: Words in the names of classes, the first that fits counts.
_KINDS = (
    ("input", r"InputLayer"),
    ("recurrent", r"LSTM|GRU|RNN|Bidirectional|TimeDistributed|TCN"),
    ("attention", r"Attention|Transformer|Einsum|Encoder|Decoder"),
    ("norm", r"Normalization|Norm$|Rescaling|Regularization"),
    ("conv", r"Conv|LocallyConnected"),
    ("pool", r"Pool|Upsampling|UpSampling|Padding|Cropping|Resizing"),
    ("dense", r"Dense|Embedding|CategoryEncoding"),
    ("merge", r"^(Add|Subtract|Multiply|Average|Maximum|Minimum|Concatenate|Dot|Concat|Sum|Merge)$"),
    ("activation", r"Activation|ReLU|ELU|Softmax|Sigmoid|Tanh|Gelu|Relu|Silu|Swish"),
    ("drop", r"Dropout|Noise|DropPath|StochasticDepth"),
)


def kind(layer: LayerFacts) -> str:
    """One of the words above, "model", or "other" for what is none of those."""
    if layer.is_model:
        return "model"
    return next((name for name, words in _KINDS if re.search(words, layer.class_name)), "other")
