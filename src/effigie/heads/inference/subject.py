"""The person who is animated: portrait, framed as the output is, permit and renderer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.consent.gate import ConsentLike, Permit, permit, permit_model
from effigie.consent.nsfw_detector import check_images
from effigie.faces.align import CROP_SIDE_CM, compute_placement
from effigie.faces.mesh import FACE_OVAL
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.portrait import Portrait, read_portraits, to_subject_faces
from effigie.heads.motion.motion import Motion
from effigie.heads.person_folder import is_person_model
from effigie.heads.warp.scene import WarpedPortrait
from effigie.progress import CancelToken, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from effigie.heads.checkpoint import HeadsModel
    from effigie.heads.finetune.reference_set import ReferenceSet
    from effigie.heads.inference.neural_renderer import FaceGenerator

MAX_SIDE = 1280  # px, larger side of an output whose size nobody chose
FACE_MARGIN = 0.06  # of the face's width, by which a mask of geometry alone reaches beyond the face's outline
HEAD_SCALE = 1.7  # times the face's crop: hair, neck and room to move
UPWARD_SHIFT = 0.04  # of the square, by which it lies higher than the face

# Turns the warped portrait of one frame, which may be overwritten, its (478, 3) landmarks and the frame's number into
# the final picture, (H, W, 3) uint8 RGB, and an (H, W) uint8 mask, 255 where the face was made. Called once a frame, in
# order, from one thread, so it may remember the frame before.
FrameRenderer = Callable[[WarpedPortrait, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class RenderModel:
    """What renders a person: makes the renderer of a motion, and its manifest's SHA-256; None where geometry does."""

    build_renderer: Callable[[Motion], FrameRenderer]
    sha256: str | None = None


@dataclass(frozen=True)
class AnimationSubject:
    """The person who is animated.

    Attributes:
        portrait: framed as the output is.
        path: of the portrait, or of the person's model.
        load_model: waits for the networks, which load in a thread; raises ModelError. Use :attr:`model`.
        has_choice: whether it has several pictures, chosen among by what the face shows.
        ask: asks the gate again, for consents are revoked; raises what the gate does.
    """

    portrait: Portrait
    permit: Permit
    ask: Callable[[], Permit]
    path: Path
    load_model: Callable[[], RenderModel] = lambda: RenderModel(lambda motion: render_geometry)
    has_choice: bool = False

    @cached_property
    def model(self) -> RenderModel:
        """What renders the person; the first to ask waits for its networks, and gets what loading them raises."""
        return self.load_model()


