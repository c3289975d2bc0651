"""Perceptual distance, and the MobileNetV2 (arXiv 1801.04381, trained on ImageNet) whose features it compares.

No loss of effigie uses this network, so that a good figure cannot be had by pleasing it.

The distance is in the manner of LPIPS (arXiv 1801.03924). Unit: 0 (identical) to 4. Measured on 256 px crops: the next
frame 0.08, JPEG at quality 30 0.28, a blur of two pixels 0.32, noise of ten grey levels 0.71, another person 1.4. At
five resolutions the features of every place are brought to length one, subtracted and squared; the figure is the mean
over places and resolutions. LPIPS weighs the channels by what people said about pictures; these weights are not to be
had, so all channels count alike and the figures are comparable only among themselves.

What fools it: it punishes noise more than people do and blur less, and knows nothing of identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effigie.assets import fetch_asset
from effigie.errors import AssetError
from effigie.training.device import choose_device

ASSET = "mobilenet_v2"
# Expansion, channels, how many blocks, stride of the first: table 2 of the paper.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
FIRST, LAST = 32, 1280
# Blocks whose output is compared: the last one at each resolution, from 1/2 to 1/32.
FEATURE_BLOCKS = {1, 3, 6, 13, 17}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the RGB that the weights were trained on


def _convolution(inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """Widen, filter every channel by itself, narrow without a nonlinearity; names as in the weights' file."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        widen = [] if expansion == 1 else [_convolution(inputs, hidden)]
        self.conv = nn.Sequential(
            *widen,
            _convolution(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        out: Tensor = self.conv(x)
        return x + out if self.has_shortcut else out


class MobileNetV2(nn.Module):
    """The part of the network before its classifier."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_convolution(3, FIRST, 3, 2)]
        channels = FIRST
        for expansion, width, count, stride in STAGES:
            for number in range(count):
                blocks.append(InvertedResidual(channels, width, stride if number == 0 else 1, expansion))
                channels = width
        self.features = nn.Sequential(*blocks, _convolution(channels, LAST))

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Normalised RGB (B, 3, S, S) -> features of the blocks :data:`FEATURE_BLOCKS`, and (B, 1280) pooled ones."""
        stages = []
        for number, block in enumerate(self.features):
            x = block(x)
            if number in FEATURE_BLOCKS:
                stages.append(x)
        return stages, x.mean((2, 3))


@dataclass(frozen=True)
class PerceptualFeatures:
    """Features of one picture."""

    layers: tuple[Tensor, ...]  # (C, h, w), fine to coarse, each pixel's vector of length one
    pooled: np.ndarray  # (1280,) float64 mean of the last features over the picture


class PerceptualModel:
    """Computes features of pictures; about 25 ms for one of 256 x 256 on one core."""

    def __init__(self, device: str = "auto") -> None:
        self._device = choose_device(device)
        self._network = load_network(fetch_asset(ASSET)).to(self._device)
        scale = torch.tensor([MEAN, DEVIATION], device=self._device)[..., None, None]
        self._mean, self._deviation = scale[0], scale[1]

    @torch.no_grad()
    def __call__(self, pictures: Sequence[np.ndarray]) -> list[PerceptualFeatures]:
        """Features of (S, S, 3) uint8 RGB pictures of one size, 32 px or more."""
        stacked = torch.from_numpy(np.stack(pictures)).to(self._device).permute(0, 3, 1, 2)
        stages, pooled = self._network((stacked.float() / 255 - self._mean) / self._deviation)
        units = [F.normalize(layer, dim=1, eps=1e-8).cpu() for layer in stages]
        means = pooled.double().cpu().numpy()
        return [PerceptualFeatures(tuple(layer[i] for layer in units), mean) for i, mean in enumerate(means)]


def load_network(path: Path) -> MobileNetV2:
    """The network with the weights of torchvision's file.

    The file is a pickle, and unpickling can run any code. It is read all the same, because these weights come in no
    other form, by the one way that cannot: ``weights_only`` interprets the stream itself and refuses whatever is not
    a tensor or a plain container. Besides, the asset's SHA-256 was checked when it was fetched.
    """
    network = MobileNetV2()
    try:
        tensors = cast(dict[str, Tensor], torch.load(path, map_location="cpu", weights_only=True))
        features = {name: value for name, value in tensors.items() if name.startswith("features.")}
        network.load_state_dict(features)
    except Exception as error:  # torch raises what it likes for a file that is not what it should be
        reason = str(error).splitlines()[0]
        raise AssetError(f"{path} is damaged ({reason}): remove it, and it is fetched again") from error
    return network.eval().requires_grad_(False)


def perceptual_distance(output: PerceptualFeatures, truth: PerceptualFeatures) -> float:
    """Distance of two pictures of one size."""
    total = 0.0
    for mine, real in zip(output.layers, truth.layers, strict=True):
        if mine.shape != real.shape:
            raise ValueError(f"features of shapes {tuple(mine.shape)} and {tuple(real.shape)}: other sizes")
        total += float((mine - real).square().sum(0).mean())
    return total / len(truth.layers)
