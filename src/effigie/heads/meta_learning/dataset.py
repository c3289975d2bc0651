"""Training pictures: a person's moment to be made, and the shots that it has to be made from.

Somebody filmed gives both: one frame is wanted, others are the shots. Of somebody photographed once, the picture is
what is wanted, and the shot is the same picture bent away from it, by a change of pose and expression that somebody
filmed really made. So stills of a thousand people teach what faces look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from effigie.faces.crop import apply_affine, jitter, resizing
from effigie.faces.loss_mask import emphasis
from effigie.faces.loss_mask import to_bytes as weight_bytes
from effigie.faces.mask import face_mask
from effigie.faces.mesh import mouth_opening
from effigie.faces.regions import face_regions
from effigie.heads.finetune.reference_set import Album, resized
from effigie.heads.meta_learning.hflip import mirrored
from effigie.heads.meta_learning.identity_dataset import Gallery, Identity, Shot
from effigie.heads.meta_learning.random_crops import closeups
from effigie.heads.meta_learning.stills import Motions
from effigie.heads.network.landmark_image import draw_landmarks
from effigie.heads.warp.scene import Scene
from effigie.prior.frame_bank import Geometry
from effigie.prior.render import Prior

HARD = 5  # times as many shots looked at as are taken, when the least alike are wanted
APART = 12  # frames; a shot from nearer than this would nearly be the answer
HIDDEN = 2.0  # extra weight of what no shot shows


@dataclass(frozen=True)
class Example:
    """One training picture with what it is made from; pictures are uint8, S x S.

    Attributes:
        person: index of the identity.
        shots: (K, S, S, 3) pictures for the embedder; fewer than K are repeated.
        shot_drawings: (K, S, S, 3) their landmarks, drawn.
        drawing: (S, S, 3) the wanted landmarks, drawn.
        picture: (S, S, 3) what should be made.
        prior: (S, S, 4) the shots bent into the wanted geometry, and where they really show it.
        weight: (S, S) how much a pixel counts, times ``WEIGHT`` of :mod:`effigie.faces.loss_mask`.
        looks: (3, 3) float32 of :func:`effigie.heads.meta_learning.random_crops.closeups`.
        regions: (S, S) uint8 of :func:`effigie.faces.regions.face_regions`.
    """

    person: int
    shots: np.ndarray
    shot_drawings: np.ndarray
    drawing: np.ndarray
    picture: np.ndarray
    prior: np.ndarray
    weight: np.ndarray
    looks: np.ndarray
    regions: np.ndarray


class ExampleMaker:
    """Makes examples of the people of a gallery.

    Args:
        gallery: where pictures come from.
        size: S.
        shots: K.
        motions: changes of pose and expression for stills; None where nobody is filmed.
        prior: whether priors are rendered; if not they are zeros.
    """

    def __init__(
        self, gallery: Gallery, size: int, shots: int, motions: Motions | None, prior: bool = True
    ) -> None:
        self._gallery, self._size, self._shots = gallery, size, shots
        self._motions, self._prior = motions, prior

    def make(self, person: int, random: np.random.Generator) -> Example:
        """A random example of identity number ``person``."""
        identity = self._gallery.identities[person]
        if len(identity) == 1 or (not identity.filmed and random.random() < 0.5):
            return self._of_still(person, identity, random)
        wanted = int(random.integers(len(identity)))
        count = int(random.integers(1, self._shots + 1))
        shots = choose_shots(identity, wanted, count * (HARD if random.random() < 0.5 else 1), random)
        if len(shots) > count:
            # Talkers' frames are much alike: the farthest of several mouths has more to teach.
            mouths = [
                mouth_opening(self._gallery.geometry(identity, int(i)).landmarks) for i in [wanted, *shots]
            ]
            shots = shots[np.argsort(-np.abs(np.array(mouths[1:]) - mouths[0]))[:count]]
        return self.of_frames(person, wanted, shots, random)

    def of_frames(
        self, person: int, wanted: int, shots: Sequence[int] | np.ndarray, random: np.random.Generator | None
    ) -> Example:
        """The identity's frame ``wanted`` to be made from its frames ``shots``; with ``random`` None as it is."""
        identity = self._gallery.identities[person]
        album = [self._gallery.shot(identity, int(index)) for index in shots]
        return self._example(person, self._gallery.shot(identity, wanted), album, random)

    def _of_still(self, person: int, identity: Identity, random: np.random.Generator) -> Example:
        still = self._gallery.shot(identity, int(random.integers(len(identity))))
        shot = still if self._motions is None else bent(still, self._motions, self._size, random)
        return self._example(person, still, [shot], random)

    def _example(
        self, person: int, wanted: Shot, shots: Sequence[Shot], random: np.random.Generator | None
    ) -> Example:
        return example(person, wanted, shots, self._size, self._shots, self._prior, random)


