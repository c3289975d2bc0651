"""Whoever is animated: the picture that moves, what the gate allowed, and who paints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.consent.gate import ConsentLike, Permit, permit
from effigie.consent.intimate import check_images
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.framing import framed
from effigie.heads.inference.portrait import Portrait, read_portraits, shown
from effigie.heads.inference.renderer import Geometry, Painter
from effigie.heads.motion.motion import Motion
from effigie.progress import Cancel, ProgressCallback, silent


@dataclass(frozen=True)
class Sitter:
    """Who is animated.

    Attributes:
        portrait: framed as the output is.
        permit: to animate this person.
        painter: the motion they will make -> who makes the frames.
        path: of the portrait, or of the person's model.
        model_hash: SHA-256 of the manifest of the model that paints; None where there is none.
    """

    portrait: Portrait
    permit: Permit
    painter: Callable[[Motion], Painter]
    path: Path
    model_hash: str | None = None


def seat(
    path: Path,
    settings: AnimateSettings,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> Sitter:
    """Read whoever is to be animated and ask the gate.

    Raises:
        RefusedError: no valid consent, or the portrait is intimate.
        MediaError, UsageError, FaceSetError: as :func:`effigie.heads.inference.portrait.read_portraits`.
        ModelError: a model cannot be used.
    """
    from effigie.heads.person_checkpoint import is_person

    if is_person(path):
        return _tuned(path, settings, consent, project)
    (best,) = read_portraits(path, settings.who, most=1, progress=progress, cancel=cancel)
    allowed = permit("animate", shown([best]), consent, project=project)
    check_images([best.image], best.name)
    if settings.paint == "geometry":
        return Sitter(_framed(best, settings), allowed, lambda motion: Geometry(), path)
    return _untuned(best, allowed, path, settings)


def _untuned(portrait: Portrait, allowed: Permit, path: Path, settings: AnimateSettings) -> Sitter:
    """One portrait, painted by a meta-learned model as it is (the paper's feed-forward variant)."""
    import torch

    from effigie.heads.checkpoint import load_heads
    from effigie.heads.finetune.reference_set import resized
    from effigie.heads.finetune.task import embedding_of
    from effigie.heads.inference.neural_renderer import FaceMaker, NetworkPainter
    from effigie.heads.person_checkpoint import shot_of

    model = load_heads(settings.heads)
    size = model.preset.size
    with torch.no_grad():
        embedding = embedding_of(model, [resized(shot_of(portrait, 2 * size), size)])
        psi = model.networks.generator.parameters_for(embedding[None])

    maker = FaceMaker(model.networks.generator, psi, settings.device)

    def painter(motion: Motion) -> Painter:
        return NetworkPainter(maker, None, _shown_by(portrait, motion), float(motion.rate or 25))

    return Sitter(_framed(portrait, settings), allowed, painter, path, model.manifest_sha256)


def _tuned(path: Path, settings: AnimateSettings, consent: ConsentLike, project: str | None) -> Sitter:
    """A person's own model."""
    from effigie.heads.finetune.reference_set import Album
    from effigie.heads.inference.neural_renderer import FaceMaker, NetworkPainter
    from effigie.heads.person_checkpoint import load_person

    person = load_person(path, consent=consent, project=project)

    def painter(motion: Motion) -> Painter:
        if settings.paint == "geometry":
            return Geometry()
        several = len(person.shots) > 1
        album = Album(person.shots, 2 * person.preset.size) if several else None
        maker = FaceMaker(person.generator, person.psi, settings.device)
        return NetworkPainter(maker, album, _shown_by(person.portrait, motion), float(motion.rate or 25))

    return Sitter(_framed(person.portrait, settings), person.permit, painter, path, person.manifest_sha256)


def _framed(portrait: Portrait, settings: AnimateSettings) -> Portrait:
    return framed(portrait, settings.paste, settings.size)


def _shown_by(portrait: Portrait, motion: Motion) -> Callable[[int], np.ndarray]:
    """Frame number -> (52,) the portrait's blendshapes, changed as the driver's change."""
    neutral = motion.blendshapes[motion.neutral]

    def shown(index: int) -> np.ndarray:
        return np.clip(portrait.blendshapes + motion.blendshapes[index] - neutral, 0, 1)

    return shown
