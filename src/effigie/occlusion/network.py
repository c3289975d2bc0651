"""The occlusion network: a U-Net that predicts for each pixel of an aligned crop whether the face is visible."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from effigie.arrays import Landmarks
from effigie.faces.mask import MaskMargin
from effigie.faces.mesh import INNER_LIPS, LEFT_BROW, LEFT_EYE, MESH_VERTEX_COUNT, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE

INPUT_SIZE = 128  # px, side of its input
FACE_GROWTH = MaskMargin(top=0.16, side=0.07, jaw=0.02)  # what counts as face: as far as a swap reaches
NOSE = np.array([168, 6, 197, 195, 5, 4, 98, 97, 2, 326, 327, 4])
WIDTHS = (16, 32, 64, 96)
DRAWING_CHANNELS = 2  # channels of the drawing
_FIXED_POINT_BITS = 4


def draw_face_parts(landmarks: Landmarks, size: int = INPUT_SIZE) -> np.ndarray:
    """(size, size, 2) uint8 drawing of the parts of the face: its outline filled with the lips, and eyes, brows, nose.

    Where they should be is what tells a mouth from a hole and a brow from a hair: told by pixels alone, both are dark.

    Args:
        landmarks: (478, >= 2) in pixels of the drawing.
    """
    points = np.rint(np.clip(landmarks[:, :2], -8 * size, 9 * size) * 2**_FIXED_POINT_BITS).astype(np.int32)
    whole, parts = np.zeros((2, size, size), np.uint8)
    cv2.fillConvexPoly(whole, cv2.convexHull(points[:MESH_VERTEX_COUNT]), 128, cv2.LINE_AA, _FIXED_POINT_BITS)
    cv2.fillPoly(whole, [points[OUTER_LIPS]], 192, cv2.LINE_AA, _FIXED_POINT_BITS)
    cv2.fillPoly(whole, [points[INNER_LIPS]], 255, cv2.LINE_AA, _FIXED_POINT_BITS)
    cv2.fillPoly(parts, [points[LEFT_EYE], points[RIGHT_EYE]], 255, cv2.LINE_AA, _FIXED_POINT_BITS)
    brows = [cv2.convexHull(points[brow]) for brow in (LEFT_BROW, RIGHT_BROW)]
    cv2.fillPoly(parts, brows, 128, cv2.LINE_AA, _FIXED_POINT_BITS)
    cv2.polylines(parts, [points[NOSE]], False, 64, 1, cv2.LINE_AA, _FIXED_POINT_BITS)
    return np.dstack([whole, parts])


def conv_block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution with batch norm and ReLU: at use the norm folds into the weights and costs nothing."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class OcclusionNet(nn.Module):
    """A U-Net of four scales, from half the picture's size on; the finest is added at full size, from the pixels.

    Args:
        widths: channels of the scales.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.widths = tuple(widths)
        inputs = 3 + DRAWING_CHANNELS
        self.down = nn.ModuleList()
        for number, width in enumerate(widths):
            input_width = widths[number - 1] if number else inputs
            self.down.append(nn.Sequential(conv_block(input_width, width, 2), conv_block(width, width)))
        self.across = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(conv_block(width, width) for width in widths[:-1])
        fine = widths[0] // 2
        self.detail = conv_block(inputs, fine)
        self.narrow = nn.Conv2d(widths[0], fine, 1)
        self.last = nn.Sequential(conv_block(fine, fine), nn.Conv2d(fine, 1, 3, 1, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of "the face is seen here".

        Args:
            inputs: (B, 5, S, S) in 0..1, RGB and the drawing; S a multiple of 16.

        Returns:
            (B, 1, S, S).
        """
        channels, shape = 3 + DRAWING_CHANNELS, tuple(inputs.shape)
        if len(shape) != 4 or shape[1] != channels or shape[2] % 16 or shape[3] % 16:
            raise ValueError(f"inputs are (B, {channels}, S, S), S a multiple of 16, got {shape}")
        scales = []
        features = inputs - 0.5
        detail = self.detail(features)
        for down in self.down:
            features = down(features)
            scales.append(features)
        for number in range(len(self.up) - 1, -1, -1):
            features = nn.functional.interpolate(self.across[number](features), scale_factor=2.0, mode="bilinear")
            features = self.up[number](features + scales[number])
        features = nn.functional.interpolate(self.narrow(features), scale_factor=2.0, mode="bilinear")
        return self.last(torch.relu(features + detail))


def fold_batch_norm(network: OcclusionNet) -> nn.Module:
    """A copy in evaluation mode with every norm folded into the convolution before it: a third faster."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    copy = OcclusionNet(network.widths)
    copy.load_state_dict(network.state_dict())
    copy.eval().requires_grad_(False)
    for module in copy.modules():
        if isinstance(module, nn.Sequential) and len(module) == 3 and isinstance(module[1], nn.BatchNorm2d):
            convolved = module[0]
            assert isinstance(convolved, nn.Conv2d)
            module[0] = fuse_conv_bn_eval(convolved, module[1])
            module[1] = nn.Identity()
    return copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
