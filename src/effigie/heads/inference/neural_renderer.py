"""Renders the face with the generator and composes it into the warped portrait."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from effigie.arrays import AffineMatrix, Image, Landmarks
from effigie.compositing import ComposeSettings, Compositor
from effigie.compositing.grain import GrainSettings
from effigie.compositing.mask import MaskSettings, build_mask
from effigie.faces.align import CROP_SIDE_CM, compute_placement, crop_matrix
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mask import MaskMargin, face_mask, polygon_mask
from effigie.faces.mesh import INNER_LIPS, fit_pose
from effigie.heads.finetune.reference_set import ReferenceSet, extend_visibility
from effigie.heads.network.generator import Generator
from effigie.heads.network.landmark_image import draw_landmarks
from effigie.heads.network.layers import fold_spectral_norm
from effigie.heads.warp.scene import WarpedPortrait
from effigie.prior.detail import upscale, upscale_with_detail
from effigie.prior.frame_bank import FaceGeometry
from effigie.prior.selector import FrameSelector, FrameWeights
from effigie.training import choose_device, choose_precision

SIDE_STEP = 32  # px; faces are made at multiples of it, so that sizes do not change with every movement
MAX_SIDE = 512
MOUTH_SHARE, MOUTH_EDGE_CM = (0.9, 0.08)  # share of the warped picture between the lips; where it sets in
GROW = MaskMargin(top=0.02, side=0.0, jaw=0.03)
MASK = MaskSettings(feather=0.1)
BlendshapeSource = Callable[[int], np.ndarray]
"""Frame number -> (52,) blendshapes as the person shows them."""


class FaceGenerator:
    """A generator with a person's parameters, ready to make faces at any size.

    The generator works at its preset's size. What the warped picture shows more finely is added back where the
    generator kept it.

    Args:
        generator: of the person, or meta-learned.
        psi: (1, P) the person's parameters.
        device: torch device, or ``auto``.

    Attributes:
        size: px, side of what the generator itself makes.
        prior: whether it takes the warped picture.
    """

    def __init__(self, generator: Generator, psi: Tensor, device: str = "auto") -> None:
        self._device = choose_device(device)
        # Weights of half the precision themselves: autocast would convert every one of them for every frame.
        half = choose_precision("auto", self._device) == "bf16"
        dtype = torch.bfloat16 if half else torch.float32
        self._generator = fold_spectral_norm(generator).to(self._device, dtype)
        self._psi = psi.detach().to(self._device)
        self.size, self.prior = generator.size, generator.prior

    def __call__(
        self, landmarks: Landmarks, side: int, prior: np.ndarray | None, visibility: np.ndarray | None
    ) -> np.ndarray:
        """(side, side, 3) float32, about [0, 1].

        Args:
            landmarks: (478, 3) wanted, px of the result.
            side: px, not less than :attr:`size`.
            prior: (side, side, 3) float32 in [0, 1], the person warped there; not needed without :attr:`prior`.
            visibility: (side, side) float32 in [0, 1].
        """
        small = self.size
        scale = small / side
        points = landmarks * scale
        points[:, :2] += (scale - 1) / 2
        drawing = torch.from_numpy(draw_landmarks(points, small)).permute(2, 0, 1)[None].float() / 255
        prior_input = None
        if self.prior:
            if prior is None or visibility is None:
                raise ValueError("this generator needs the warped picture")
            stacked = np.dstack([prior, visibility])
            shrunk = np.clip(cv2.resize(stacked, (small, small), interpolation=cv2.INTER_AREA), 0, 1)
            prior_input = torch.from_numpy(shrunk).permute(2, 0, 1)[None].to(self._device)
        with torch.inference_mode():
            output = self._generator(drawing.to(self._device), None, prior_input, psi=self._psi)
        picture = output.picture[0].permute(1, 2, 0).float().cpu().numpy()
        if prior is None or not self.prior:
            return upscale(picture, side)
        return upscale_with_detail(picture, output.blend_weight[0, 0].float().cpu().numpy(), prior)


def draw_face_outline(landmarks: Landmarks, side: int) -> np.ndarray:
    """(side, side) float32 in [0, 1], where a made face replaces the warped one, its edge not softened yet."""
    return face_mask(landmarks, side, side, GROW)


def paste_face(output: Image, prior: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """(S, S, 3) the made face within the warped picture, as an animation shows it."""
    share = build_mask(draw_face_outline(landmarks, prior.shape[0]), None, MASK)[..., None]
    return prior + share * (output - prior)


def keep_mouth_interior(picture: np.ndarray, prior: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """(S, S, 3) a made face with nine tenths of the warped picture's inside of the mouth.

    A generator of 128 px that knows no teeth of the person makes one white shape of them, also in a mouth wide open.
    """
    side = picture.shape[0]
    inside = polygon_mask(landmarks[INNER_LIPS, :2], side, side)
    share = MOUTH_SHARE * cv2.GaussianBlur(inside, (0, 0), MOUTH_EDGE_CM * side / CROP_SIDE_CM) * inside
    return np.asarray(picture + share[..., None] * (prior - picture))


class NeuralRenderer:
    """Renders the face of every frame with the generator, in order: a ``FrameRenderer``.

    Args:
        reference_set: the person's T shots; with None (one portrait) the warped portrait itself is the prior.
        blendshapes: for choosing among these shots.
    """

    def __init__(
        self,
        generator: FaceGenerator,
        reference_set: ReferenceSet | None,
        blendshapes: BlendshapeSource,
        rate: float = 25.0,
    ) -> None:
        self._generator, self._reference_set, self._blendshapes = generator, reference_set, blendshapes
        self._selector = None if reference_set is None else reference_set.build_selector(rate)
        grain = GrainSettings(strength=0.0)
        settings = ComposeSettings("none", "feather", MASK, grain=grain, temporal=0.0, motion_blur=0.0)
        self._compositor = Compositor(settings)

    def __call__(self, portrait: WarpedPortrait, landmarks: Landmarks, index: int) -> tuple[np.ndarray, np.ndarray]:
        matrix, target_landmarks, side = self._place(landmarks)
        prior, visibility = self._prior(portrait, matrix, target_landmarks, index, side)
        picture = np.clip(self._generator(target_landmarks, side, prior, visibility), 0, 1)
        if self._reference_set is None:
            picture = keep_mouth_interior(picture, prior, target_landmarks)
        return self._compositor.compose_masked(
            portrait.image, picture, draw_face_outline(target_landmarks, side), matrix
        )

    def skip(self, landmarks: Landmarks, index: int) -> None:
        """Take note of a frame that is not rendered: which shots the next one shows depends on it."""
        if self._reference_set is not None and self._selector is not None:
            self._select(self._reference_set, self._selector, self._place(landmarks)[1], index)

    def _place(self, landmarks: Landmarks) -> tuple[AffineMatrix, np.ndarray, int]:
        """Frame pixels to crop pixels, (478, 3) landmarks in the crop, and its side."""
        place = compute_placement(fit_pose(landmarks))
        side = int(np.clip(np.ceil(np.exp(place[2]) / SIDE_STEP) * SIDE_STEP, self._generator.size, MAX_SIDE))
        if self._reference_set is not None:
            side = self._reference_set.size
        matrix = crop_matrix(place, side)
        return matrix, apply_affine(matrix.astype(np.float64), landmarks), side

    def _prior(
        self, portrait: WarpedPortrait, matrix: AffineMatrix, target_landmarks: np.ndarray, index: int, side: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """(side, side, 3) float32 in [0, 1] and (side, side) float32."""
        if self._reference_set is None or self._selector is None:
            visible = cv2.warpAffine(portrait.visibility, matrix, (side, side), flags=cv2.INTER_LINEAR)
            prior_picture = crop(portrait.image, matrix, side) / np.float32(255)
            return prior_picture, extend_visibility(visible, target_landmarks)
        layers = self._select(self._reference_set, self._selector, target_landmarks, index)
        prior = self._reference_set.render(layers, target_landmarks)
        return np.clip(prior.picture, 0, 255) / np.float32(255), prior.visibility

    def _select(
        self, reference_set: ReferenceSet, selector: FrameSelector, target_landmarks: np.ndarray, index: int
    ) -> FrameWeights:
        geometry = FaceGeometry.from_landmarks(target_landmarks)
        return selector(reference_set.features(geometry, self._blendshapes(index)))
