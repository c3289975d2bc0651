"""Training examples of meta-learning: a picture of a person to be made, and the shots it is made from.

Somebody filmed gives both: one frame is wanted, others are the shots. Of somebody photographed once, the picture is
what is wanted, and the shot is the same picture warped away from it, by a change of pose and expression that somebody
filmed really made. So stills of a thousand people teach what faces look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.faces.crop import apply_affine, jitter_matrix, resize_matrix
from effigie.faces.mask import compute_loss_mask, face_mask, face_regions, quantize_loss_mask
from effigie.faces.mesh import mouth_opening
from effigie.heads.finetune.reference_set import ReferenceSet, resize_shot
from effigie.heads.meta_learning.hflip import hflip_shot
from effigie.heads.meta_learning.identity_dataset import Identity, IdentityDataset, ReferenceShot
from effigie.heads.meta_learning.motion_bank import MotionBank
from effigie.heads.meta_learning.random_crops import compute_crop_boxes
from effigie.heads.network.landmark_image import draw_landmarks
from effigie.heads.warp.scene import PortraitWarp
from effigie.prior.frame_bank import FaceGeometry
from effigie.prior.render import RenderedPrior

HARD_CANDIDATES = 5  # times as many shots looked at as are taken, when the least alike are wanted
MIN_FRAME_GAP = 12  # frames; a shot from nearer than this would nearly be the answer
HIDDEN_WEIGHT = 2.0  # extra weight of what no shot shows


@dataclass(frozen=True)
class HeadsExample:
    """One training example; pictures are uint8, S x S.

    Attributes:
        person: index of the identity.
        shots: (K, S, S, 3) pictures for the embedder; fewer than K are repeated.
        shot_drawings: (K, S, S, 3) their landmarks, drawn.
        drawing: (S, S, 3) the wanted landmarks, drawn.
        picture: (S, S, 3) what should be made.
        prior: (S, S, 4) the shots warped into the wanted geometry, and where they really show it.
        weight: (S, S) how much a pixel counts, times ``WEIGHT`` of :mod:`effigie.faces.mask`.
        crop_boxes: (3, 3) float32 of :func:`effigie.heads.meta_learning.random_crops.compute_crop_boxes`.
        regions: (S, S) uint8 of :func:`effigie.faces.mask.face_regions`.
    """

    person: int
    shots: np.ndarray
    shot_drawings: np.ndarray
    drawing: np.ndarray
    picture: Image
    prior: np.ndarray
    weight: np.ndarray
    crop_boxes: np.ndarray
    regions: np.ndarray


class ExampleSampler:
    """Draws training examples of the people of a dataset.

    Args:
        dataset: where pictures come from.
        size: S.
        shots: K.
        motions: changes of pose and expression for stills; None where nobody is filmed.
        prior: whether priors are rendered; if not they are zeros.
    """

    def __init__(
        self, dataset: IdentityDataset, size: int, shots: int, motions: MotionBank | None, prior: bool = True
    ) -> None:
        self._dataset, self._size, self._shots = dataset, size, shots
        self._motions, self._prior = motions, prior

    def sample(self, person: int, random: np.random.Generator) -> HeadsExample:
        """A random example of identity number ``person``."""
        identity = self._dataset.identities[person]
        if len(identity) == 1 or (not identity.is_video and random.random() < 0.5):
            still = self._dataset.shot(identity, int(random.integers(len(identity))))
            shot = still if self._motions is None else bend_still(still, self._motions, self._size, random)
            return build_example(person, still, [shot], self._size, self._shots, self._prior, random)
        target = int(random.integers(len(identity)))
        count = int(random.integers(1, self._shots + 1))
        shots = choose_shots(identity, target, count * (HARD_CANDIDATES if random.random() < 0.5 else 1), random)
        if len(shots) > count:
            # Talkers' frames are much alike: the farthest of several mouths has more to teach.
            mouths = [mouth_opening(self._dataset.geometry(identity, int(i)).landmarks) for i in [target, *shots]]
            shots = shots[np.argsort(-np.abs(np.array(mouths[1:]) - mouths[0]))[:count]]
        reference_set = [self._dataset.shot(identity, int(index)) for index in shots]
        truth = self._dataset.shot(identity, target)
        return build_example(person, truth, reference_set, self._size, self._shots, self._prior, random)


def build_example(
    person: int,
    target: ReferenceShot,
    shots: Sequence[ReferenceShot],
    size: int,
    count: int = 1,
    prior: bool = True,
    random: np.random.Generator | None = None,
) -> HeadsExample:
    """The example of making ``target`` from ``shots``.

    Args:
        person: its number.
        size: S.
        count: K; fewer shots are repeated.
        prior: whether it is rendered; if not it is zeros.
        random: varies place and side; None leaves them.
    """
    if random is not None and random.random() < 0.5:
        target, shots = hflip_shot(target), [hflip_shot(shot) for shot in shots]
    placement = resize_matrix(size, target.picture.shape[0])
    if random is not None:
        placement = jitter_matrix(size, random, 5, 0.04, 0.02) @ np.vstack([placement, [0, 0, 1]])
    picture = cv2.warpAffine(
        target.picture, placement, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    landmarks = apply_affine(placement, target.geometry.landmarks)
    reference_set = ReferenceSet(shots, size)
    rendered = np.zeros((size, size, 4), np.uint8)
    if prior:
        layers = reference_set.find_nearest(FaceGeometry.from_landmarks(landmarks), target.blendshapes)
        rendered = prior_to_uint8(reference_set.render(layers, landmarks))
    repeated = [reference_set.shots[index % len(shots)] for index in range(count)]
    return HeadsExample(
        person,
        np.stack([shot.picture for shot in repeated]),
        np.stack([draw_landmarks(shot.geometry.landmarks, size) for shot in repeated]),
        draw_landmarks(landmarks, size),
        np.asarray(picture, np.uint8),
        rendered,
        compute_pixel_weight(landmarks, rendered[..., 3] if prior else None, size),
        compute_crop_boxes(landmarks, size),
        face_regions(landmarks, face_mask(landmarks, size, size) > 0.5),
    )


def bend_still(still: ReferenceShot, motions: MotionBank, size: int, random: np.random.Generator) -> ReferenceShot:
    """The still warped by a change that somebody else made: a shot to make the still from again."""
    small = resize_shot(still, max(size, min(2 * size, still.picture.shape[0])))
    geometry, blendshapes = motions.transfer_motion(small.geometry, small.blendshapes, random)
    picture = PortraitWarp(small.picture, small.geometry.landmarks).render(geometry.landmarks).image
    return ReferenceShot(picture, geometry, blendshapes)


def choose_shots(identity: Identity, target: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Indices of ``count`` other frames, of a video not next to the wanted one."""
    candidates = np.array([index for index in range(len(identity)) if index != target])
    if identity.is_video:
        distance = np.abs(candidates - target)
        far = candidates[distance >= min(MIN_FRAME_GAP, distance.max())]
        candidates = far if len(far) else candidates
    return random.choice(candidates, min(count, len(candidates)), replace=False)


def prior_to_uint8(prior: RenderedPrior) -> np.ndarray:
    """(S, S, 4) uint8 picture and visibility of a prior."""
    picture, visibility = prior.picture, prior.visibility
    return np.dstack([np.clip(picture, 0, 255), 255 * visibility]).round().astype(np.uint8)


def compute_pixel_weight(landmarks: Landmarks, visibility: np.ndarray | None, size: int) -> np.ndarray:
    """(S, S) uint8: the face counts ten times its surroundings, eyes and mouth thrice the face.

    So does what the prior does not show, (S, S) ``visibility`` of 255 being all: there is the network's work.
    """
    hidden = 0.0 if visibility is None else HIDDEN_WEIGHT * (1 - visibility / np.float32(255))
    return quantize_loss_mask(compute_loss_mask(landmarks, face_mask(landmarks, size, size)) + hidden)
