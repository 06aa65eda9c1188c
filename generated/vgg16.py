"""PyTorch version of the Keras model `vgg16`.

Source:  vgg16.json (Keras 3, sha256 07c01607…), converted by k2t-gen 0.1.0 (f3cb55cf)
Weights: vgg16.pt, next to this file
Inputs:  input_layer float32 (N, 224, 224, 3)
Outputs: predictions float32 (N, 1000)

    model = load_model()
    output = model(torch.rand(1, 224, 224, 3))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class ConvertedModel(nn.Module):
    """`vgg16`: (N, 224, 224, 3) -> (N, 1000), 138,357,544 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.block1_conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1)
        self.block1_conv2 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.block2_conv1 = nn.Conv2d(64, 128, kernel_size=3, padding=1)
        self.block2_conv2 = nn.Conv2d(128, 128, kernel_size=3, padding=1)
        self.block3_conv1 = nn.Conv2d(128, 256, kernel_size=3, padding=1)
        self.block3_conv2 = nn.Conv2d(256, 256, kernel_size=3, padding=1)
        self.block3_conv3 = nn.Conv2d(256, 256, kernel_size=3, padding=1)
        self.block4_conv1 = nn.Conv2d(256, 512, kernel_size=3, padding=1)
        self.block4_conv2 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.block4_conv3 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.block5_conv1 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.block5_conv2 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.block5_conv3 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(in_features=25088, out_features=4096)
        self.fc2 = nn.Linear(in_features=4096, out_features=4096)
        self.predictions = nn.Linear(in_features=4096, out_features=1000)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for parameter in self.parameters():
            init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
            init(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 224, 224, 3) -> softmax of `predictions`, (N, 1000)."""
        x = x.permute(0, 3, 1, 2)  # (N, 3, 224, 224)
        x = F.relu(self.block1_conv1(x))  # (N, 64, 224, 224)
        x = F.max_pool2d(F.relu(self.block1_conv2(x)), kernel_size=2)
        x = F.relu(self.block2_conv1(x))  # (N, 128, 112, 112)
        x = F.max_pool2d(F.relu(self.block2_conv2(x)), kernel_size=2)
        x = F.relu(self.block3_conv1(x))  # (N, 256, 56, 56)
        x = F.relu(self.block3_conv2(x))
        x = F.max_pool2d(F.relu(self.block3_conv3(x)), kernel_size=2)
        x = F.relu(self.block4_conv1(x))  # (N, 512, 28, 28)
        x = F.relu(self.block4_conv2(x))
        x = F.max_pool2d(F.relu(self.block4_conv3(x)), kernel_size=2)
        x = F.relu(self.block5_conv1(x))
        x = F.relu(self.block5_conv2(x))
        x = F.max_pool2d(F.relu(self.block5_conv3(x)), kernel_size=2)  # (N, 512, 7, 7)
        x = F.relu(self.fc1(x.flatten(1)))  # (N, 4096)
        x = F.relu(self.fc2(x))
        return F.softmax(self.predictions(x), dim=-1)


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
