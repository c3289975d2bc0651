"""The network's face in the bent portrait: what geometry cannot show is made by the generator, and put in place."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from effigie.compositing import ComposeSettings, Compositor
from effigie.compositing.grain import GrainSettings
from effigie.compositing.mask import MaskSettings, build_mask
from effigie.faces.align import crop_matrix, placement
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mask import Grow, face_mask
from effigie.faces.mesh import fit_pose
from effigie.heads.finetune.reference_set import Album, known
from effigie.heads.network.generator import Generator
from effigie.heads.network.landmark_image import draw_landmarks
from effigie.heads.network.layers import folded
from effigie.heads.warp.scene import Rendered
from effigie.prior.detail import enlarged, resized
from effigie.prior.frame_bank import Geometry
from effigie.prior.render import Chooser
from effigie.training import choose_device, choose_precision

STEP = (
    32  # the face is made at multiples of this many pixels, so that sizes do not change with every movement
)
LARGEST = 512
GROW = Grow(top=0.02, side=0.0, jaw=0.03)
MASK = MaskSettings(feather=0.1)
Shown = Callable[[int], np.ndarray]
"""Frame number -> (52,) blendshapes as the person shows them."""


class FaceMaker:
    """A generator with a person's parameters, ready to make faces at any size.

    The generator works at its preset's size. What the bent picture shows more finely is added back where the generator
    kept it.

    Args:
        generator: of the person, or meta-learned.
        psi: (1, P) the person's parameters.
        device: torch device, or ``auto``.
    """

    def __init__(self, generator: Generator, psi: Tensor, device: str = "auto") -> None:
        self._device = choose_device(device)
        # Weights of half the precision themselves: autocast would convert every one of them for every frame.
        half = choose_precision("auto", self._device) == "bf16"
        self._generator = folded(generator).to(self._device, torch.bfloat16 if half else torch.float32)
        self._psi = psi.detach().to(self._device)

    @property
    def size(self) -> int:
        """Side of what the generator itself makes, px."""
        return self._generator.size

    @property
    def prior(self) -> bool:
        """Whether it takes the bent picture."""
        return self._generator.prior

    def __call__(
        self, landmarks: np.ndarray, side: int, prior: np.ndarray | None, validity: np.ndarray | None
    ) -> np.ndarray:
        """(side, side, 3) float32, about [0, 1].

        Args:
            landmarks: (478, 3) wanted, px of the result.
            side: px, not less than :attr:`size`.
            prior: (side, side, 3) float32 in [0, 1], the person bent there; not needed without :attr:`prior`.
            validity: (side, side) float32 in [0, 1].
        """
        small = self.size
        scale = small / side
        points = landmarks * scale
        points[:, :2] += (scale - 1) / 2
        drawing = torch.from_numpy(draw_landmarks(points, small)).permute(2, 0, 1)[None].float() / 255
        given = None
        if self.prior:
            if prior is None or validity is None:
                raise ValueError("this generator needs the bent picture")
            both = cv2.resize(np.dstack([prior, validity]), (small, small), interpolation=cv2.INTER_AREA)
            given = torch.from_numpy(np.clip(both, 0, 1)).permute(2, 0, 1)[None].to(self._device)
        with torch.inference_mode():
            made = self._generator(drawing.to(self._device), None, given, psi=self._psi)
        picture = made.picture[0].permute(1, 2, 0).float().cpu().numpy()
        if prior is None or not self.prior:
            return resized(picture, side)
        return enlarged(picture, made.trust[0, 0].float().cpu().numpy(), prior)


def outline(landmarks: np.ndarray, side: int) -> np.ndarray:
    """(side, side) float32 in [0, 1], where a made face takes the bent one's place, its edge not softened yet."""
    return face_mask(landmarks, side, side, GROW)


def put_in(made: np.ndarray, prior: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(S, S, 3) the made face within the bent picture, as an animation shows it."""
    share = build_mask(outline(landmarks, prior.shape[0]), None, MASK)[..., None]
    return prior + share * (made - prior)


class NetworkPainter:
    """Makes the face of every frame, in order; a :class:`effigie.heads.inference.renderer.Painter`.

    Args:
        maker: of the person.
        album: the person's T shots; with None (one portrait) the bent portrait itself is the prior.
        shown: for choosing among the album's shots.
        rate: frames a second.
    """

    def __init__(self, maker: FaceMaker, album: Album | None, shown: Shown, rate: float = 25.0) -> None:
        self._maker, self._album, self._shown = maker, album, shown
        self._chooser: Chooser | None = None if album is None else album.chooser(rate)
        self._compositor = Compositor(
            ComposeSettings(
                color="none",
                blend="feather",
                mask=MASK,
                grain=GrainSettings(strength=0.0),
                temporal=0.0,
                motion_blur=0.0,
            )
        )

    def __call__(
        self, rendered: Rendered, landmarks: np.ndarray, index: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`effigie.heads.inference.renderer.Painter`."""
        place = placement(fit_pose(landmarks))
        side = int(np.clip(np.ceil(np.exp(place[2]) / STEP) * STEP, self._maker.size, LARGEST))
        if self._album is not None:
            side = self._album.size
        matrix = crop_matrix(place, side)
        wanted = apply_affine(matrix.astype(np.float64), landmarks)
        prior, validity = self._prior(rendered, matrix, wanted, index, side)
        picture = np.clip(self._maker(wanted, side, prior, validity), 0, 1)
        return self._compositor.compose_masked(rendered.image, picture, outline(wanted, side), matrix)

    def _prior(
        self, rendered: Rendered, matrix: np.ndarray, wanted: np.ndarray, index: int, side: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """(side, side, 3) float32 in [0, 1] and (side, side) float32."""
        if self._album is None or self._chooser is None:
            seen = cv2.warpAffine(rendered.validity, matrix, (side, side), flags=cv2.INTER_LINEAR)
            return crop(rendered.image, matrix, side) / np.float32(255), known(seen, wanted)
        geometry = Geometry.of(wanted)
        layers = self._chooser(self._album.features(geometry, self._shown(index)))
        prior = self._album.render(layers, wanted)
        return np.clip(prior.picture, 0, 255) / np.float32(255), prior.validity
