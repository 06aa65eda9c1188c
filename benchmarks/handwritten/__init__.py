"""The networks of the benchmarks as a person writes them in torch, in torchvision's manner."""

from collections.abc import Callable

from torch import nn

from benchmarks.handwritten.efficientnet import EfficientNetB0
from benchmarks.handwritten.mobilenet import MobileNetV2
from benchmarks.handwritten.resnet import ResNet50
from benchmarks.handwritten.text import BiLSTM, TransformerEncoder

#: By the name in `benchmarks.models`.
HANDWRITTEN: dict[str, Callable[[], nn.Module]] = {
    "ResNet50": ResNet50,
    "MobileNetV2": MobileNetV2,
    "EfficientNetB0": EfficientNetB0,
    "Transformer": TransformerEncoder,
    "BiLSTM": BiLSTM,
}
