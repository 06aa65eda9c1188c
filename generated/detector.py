"""PyTorch version of the Keras model `detector`.

Source:  detector.json (Keras 3, sha256 e1ec0880…),
         converted by k2t-gen 0.1.0 (543b7f2a)
Weights: detector.pt, next to this file
Inputs:  image float32 (N, 96, 128, 3)
Outputs: concatenate float32 (N, 3024, 4)
         scores float32 (N, 3024, 5)

    model = load_model()
    output = model(torch.rand(1, 96, 128, 3))
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS_PATH = Path(__file__).with_suffix(".pt")


class ConvertedModel(nn.Module):
    """`detector`: (N, 96, 128, 3) -> (N, 3024, 4), (N, 3024, 5), 160,379 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(3, 16, kernel_size=3, stride=2)
        self.conv2d_1 = nn.Conv2d(16, 32, kernel_size=3, stride=2)
        self.conv2d_8 = nn.Conv2d(32, 64, kernel_size=1)
        self.conv2d_4 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.conv2d_5 = nn.Conv2d(64, 12, kernel_size=3, padding=1)
        self.conv2d_2 = nn.Conv2d(32, 64, kernel_size=3, stride=2)
        self.conv2d_9 = nn.Conv2d(64, 64, kernel_size=1)
        self.conv2d_3 = nn.Conv2d(64, 64, kernel_size=3, stride=2)
        self.conv2d_10 = nn.Conv2d(64, 64, kernel_size=1)
        self.conv2d_6 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.conv2d_7 = nn.Conv2d(64, 15, kernel_size=3, padding=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as Keras does."""
        for parameter in self.parameters():
            init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
            init(parameter)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Run the model.

        Args:
            image: float32, (N, 96, 128, 3).

        Returns:
            `concatenate`, float32, (N, 3024, 4).
            Sigmoid of `scores`, float32, (N, 3024, 5).
        """
        x = image.permute(0, 3, 1, 2)  # (N, 3, 96, 128)
        x = F.pad(x, (0, 1, 0, 1))  # (N, 3, 97, 129)
        x = F.pad(F.relu(self.conv2d(x)), (0, 1, 0, 1))  # (N, 16, 49, 65)
        features = F.relu(self.conv2d_1(x))  # (N, 32, 24, 32)
        features_2 = self.conv2d_8(features)  # (N, 64, 24, 32)
        x = F.relu(self.conv2d_4(features_2))
        features_3 = self.conv2d_5(x).permute(0, 2, 3, 1)  # (N, 24, 32, 12)
        x = F.pad(features, (0, 1, 0, 1))  # (N, 32, 25, 33)
        features_4 = F.relu(self.conv2d_2(x))  # (N, 64, 12, 16)
        features_5 = self.conv2d_9(features_4)
        x = F.relu(self.conv2d_4(features_5))
        features_6 = self.conv2d_5(x).permute(0, 2, 3, 1)  # (N, 12, 16, 12)
        x = F.pad(features_4, (0, 1, 0, 1))  # (N, 64, 13, 17)
        x = F.relu(self.conv2d_3(x))  # (N, 64, 6, 8)
        features_7 = self.conv2d_10(x)
        x = F.relu(self.conv2d_4(features_7))
        x = self.conv2d_5(x).permute(0, 2, 3, 1)  # (N, 6, 8, 12)
        x = x.reshape(-1, 144, 4)  # (N, 144, 4)
        features_8 = torch.cat(
            [features_3.reshape(-1, 2304, 4), features_6.reshape(-1, 576, 4), x], dim=1
        )
        x = F.relu(self.conv2d_6(features_2))
        features_9 = self.conv2d_7(x).permute(0, 2, 3, 1)  # (N, 24, 32, 15)
        x = F.relu(self.conv2d_6(features_5))
        features_10 = self.conv2d_7(x).permute(0, 2, 3, 1)  # (N, 12, 16, 15)
        x = F.relu(self.conv2d_6(features_7))
        x = self.conv2d_7(x).permute(0, 2, 3, 1)  # (N, 6, 8, 15)
        x = x.reshape(-1, 144, 5)  # (N, 144, 5)
        x = torch.cat(
            [features_9.reshape(-1, 2304, 5), features_10.reshape(-1, 576, 5), x], dim=1
        )
        return features_8, torch.sigmoid(x)


def load_model(weights_path: str | Path = WEIGHTS_PATH) -> ConvertedModel:
    """Build the model with the converted weights, in eval mode, on the CPU."""
    with torch.device("meta"):
        model = ConvertedModel()
    weights = torch.load(weights_path, "cpu", mmap=True, weights_only=True)
    model.load_state_dict(weights, assign=True)
    return model.eval()