def example(
    person: int,
    wanted: Shot,
    shots: Sequence[Shot],
    size: int,
    count: int = 1,
    prior: bool = True,
    random: np.random.Generator | None = None,
) -> Example:
    """The example of making ``wanted`` from ``shots``.

    Args:
        person: its number.
        size: S.
        count: K; fewer shots are repeated.
        prior: whether it is rendered; if not it is zeros.
        random: varies place and side; None leaves them.
    """
    if random is not None and random.random() < 0.5:
        wanted, shots = mirrored(wanted), [mirrored(shot) for shot in shots]
    placement = resizing(size, wanted.picture.shape[0])
    if random is not None:
        placement = jitter(size, random, 5, 0.04, 0.02) @ np.vstack([placement, [0, 0, 1]])
    picture = cv2.warpAffine(
        wanted.picture, placement, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    landmarks = apply_affine(placement, wanted.geometry.landmarks)
    album = Album(shots, size)
    rendered = np.zeros((size, size, 4), np.uint8)
    if prior:
        layers = album.nearest(Geometry.of(landmarks), wanted.blendshapes)
        rendered = to_bytes(album.render(layers, landmarks))
    again = [album.shots[index % len(shots)] for index in range(count)]
    return Example(
        person,
        np.stack([shot.picture for shot in again]),
        np.stack([draw_landmarks(shot.geometry.landmarks, size) for shot in again]),
        draw_landmarks(landmarks, size),
        np.asarray(picture, np.uint8),
        rendered,
        pixel_weight(landmarks, rendered[..., 3] if prior else None, size),
        closeups(landmarks, size),
        face_regions(landmarks, face_mask(landmarks, size, size) > 0.5),
    )


def bent(still: Shot, motions: Motions, size: int, random: np.random.Generator) -> Shot:
    """The still as it would look after a change that somebody else made: a shot to make the still from again."""
    small = resized(still, max(size, min(2 * size, still.picture.shape[0])))
    geometry, blendshapes = motions.bend(small.geometry, small.blendshapes, random)
    shown = Scene(small.picture, small.geometry.landmarks).render(geometry.landmarks).image
    return Shot(shown, geometry, blendshapes)


def choose_shots(identity: Identity, wanted: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Indices of ``count`` other frames, of a film not next to the wanted one."""
    others = np.array([index for index in range(len(identity)) if index != wanted])
    if identity.filmed:
        distance = np.abs(others - wanted)
        far = others[distance >= min(APART, distance.max())]
        others = far if len(far) else others
    return random.choice(others, min(count, len(others)), replace=False)


def to_bytes(prior: Prior) -> np.ndarray:
    """(S, S, 4) uint8 picture and validity of a prior."""
    picture, validity = prior.picture, prior.validity
    return np.dstack([np.clip(picture, 0, 255), 255 * validity]).round().astype(np.uint8)


def pixel_weight(landmarks: np.ndarray, validity: np.ndarray | None, size: int) -> np.ndarray:
    """(S, S) uint8: the face counts ten times its surroundings, eyes and mouth thrice the face.

    So does what the prior does not show, (S, S) ``validity`` of 255 being all: there is the network's work.
    """
    hidden = 0.0 if validity is None else HIDDEN * (1 - validity / np.float32(255))
    return weight_bytes(emphasis(landmarks, face_mask(landmarks, size, size)) + hidden)
