"""Pretraining samples: swaps whose result is known, made from one person's frames.

A swap shows the source's face, known from other frames, in the expression of somebody else. So the ground truth is a
person's frame, warped to a shape between theirs and somebody else's; the prior comes from other frames of theirs, often
from few of them; and the input is that frame with another face in it, made by geometry: the expression is right, the
person is not, and who the ground truth shows can be told from the prior alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.errors import FaceSetError
from effigie.faces.crop import apply_affine
from effigie.faces.mask import compute_loss_mask, face_mask, quantize_loss_mask
from effigie.faces.warp import MeshWarper
from effigie.faceset import FaceSet
from effigie.prior.frame_bank import compute_features
from effigie.prior.render import RenderedPrior, render
from effigie.prior.selector import select_nearest
from effigie.progress import Progress, ProgressCallback, ignore_progress
from effigie.swap.dataset import SwapDataset, random_warp
from effigie.swap.inference.eye_transfer import transfer_eyes
from effigie.swap.inference.mouth_transfer import transfer_mouth
from effigie.swap.person_frames import load_person_frames
from effigie.swap.trainer import build_bank

MIN_PERSON_FACES = 2  # one to be restored, another to restore it from
FILMED_FACES = 16  # from so many on somebody was filmed, not photographed
FILMED_SHARE = 0.75  # of the samples; photographed people are many, and sharp, but hardly move
BANK_SIZE = 200
BANK_SIZES = (1, 4, 16, BANK_SIZE)  # frames that a prior may choose from: a photo, a few, a film
MAX_SHAPE_SHARE = 1.2  # of the difference between two people, by which a ground truth's shape may differ
SWAP_SHAPE_SHARE = (0.5, 1.2)  # of the other person's shape in the input
MATCHED_SHARE = 0.5  # of the inputs have the swapped face in the frame's own mean color
EDGE_SIGMA = 0.015  # of the side, of the pasted face's edge


@dataclass(frozen=True)
class PretrainingSample:
    """One training picture, (S, S, C) uint8.

    Attributes:
        input: (3) the frame with somebody else's face in it, distorted.
        picture, prior, mask, weight: as of :class:`effigie.swap.dataset.SwapSample`.
    """

    input: Image
    picture: Image
    prior: np.ndarray
    mask: np.ndarray
    weight: np.ndarray


class PeopleDataset:
    """Samples of many people.

    Args:
        people: a dataset each; their ``shape_offset`` is not used.

    Attributes:
        filmed, photographed: indices of people.
    """

    def __init__(self, people: Sequence[SwapDataset]) -> None:
        self.people = list(people)
        self._shapes = np.stack([person.footage.person.shape for person in people])
        faces = [len(person.footage.geometries) for person in people]
        self.filmed = [index for index, count in enumerate(faces) if count >= FILMED_FACES]
        self.photographed = [index for index, count in enumerate(faces) if count < FILMED_FACES]

    @classmethod
    def load(
        cls, facesets: Sequence[str | Path], size: int, progress: ProgressCallback = ignore_progress
    ) -> PeopleDataset:
        """Every person of some face sets with two faces or more, for pictures of ``size`` px.

        Raises:
            FaceSetError: one cannot be read, or nobody is in them.
        """
        people: list[SwapDataset] = []
        for number, path in enumerate(facesets):
            progress(Progress("load faces", number, len(facesets), "face sets", str(path)))
            clusters = [person for person in FaceSet.open(path).people() if person.faces >= MIN_PERSON_FACES]
            people += [_load_person(path, person.cluster, size) for person in clusters]
        progress(Progress("load faces", len(facesets), len(facesets), "face sets"))
        if not people:
            raise FaceSetError("nobody is in these face sets with two faces or more")
        return cls(people)

    def make_sample(self, person: int, random: np.random.Generator) -> PretrainingSample:
        """A sample of a person."""
        dataset = replace(self.people[person], shape_offset=self._draw_offset(random))
        row = int(random.choice(dataset.footage.training))
        geometry = dataset.footage.geometries[row]
        placement = dataset.placement(random)
        moved = geometry.unposed + random.uniform(0, 1) * dataset.shape_offset
        landmarks = apply_affine(placement, geometry.pose.apply(moved))
        picture = dataset.warp_frame(row, landmarks, placement)
        mask = face_mask(landmarks, dataset.size, dataset.size)
        nearest = dataset.select_frames(row, self._draw_bank(dataset, row, random))
        return PretrainingSample(
            self._swap_in(person, row, placement, random),
            picture,
            dataset.render_prior(lambda: nearest, landmarks),
            (mask * 255).astype(np.uint8)[..., None],
            quantize_loss_mask(compute_loss_mask(landmarks, mask))[..., None],
        )

    def draw_person(self, people: Sequence[int], random: np.random.Generator) -> int:
        """One of ``people``, filmed or photographed in the shares of training."""
        filmed = [person for person in people if person in set(self.filmed)]
        photographed = [person for person in people if person not in set(self.filmed)]
        pool = filmed if filmed and (not photographed or random.random() < FILMED_SHARE) else photographed
        return int(random.choice(pool))

    def _draw_offset(self, random: np.random.Generator) -> np.ndarray:
        """(478, 3) cm: part of the difference between two people's shapes."""
        first, second = random.integers(len(self._shapes), size=2)
        return np.asarray(random.uniform(0, MAX_SHAPE_SHARE) * (self._shapes[first] - self._shapes[second]))

    def _draw_bank(self, dataset: SwapDataset, row: int, random: np.random.Generator) -> np.ndarray:
        """(N,) bool, the bank's frames that a prior may choose from: none is near in time, if any other is there."""
        allowed = dataset.distant_frames(row)
        count = int(random.choice(BANK_SIZES))
        indices = random.permutation(np.flatnonzero(allowed))[:count]
        selection = np.zeros(len(allowed), bool)
        selection[indices] = True
        return selection

    def _swap_in(self, person: int, row: int, placement: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """(S, S, 3) uint8: the frame with the face of another of the people, distorted, in another light."""
        dataset = self.people[person]
        donor = int(random.choice([index for index in range(len(self.people)) if index != person]))
        geometry = dataset.footage.geometries[row]
        offset = random.uniform(*SWAP_SHAPE_SHARE) * (self._shapes[donor] - self._shapes[person])
        landmarks = apply_affine(placement, geometry.pose.apply(geometry.unposed + offset))
        background = dataset.warp_frame(row, landmarks, placement)
        bank = self.people[donor].bank
        warper = MeshWarper(landmarks, dataset.size)
        face = render(bank, select_nearest(bank, dataset.features[row : row + 1]), warper)
        picture = paste_face(background, face, warper, bool(random.random() < MATCHED_SHARE))
        return random_warp(change_complexion(picture, random)[None], random)[0]


def paste_face(background: Image, face: RenderedPrior, warper: MeshWarper, match: bool) -> np.ndarray:
    """A rendered face put into a picture of somebody whose eyeballs and mouth stay.

    Args:
        background: (S, S, 3) uint8, with the geometry of ``warper``.
        match: whether the face takes the picture's mean color.

    Returns:
        (S, S, 3) uint8.
    """
    side = warper.size
    share = cv2.GaussianBlur(face_mask(warper.target, side, side), (0, 0), EDGE_SIGMA * side)
    share = (np.clip(2 * share - 1, 0, 1) * face.visibility)[..., None]
    inner, outer = face.picture / np.float32(255), background / np.float32(255)
    if match and share.sum() > 1:
        inner_mean, outer_mean = ((pixels * share).sum((0, 1)) / share.sum() for pixels in (inner, outer))
        inner = np.clip(inner * (outer_mean + 0.02) / (inner_mean + 0.02), 0, 1)
    picture = outer + share * (inner - outer)
    interior = np.zeros((side, side, 4), np.float32)
    transfer_eyes(interior, inner, background, warper.target, warper)
    transfer_mouth(interior, background, warper.target, warper, 1.0)
    picture += interior[..., 3:] * (interior[..., :3] - picture)
    return np.asarray(np.clip(picture * 255, 0, 255), np.uint8)


def change_complexion(picture: Image, random: np.random.Generator) -> np.ndarray:
    """Another skin tone, exposure and direction of light, and the softness of another camera; (S, S, 3) uint8."""
    side = picture.shape[0]
    angle, strength = random.uniform(0, 2 * np.pi), random.uniform(0, 0.35)
    across = np.linspace(-1, 1, side, dtype=np.float32)
    light = 1 + strength * (np.cos(angle) * across[None, :] + np.sin(angle) * across[:, None])
    tone = np.exp(random.normal(0, 0.15, 3) + random.normal(0, 0.25))
    changed = 255 * (picture / np.float32(255)) ** np.exp(random.normal(0, 0.2)) * tone * light[..., None]
    sigma = random.uniform(0, 0.012) * side if random.random() < 0.5 else 0.0
    if sigma > 0.3:
        changed = cv2.GaussianBlur(changed, (0, 0), sigma)
    return np.clip(changed, 0, 255).astype(np.uint8)


def _load_person(path: str | Path, cluster: int, size: int) -> SwapDataset:
    footage = load_person_frames(str(path), "source", cluster, 0.0, MIN_PERSON_FACES)
    bank, rows = build_bank(footage, BANK_SIZE)
    features = compute_features(footage.geometries, footage.faces["blendshapes"], footage.person)
    return SwapDataset(footage, bank, rows, features, np.zeros_like(footage.person.shape), size, True)