def load_subject(
    path: Path,
    settings: AnimateSettings,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> AnimationSubject:
    """Read the person to be animated and ask the consent gate; errors as of :func:`read_portraits` and of the gate."""
    if is_person_model(path):
        return _load_from_person(path, settings, consent, purpose)
    networks = _load_in_thread(settings) if settings.renderer == "network" else None
    (portrait,) = read_portraits(path, settings.person, max_portraits=1, progress=progress, cancel=cancel)
    ask = partial(permit, "animate", to_subject_faces([portrait]), consent, purpose=purpose)
    permission = ask()
    check_images([portrait.image], portrait.name)
    subject = AnimationSubject(_frame(portrait, settings), permission, ask, path)
    return (
        subject if networks is None else replace(subject, load_model=lambda: _load_model(networks, portrait, settings))
    )


def _load_in_thread(settings: AnimateSettings) -> Future[HeadsModel]:
    """Load the meta-learned model, and torch, which takes longer, while the portrait is measured and its warp built."""

    def load() -> HeadsModel:
        from effigie.heads.checkpoint import load_heads

        return load_heads(settings.heads)

    executor = ThreadPoolExecutor(1)
    loading = executor.submit(load)
    executor.shutdown(wait=False)
    return loading


def _load_model(networks: Future[HeadsModel], portrait: Portrait, settings: AnimateSettings) -> RenderModel:
    """A meta-learned model that renders a portrait as it is (the paper's feed-forward variant)."""
    model = networks.result()
    import torch

    from effigie.heads.finetune.reference_set import resize_shot
    from effigie.heads.finetune.task import compute_embedding
    from effigie.heads.inference.neural_renderer import FaceGenerator
    from effigie.heads.person_checkpoint import crop_shot

    size = model.preset.size
    with torch.no_grad():
        embedding = compute_embedding(model, [resize_shot(crop_shot(portrait, 2 * size), size)])
        psi = model.networks.generator.project_embedding(embedding[None])

    generator = FaceGenerator(model.networks.generator, psi, settings.device)

    def build_renderer(motion: Motion) -> FrameRenderer:
        return _build_neural_renderer(generator, None, portrait, motion)

    return RenderModel(build_renderer, model.manifest_sha256)


def _load_from_person(
    path: Path, settings: AnimateSettings, consent: ConsentLike, purpose: str | None
) -> AnimationSubject:
    """A person's own model."""
    from effigie.heads.finetune.reference_set import ReferenceSet
    from effigie.heads.inference.neural_renderer import FaceGenerator
    from effigie.heads.person_checkpoint import load_person

    person = load_person(path, consent=consent, purpose=purpose)

    def build_renderer(motion: Motion) -> FrameRenderer:
        if settings.renderer == "geometry":
            return render_geometry
        has_several = len(person.shots) > 1
        reference_set = ReferenceSet(person.shots, 2 * person.preset.size) if has_several else None
        generator = FaceGenerator(person.generator, person.psi, settings.device)
        return _build_neural_renderer(generator, reference_set, person.portrait, motion)

    view, has_choice = _frame(person.portrait, settings), len(person.shots) > 1
    ask = partial(permit_model, path, "animate", consent=consent, purpose=purpose)
    model = RenderModel(build_renderer, person.manifest_sha256)
    return AnimationSubject(view, person.permit, ask, path, lambda: model, has_choice)


def render_geometry(portrait: WarpedPortrait, landmarks: Landmarks, index: int) -> tuple[np.ndarray, np.ndarray]:
    """The warped portrait as it is, without a network; a :data:`FrameRenderer`."""
    outline = landmarks[FACE_OVAL, :2]
    outline = outline + FACE_MARGIN * (outline - outline.mean(0))
    mask = np.zeros(portrait.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(outline).astype(np.int32)), 255)
    return portrait.image, mask


def _frame(portrait: Portrait, settings: AnimateSettings) -> Portrait:
    """The part of the portrait that is animated, at the output's size."""
    if settings.paste == "crop":
        portrait = _crop_head(portrait)
    height, width = portrait.image.shape[:2]
    scale = (settings.size or min(MAX_SIDE, max(height, width))) / max(height, width)
    if scale == 1:
        return portrait
    return portrait.resize(max(1, round(width * scale)), max(1, round(height * scale)))


def _crop_head(portrait: Portrait) -> Portrait:
    """The largest square around the head that the picture holds, at most 1.7 times the face's crop."""
    height, width = portrait.image.shape[:2]
    pose = portrait.pose
    side = min(round(HEAD_SCALE * CROP_SIDE_CM * pose.scale), height, width)
    x, y = compute_placement(pose)[:2] - np.array([side / 2, side * (0.5 + UPWARD_SHIFT)])
    left, top = round(float(np.clip(x, 0, width - side))), round(float(np.clip(y, 0, height - side)))
    return portrait.crop(left, top, left + side, top + side)


def _build_neural_renderer(
    generator: FaceGenerator, reference_set: ReferenceSet | None, portrait: Portrait, motion: Motion
) -> FrameRenderer:
    from effigie.heads.inference.neural_renderer import NeuralRenderer

    neutral = motion.rest.blendshapes

    def find_blendshapes(index: int) -> np.ndarray:
        """(52,) the portrait's, changed as the driver's change."""
        return np.clip(portrait.blendshapes + motion.blendshapes[index] - neutral, 0, 1)

    return NeuralRenderer(generator, reference_set, find_blendshapes, float(motion.rate or 25))
