"""Perceptual loss: distance of a VGG's features of two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effigie.assets import fetch_asset

ASSET = "vgg16_hed"
DEFAULT_WEIGHT = 1e-2
"""The paper's weight of its VGG19 terms; its VGGFace terms, with the same input normalization, have 2e-3."""


@dataclass(frozen=True)
class InputNormalization:
    """The input normalisation that a network's weights were trained with.

    Attributes:
        bgr: channels in the order blue, green, red.
        scale: value of white.
        mean: subtracted from each channel, in the channels' order and on that scale.
        std: each channel is divided by.
    """

    bgr: bool
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def apply(self, picture: Tensor) -> Tensor:
        """Normalise (B, 3, H, W) RGB in [0, 1]."""
        ordered = picture.flip(1) if self.bgr else picture
        mean = ordered.new_tensor(self.mean)[:, None, None]
        return (self.scale * ordered - mean) / ordered.new_tensor(self.std)[:, None, None]


CAFFE = InputNormalization(True, 255.0, (104.00699, 116.66877, 122.67892), (1.0, 1.0, 1.0))


class VggFeatures(nn.Module):
    """A frozen VGG: five blocks of 3x3 convolutions with ReLU, halved in between (VGG16, VGG19, VGGFace).

    Args:
        blocks: for every block its convolutions' weights (O, I, 3, 3) and biases (O,).
        normalization: input normalisation of the weights.
    """

    def __init__(self, blocks: Sequence[Sequence[tuple[Tensor, Tensor]]], normalization: InputNormalization) -> None:
        super().__init__()
        self.normalization = normalization
        self.blocks = [len(block) for block in blocks]
        for number, (weight, bias) in enumerate(pair for block in blocks for pair in block):
            self.register_buffer(f"weight{number}", weight.contiguous(memory_format=torch.channels_last))
            self.register_buffer(f"bias{number}", bias)

    def forward(self, picture: Tensor, depth: int) -> list[Tensor]:
        """The features of the first convolution in each of the blocks 1 to ``depth``, after ReLU.

        Args:
            picture: (B, 3, H, W) RGB in [0, 1].
        """
        x = self.normalization.apply(picture.float()).contiguous(memory_format=torch.channels_last)
        features, number = [], 0
        for block, count in enumerate(self.blocks[:depth], start=1):
            for index in range(count):
                weight, bias = self.get_buffer(f"weight{number}"), self.get_buffer(f"bias{number}")
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
                number += 1
                if index == 0:
                    features.append(x)
                    if block == depth:
                        return features
            x = F.max_pool2d(x, 2)
        return features


def load_vgg() -> VggFeatures:
    """Load VGG16, fine-tuned to edges (HED, BSDS500), fetched at first use; BGR, 0 to 255, mean subtracted."""
    with h5py.File(fetch_asset(ASSET)) as file:

        def read(block: int, layer: int) -> tuple[Tensor, Tensor]:
            name = f"block{block}/layers/conv2d" + (f"_{layer}" if layer else "") + "/vars"
            weight, bias = (np.asarray(file[f"{name}/{part}"], np.float32) for part in "01")
            return torch.from_numpy(weight.transpose(3, 2, 0, 1).copy()), torch.from_numpy(bias)

        counts = (2, 2, 3, 3, 3)
        return VggFeatures([[read(block, i) for i in range(n)] for block, n in enumerate(counts, start=1)], CAFFE)


class PerceptualLoss:
    """Weighted L1 distance between the features of generated and real pictures, summed over the blocks.

    Args:
        vgg: None takes :func:`load_vgg`.
        weight: of the term.
        depth: blocks 1 to this one are compared.
        halve: compare at half the resolution, which costs a quarter.
    """

    def __init__(
        self, vgg: VggFeatures | None = None, weight: float = DEFAULT_WEIGHT, depth: int = 5, halve: bool = False
    ) -> None:
        self.vgg = (load_vgg() if vgg is None else vgg).requires_grad_(False)
        self.weight, self.depth, self.halve = weight, depth, halve

    def __call__(self, fake: Tensor, real: Tensor) -> Tensor:
        """The loss, a scalar, of pictures (B, 3, S, S), RGB in [0, 1]; no gradient to ``real``."""
        self.vgg.to(fake.device)
        if self.halve:
            fake, real = F.avg_pool2d(fake, 2), F.avg_pool2d(real, 2)
        with torch.no_grad():
            target = self.vgg(real, self.depth)
        terms = [(a.float() - b.float()).abs().mean() for a, b in zip(self.vgg(fake, self.depth), target, strict=True)]
        return self.weight * torch.stack(terms).sum()
