"""Training samples: a person's own frames, warped toward the other's shape, each with the prior rendered for it.

At conversion the source's face is asked to take the target's geometry. In training the answer to that is not known,
but a close relative is: the source's own frame, warped part of the way toward the target's shape. Cross-identity
samples are what conversion makes, the target's frames with the source's prior: of them a loss can only say how much the
result looks like the source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.crop import apply_affine, jitter_matrix, resize_matrix
from effigie.faces.mask import compute_loss_mask, face_mask, quantize_loss_mask
from effigie.faces.warp import MeshWarper, warp
from effigie.nn.recognizer import compute_chip_matrix
from effigie.prior.frame_bank import FrameBank, FrameFeatures
from effigie.prior.render import render
from effigie.prior.selector import FrameWeights, select_nearest
from effigie.swap.person_frames import PersonFrames
from effigie.swap.shape_retarget import MASK_MARGIN, ShapeRetarget

MIN_FRAME_GAP = 25  # frames; a prior from nearer than this in the same clip would be nearly the answer itself


@dataclass(frozen=True)
class SwapSample:
    """One training picture, (S, S, C) uint8: picture (3), prior and its visibility (4), mask (1), weight (1, x 32)."""

    picture: Image
    prior: np.ndarray
    mask: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class SwapDataset:
    """Training samples of one person.

    Attributes:
        footage: the person's frames.
        bank: of the same person, in footage order: ``bank_rows[i]`` is the footage row of bank frame i.
        features: of all footage rows.
        shape_offset: (478, 3) the other person's shape minus this one's, in cm.
        size: side of the pictures.
        prior: whether priors are rendered at all.
    """

    footage: PersonFrames
    bank: FrameBank
    bank_rows: np.ndarray
    features: FrameFeatures
    shape_offset: np.ndarray
    size: int
    prior: bool

    def make_sample(self, row: int, random: np.random.Generator | None) -> SwapSample:
        """The sample of a footage row; with ``random`` None as it is, else varied."""
        geometry = self.footage.geometries[row]
        target = geometry.landmarks
        if random is not None:
            target = geometry.pose.apply(geometry.unposed + random.uniform(0, 1) * self.shape_offset)
        placement = self.placement(random)
        landmarks = apply_affine(placement, target)
        picture = self.place_crop(row, placement) if random is None else self.warp_frame(row, landmarks, placement)
        mask = face_mask(landmarks, self.size, self.size)
        return SwapSample(
            picture,
            self.render_prior(lambda: self.select_frames(row, self.distant_frames(row)), landmarks),
            (mask * 255).astype(np.uint8)[..., None],
            quantize_loss_mask(compute_loss_mask(landmarks, mask))[..., None],
        )

    def placement(self, random: np.random.Generator | None = None) -> np.ndarray:
        """(2, 3) map from a stored crop's pixels to a picture's, with ``random`` turned and shifted a little."""
        upright = resize_matrix(self.size, self.footage.faces.crop_size)
        if random is None:
            return upright
        return jitter_matrix(self.size, random, 4, 0.03, 0.015) @ np.vstack([upright, [0, 0, 1]])

    def render_prior(self, layers: Callable[[], FrameWeights], landmarks: Landmarks) -> np.ndarray:
        """(S, S, 4) uint8 prior and its visibility; black and invisible where there is none.

        Args:
            layers: selects frames of the bank.
            landmarks: (478, 3) wanted, in the picture's pixels.
        """
        if not self.prior:
            return np.zeros((self.size, self.size, 4), np.uint8)
        rendered = render(self.bank, layers(), MeshWarper(landmarks, self.size))
        return np.dstack([np.clip(rendered.picture, 0, 255), rendered.visibility * 255]).astype(np.uint8)

    def landmarks(self, row: int) -> np.ndarray:
        """(478, 3) landmarks of a footage row in its sample's pixels, where that is not varied."""
        return apply_affine(self.placement(), self.footage.geometries[row].landmarks)

    def place_crop(self, row: int, placement: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8: a footage row as it is, placed by a (2, 3) map from its crop's pixels."""
        size = (self.size, self.size)
        return cv2.warpAffine(
            self.footage.crop(row), placement, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        )

    def warp_frame(self, row: int, landmarks: Landmarks, placement: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8: a footage row placed, its face warped to ``landmarks``, (478, 3) in the picture's pixels."""
        footage = self.place_crop(row, placement)
        crop = self.footage.crop(row)
        warped = warp(crop, self.footage.geometries[row].landmarks, landmarks, self.size)
        soft = cv2.GaussianBlur((warped.visibility > 0).astype(np.float32), (0, 0), self.size * 0.015)
        soft = (np.clip(2 * soft - 1, 0, 1))[..., None]
        return (footage + soft * (warped.image.astype(np.float32) - footage)).astype(np.uint8)

    def distant_frames(self, row: int) -> np.ndarray:
        """(N,) bool: the bank's frames that are not near a footage row in time; all where there are no others."""
        clips, frames = self.footage.faces["clip"], self.footage.faces["frame"]
        is_close = (clips[self.bank_rows] == clips[row]) & (
            np.abs(frames[self.bank_rows] - frames[row]) < MIN_FRAME_GAP
        )
        return is_close if is_close.all() else ~is_close

    def select_frames(self, row: int, candidates: np.ndarray) -> FrameWeights:
        """The bank's frames nearest to a footage row, among ``candidates``, (N,) bool."""
        return select_nearest(self.bank, self.features[row : row + 1], candidates)


@dataclass(frozen=True)
class CrossIdentitySample:
    """One frame of the target, uint8.

    Attributes:
        picture: (S, S, 3) the target.
        prior: (S, S, 4) the source in the target's geometry, and its visibility.
        share: (S, S, 1) where conversion puts the made face: the outline, grown to the hairline.
        chip: (2, 3) float32 from the picture to the chip by which it is recognised.
    """

    picture: Image
    prior: np.ndarray
    share: np.ndarray
    chip: np.ndarray


@dataclass(frozen=True)
class CrossIdentityDataset:
    """Cross-identity samples of two people.

    Attributes:
        source, target: the people's datasets.
        retarget: from the target's geometry to the wanted one.
    """

    source: SwapDataset
    target: SwapDataset
    retarget: ShapeRetarget

    @classmethod
    def from_datasets(cls, source: SwapDataset, target: SwapDataset) -> CrossIdentityDataset:
        return cls(source, target, ShapeRetarget.from_profiles(target.footage.person, source.footage.person))

    def make_sample(self, row: int, random: np.random.Generator | None) -> CrossIdentitySample:
        """The sample of a row of the target; with ``random`` None as it is, else rotated and shifted a little."""
        size, target = self.target.size, self.target
        placement = target.placement(random)
        goal = apply_affine(placement, self.retarget(target.footage.geometries[row]))
        return CrossIdentitySample(
            target.place_crop(row, placement),
            self.source.render_prior(lambda: select_nearest(self.source.bank, target.features[row : row + 1]), goal),
            (face_mask(goal, size, size, MASK_MARGIN) * 255).astype(np.uint8)[..., None],
            compute_chip_matrix(goal).astype(np.float32),
        )


def random_warp(pictures: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Random warp and colour jitter of the encoder's input (N, S, S, 3): a 5 x 5 grid of points is displaced."""
    size = pictures.shape[1]
    base = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32)
    result = np.empty_like(pictures)
    for index, picture in enumerate(pictures):
        push = random.normal(0, size * 0.02, (5, 5, 2)).astype(np.float32)
        field = base + cv2.resize(push, (size, size), interpolation=cv2.INTER_CUBIC)
        warped = cv2.remap(picture, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        gain, bias = np.exp(random.normal(0, 0.08, 3)), random.normal(0, 6, 3)
        result[index] = np.clip(warped * gain + bias, 0, 255).astype(np.uint8)
    return result
