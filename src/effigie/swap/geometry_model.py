"""A swap without training: the source's frames, both people's face profiles, and nothing to be learned.

The model folder is that of :func:`effigie.swap.train` before its first weights: conversion makes faces by geometry
alone, and training continues it.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from effigie.consent.face_matching import SubjectFaces
from effigie.consent.gate import ConsentLike, permit
from effigie.io.locks import with_output_lock
from effigie.media import Frame
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.swap.checkpoint import load_config, match_stored_preset, save_config
from effigie.swap.config import SwapSettings
from effigie.swap.person_frames import load_person_frames
from effigie.swap.presets import get_preset
from effigie.swap.target_profile import measure_profile
from effigie.swap.trainer import build_bank, save_source
from effigie.training.model_folder import check_output


@with_output_lock("output")
def build_swap(
    source: str | Path,
    clip: str | Path,
    output: str | Path,
    settings: SwapSettings | None = None,
    *,
    person: int = 0,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Frame:
    """Build a model that swaps by geometry alone.

    Args:
        source: face set of the person whose face will be shown; one face is enough.
        clip: footage of the target, of whom a few frames are measured.
        output: the model's folder.
        settings: ``preset``, ``bank`` and ``source_person`` count.
        person: which face of the clip, by size (0 = the largest).

    Returns:
        The sampled frame that is the best portrait of the target, for a preview: frontal, calm, nothing in front.

    Raises:
        RefusedError: no valid consent for the source's face.
        FaceSetError: missing, or several people and none chosen.
        ModelError: ``output`` holds another model.
        MediaError: the clip cannot be read, or shows no face, or not so many.
        CancelledError: asked to stop.
    """
    settings, output, cancel = settings or SwapSettings(), Path(output), cancel or CancelToken()
    size = match_stored_preset(output, get_preset(settings.preset))
    check_output(output, load_config, {"prior": True, "preset": asdict(size)}, "another preset or prior")
    footage = load_person_frames(str(source), "source", settings.source_person, 0.0, min_faces=1)
    permission = permit("swap", SubjectFaces.from_faces(footage.faces), consent, purpose=purpose)
    _, rows = build_bank(footage, settings.bank)
    target, frame = measure_profile(clip, person, progress, cancel)
    save_config(output, size, True, footage.person, target)
    save_source(output, source, footage, rows, permission, progress)
    return frame
