"""Differentiable face recogniser for the identity loss: dlib's ResNet in torch.

Another network (SFace) measures identity, in `faces.recognizer`; this one never does. Two networks of different makers,
data and losses agree only about what makes a face somebody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effigie.arrays import Landmarks
from effigie.assets import fetch_asset
from effigie.errors import ModelError
from effigie.faces.recognizer import estimate_similarity

ASSET = "dlib_resnet"
CHIP_SIZE = 150  # px a side of what the network reads
WIDTHS = (32, 32, 32, 64, 64, 64, 64, 128, 128, 128, 256, 256, 256, 256)  # of its residual blocks
DOWNSAMPLING_BLOCKS = (3, 7, 10, 13)  # blocks that halve the resolution
EMBEDDING_SIZE = 128
MEAN = (122.782, 117.001, 104.298)  # of red, green and blue in 0..255; differences are divided by 256
PADDING = 0.25  # around the face, as dlib cuts its chips
# Where dlib's five landmarks lie in a chip without padding: corners of the eye on the picture's right, outer first,
# of the one on its left, and where the nose meets the lip; and the mesh's vertices there.
TEMPLATE = np.array(
    [[0.85957, 0.21350], [0.64606, 0.22897], [0.12058, 0.21373], [0.33409, 0.22906], [0.49011, 0.62780]]
)
VERTICES = (263, 362, 33, 133, 2)


def compute_chip_matrix(landmarks: Landmarks) -> np.ndarray:
    """(2, 3) map from the pixels of (478, >= 2) landmarks to those of the ``CHIP_SIZE`` px chip that is read."""
    template = (TEMPLATE + PADDING) / (2 * PADDING + 1) * CHIP_SIZE
    return estimate_similarity(landmarks[VERTICES, :2].astype(np.float64), template)


def crop_chips(pictures: Tensor, matrices: Tensor) -> Tensor:
    """Crop chips (B, 3, CHIP_SIZE, CHIP_SIZE) of (B, 3, H, W) pictures by (B, 2, 3) maps, bilinear, differentiable."""
    height, width = pictures.shape[2:]
    inverse = torch.linalg.inv(
        torch.cat([matrices, matrices.new_tensor([[[0.0, 0.0, 1.0]]]).expand(len(matrices), 1, 3)], dim=1)
    )[:, :2]
    steps = torch.arange(CHIP_SIZE, device=pictures.device, dtype=matrices.dtype)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)], dim=-1) @ inverse[:, None].transpose(2, 3)
    # Pixel centres are whole numbers: 0 is the middle of the first pixel, -1 the picture's edge half a pixel before.
    grid = (2 * places + 1) / places.new_tensor([width, height]) - 1
    return F.grid_sample(pictures.float(), grid.float(), padding_mode="border", align_corners=False)


class Recognizer(nn.Module):
    """(B, 3, CHIP_SIZE, CHIP_SIZE) RGB in [0, 1] -> (B, 128) embeddings; distances below 0.6 are the same person.

    King 2017, dlib_face_recognition_resnet_model_v1: 29 convolutions, batch norms folded into affine layers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entrance = _convolution(3, 32, 7, stride=2)
        self.blocks = nn.ModuleList(
            _Block(before, width, number in DOWNSAMPLING_BLOCKS)
            for number, (before, width) in enumerate(zip((32, *WIDTHS), WIDTHS, strict=False))
        )
        self.embed = nn.Linear(256, EMBEDDING_SIZE, bias=False)

    def forward(self, chips: Tensor) -> Tensor:
        mean = chips.new_tensor(MEAN)[:, None, None]
        x = F.relu(self.entrance((255 * chips.float() - mean) / 256))
        x = F.max_pool2d(x, 3, 2)
        for block in self.blocks:
            x = block(x)
        return self.embed(x.mean((2, 3)))


def _convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    """A convolution with the gain and bias that follow folded in; dlib pads only where it does not stride."""
    return nn.Conv2d(inputs, outputs, side, stride, 0 if stride > 1 else side // 2)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = _convolution(inputs, outputs, 3, stride=2 if halves else 1)
        self.second = _convolution(outputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.second(F.relu(self.first(x)))
        if self.halves:
            x = F.avg_pool2d(x, 2, 2)
        return F.relu(_add_padded(residual, x))


def _add_padded(a: Tensor, b: Tensor) -> Tensor:
    """The sum of two maps; the smaller is filled up with zeros, in channels and below and to the right."""
    shape = [max(sides) for sides in zip(a.shape[1:], b.shape[1:], strict=True)]
    padded = []
    for x in (a, b):
        missing = [length - side for length, side in zip(shape, x.shape[1:], strict=True)]
        padded.append(F.pad(x, [0, missing[2], 0, missing[1], 0, missing[0]]))
    return padded[0] + padded[1]


def load_recognizer(path: Path | None = None) -> Recognizer:
    """The pretrained network, frozen, of dlib's file; None fetches that."""
    path = path or fetch_asset(ASSET)
    tensors = _iterate_tensors(path.read_bytes())
    network = Recognizer()
    try:
        with torch.no_grad():
            for module in network.modules():
                if isinstance(module, nn.Conv2d):
                    _load_convolution(module, next(tensors), next(tensors))
            # Stored inputs first.
            network.embed.weight.copy_(next(tensors).reshape(256, EMBEDDING_SIZE).T)
    except (StopIteration, RuntimeError) as error:
        raise ModelError(f"{path} does not hold dlib's face recognition network") from error
    network.requires_grad_(False)
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _load_convolution(convolution: nn.Conv2d, weights: Tensor, affine: Tensor) -> None:
    """Weights and biases of a convolution, with the gain and bias that follow folded in."""
    channels = convolution.out_channels
    gain, shift = affine[:channels], affine[channels:]
    kernel = weights[:-channels].reshape(convolution.weight.shape)
    assert convolution.bias is not None
    convolution.weight.copy_(kernel * gain[:, None, None, None])
    convolution.bias.copy_(weights[-channels:] * gain + shift)


# A dlib tensor: version 2 and four sides, each as its number of bytes and the bytes, then little-endian floats.
_INTEGER = rb"(?:\x01.|\x02..|\x03...|\x04....)"
_HEADER = re.compile(rb"\x01\x02(" + _INTEGER + rb")(" + _INTEGER + rb")\x01\x01\x01\x01", re.DOTALL)
MIN_TENSOR_SIZE = 64  # numbers in the smallest tensor of weights; the file also holds small ones of other kinds
MAX_TENSOR_SIZE = 1 << 20


def _iterate_tensors(data: bytes) -> Iterator[Tensor]:
    """The flat tensors of weights in a dlib network's file, in the order in which a picture meets them."""
    start = 0
    while (match := _HEADER.search(data, start)) is not None:
        count = 1
        for side in match.groups():
            count *= int.from_bytes(side[1:], "little")
        end = match.end() + 4 * count
        if MIN_TENSOR_SIZE <= count <= MAX_TENSOR_SIZE and end <= len(data):
            values = np.frombuffer(data, "<f4", count, match.end())
            if np.isfinite(values).all() and np.abs(values).max() < 1e4:
                yield torch.from_numpy(values.copy())
                start = end
                continue
        start = match.start() + 1
