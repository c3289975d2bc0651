"""The content loss: pictures are alike when a network trained on photographs sees the same in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effigie.assets import fetch
from effigie.errors import ModelError

ASSET = "vgg16_hed"
WEIGHT = 1e-2
"""The paper's weight of its VGG19 terms; its VGGFace terms, with the same input convention, have 2e-3."""


@dataclass(frozen=True)
class Convention:
    """What a network's weights expect of a picture; the classic bug is to feed it another one.

    Attributes:
        bgr: channels in the order blue, green, red.
        scale: value of white.
        mean: subtracted from each channel, in the channels' order and on that scale.
        spread: each channel is divided by.
    """

    bgr: bool
    scale: float
    mean: tuple[float, float, float]
    spread: tuple[float, float, float]

    def apply(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) as the weights expect it, of RGB in [0, 1]."""
        ordered = picture.flip(1) if self.bgr else picture
        mean = ordered.new_tensor(self.mean)[:, None, None]
        return (self.scale * ordered - mean) / ordered.new_tensor(self.spread)[:, None, None]


CAFFE = Convention(True, 255.0, (104.00699, 116.66877, 122.67892), (1.0, 1.0, 1.0))
TORCHVISION = Convention(False, 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Vgg(nn.Module):
    """A frozen VGG: five blocks of 3x3 convolutions with ReLU, halved in between (VGG16, VGG19, VGGFace).

    Args:
        blocks: for every block its convolutions' weights (O, I, 3, 3) and biases (O,).
        convention: what they expect of a picture.
    """

    def __init__(self, blocks: Sequence[Sequence[tuple[Tensor, Tensor]]], convention: Convention) -> None:
        super().__init__()
        self.convention = convention
        self.blocks = [len(block) for block in blocks]
        for number, (weight, bias) in enumerate(pair for block in blocks for pair in block):
            self.register_buffer(f"weight{number}", weight.contiguous(memory_format=torch.channels_last))
            self.register_buffer(f"bias{number}", bias)

    def forward(self, picture: Tensor, deepest: int) -> list[Tensor]:
        """What the first convolution of the blocks 1 to ``deepest`` makes of it, after ReLU.

        Args:
            picture: (B, 3, H, W) RGB in [0, 1].
        """
        x = self.convention.apply(picture.float()).contiguous(memory_format=torch.channels_last)
        features, number = [], 0
        for block, count in enumerate(self.blocks[:deepest], start=1):
            for within in range(count):
                weight, bias = self.get_buffer(f"weight{number}"), self.get_buffer(f"bias{number}")
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
                number += 1
                if within == 0:
                    features.append(x)
                    if block == deepest:
                        return features
            x = F.max_pool2d(x, 2)
        return features


def bundled_vgg() -> Vgg:
    """VGG16, tuned to edges (HED, BSDS500), fetched at first use; BGR, 0 to 255, mean subtracted.

    Raises:
        AssetError: it cannot be fetched.
    """
    with h5py.File(fetch(ASSET)) as file:

        def read(block: int, layer: int) -> tuple[Tensor, Tensor]:
            name = f"block{block}/layers/conv2d" + (f"_{layer}" if layer else "") + "/vars"
            weight, bias = (np.asarray(file[f"{name}/{part}"], np.float32) for part in "01")
            return torch.from_numpy(weight.transpose(3, 2, 0, 1).copy()), torch.from_numpy(bias)

        counts = (2, 2, 3, 3, 3)
        return Vgg([[read(block, i) for i in range(n)] for block, n in enumerate(counts, start=1)], CAFFE)


def read_vgg(path: Path, convention: Convention) -> Vgg:
    """A VGG16 or VGG19 of one's own: safetensors with torchvision's names (``features.0.weight``...).

    Raises:
        ModelError: the file is not readable, or holds something else.
    """
    try:
        tensors = safetensors.torch.load_file(path)
    except Exception as error:
        raise ModelError(f"{path} is not a readable safetensors file ({error})") from error
    numbers = sorted(
        int(name.split(".")[1])
        for name in tensors
        if name.startswith("features.") and name.endswith("weight")
    )
    blocks: list[list[tuple[Tensor, Tensor]]] = []
    for number in numbers:
        # A convolution and its ReLU take two numbers; where pooling comes between, the next is three on.
        if not blocks or number - 2 not in numbers:
            blocks.append([])
        pair = tensors[f"features.{number}.weight"], tensors.get(f"features.{number}.bias")
        if pair[1] is None or pair[0].shape[2:] != (3, 3):
            raise ModelError(f"{path}: features.{number} is no 3x3 convolution with bias: not a plain VGG")
        blocks.append([*blocks.pop(), (pair[0].float(), pair[1].float())])
    if [len(block) for block in blocks] not in ([2, 2, 3, 3, 3], [2, 2, 4, 4, 4]):
        raise ModelError(f"{path} holds neither VGG16 nor VGG19 under torchvision's names")
    return Vgg(blocks, convention)


class Content:
    """L1 between the features of made and real pictures, summed over the blocks; weighted.

    Args:
        vgg: None takes :func:`bundled_vgg`.
        weight: of the term.
        deepest: blocks 1 to this one are compared.
        halve: look at half the resolution, which costs a quarter.
    """

    def __init__(
        self, vgg: Vgg | None = None, weight: float = WEIGHT, deepest: int = 5, halve: bool = False
    ) -> None:
        self.vgg = (bundled_vgg() if vgg is None else vgg).requires_grad_(False)
        self.weight, self.deepest, self.halve = weight, deepest, halve

    def __call__(self, made: Tensor, real: Tensor) -> Tensor:
        """A scalar of pictures (B, 3, S, S), RGB in [0, 1]; no gradient to ``real``."""
        self.vgg.to(made.device)
        if self.halve:
            made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
        with torch.no_grad():
            wanted = self.vgg(real, self.deepest)
        terms = [
            (a.float() - b.float()).abs().mean()
            for a, b in zip(self.vgg(made, self.deepest), wanted, strict=True)
        ]
        return self.weight * torch.stack(terms).sum()
