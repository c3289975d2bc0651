"""Scores of a clip, computed from the per-frame table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from effigie.evaluate.metrics import flicker, geometry, identity, sharpness
from effigie.evaluate.metrics.cut_stability import CutStabilityScores, compare_cut_stability
from effigie.evaluate.metrics.frechet import compare_distributions
from effigie.evaluate.metrics.gaze import EyeState, compare_eyes
from effigie.evaluate.metrics.identity import own_face_share
from effigie.evaluate.metrics.mimicry import compare_mimicry
from effigie.evaluate.metrics.occlusion_preservation import compare_occlusion
from effigie.evaluate.metrics.seam import SeamScores, compare_seam
from effigie.evaluate.metrics.skin_color import PLACES, worst_skin_difference
from effigie.evaluate.protocols.comparison import ClipComparison
from effigie.evaluate.protocols.face_comparison import MIMICRY, SKIN, FaceComparison
from effigie.evaluate.report.frames import FrameTable
from effigie.evaluate.report.scores import PresenceScores


def face_scores(
    comparison: ClipComparison,
    role: int,
    sources: Sequence[np.ndarray],
    crowd: Sequence[np.ndarray] | None,
    gallery: Sequence[np.ndarray] = (),
) -> dict[str, Any]:
    """The fields of :class:`~effigie.evaluate.report.scores.SwapScores` that are measured on pictures.

    Args:
        sources: (N, 128) embeddings of every role's source.
        crowd: faces of this role's source; None for no Fréchet distance.
        gallery: (N, 128) embeddings of each of many people.
    """
    face = comparison.faces[role]
    table = face.table
    embeddings = np.array(face.embeddings).reshape(-1, face.source.shape[1])
    moved = table.complete_rows("landmarks", "expression", "pose")
    openings = table.complete_rows("mouth_output", "mouth_input", "eyes_output", "eyes_input")
    return {
        "identity": _compare_identity(embeddings, face, gallery),
        "input_to_target": _mean(table.complete_rows("input_to_target")),
        "own_face_share": own_face_share(embeddings, sources, role) if len(sources) > 1 else None,
        "geometry": geometry.compare_geometry(moved[:, 0], openings[:, :2], openings[:, 2:]),
        "expression": _mean(moved[:, 1]),
        "pose": _mean(moved[:, 2]),
        "eyes": compare_eyes(*_eyes(table)),
        "mimicry": compare_mimicry(*np.hsplit(table.complete_rows(*MIMICRY), 2)),
        "skin_difference": worst_skin_difference(table.complete_rows(*SKIN).reshape(-1, len(PLACES), 3)),
        "frechet": None if crowd is None else compare_distributions(face.sampler.output, face.sampler.input, crowd),
        "sharpness": sharpness.compare_sharpness(table.complete_rows("sharpness_output", "sharpness_input")),
        "flicker": flicker.compare_flicker(table.complete_rows("flicker_output", "flicker_input")),
        "cut_stability": _settling(table),
        "seam": _seam(table) if comparison.masked else None,
        "occlusion": (
            compare_occlusion(table.complete_rows("in_front", "covered", "replaced", "bare"), comparison.masked)
            if comparison.has_covers
            else None
        ),
        "background_psnr": comparison.background.psnr,
        "background_psnr_luma": comparison.background_luma.psnr,
        "background_psnr_far": comparison.background_far.psnr,
        "background_ssim": _mean(comparison.table.complete_rows("ssim_outside")),
        "presence": _presence(comparison, face),
    }


def _compare_identity(
    embeddings: np.ndarray, face: FaceComparison, gallery: Sequence[np.ndarray]
) -> identity.IdentityScores:
    scores = identity.compare_identity(embeddings, face.source, face.target)
    if not gallery:
        return scores
    share, people = identity.retrieve(embeddings, face.source, gallery)
    return replace(scores, retrieval=share, gallery=people)


def _presence(comparison: ClipComparison, face: FaceComparison) -> PresenceScores:
    replaced = face.table["replaced_share"]
    swapped = replaced > 0
    return PresenceScores(
        frames=len(comparison.table),
        person=len(face.table),
        swapped=_mean(swapped) if comparison.masked else float("nan"),
        covered=_mean(replaced[swapped]),
        found=_mean(face.table["found"]),
    )


def _seam(table: FrameTable) -> SeamScores:
    whole = table.complete_rows("edge_output", "edge_input", "edge_pairs")
    even = table.complete_rows("seam_output", "seam_input", "seam_pairs")
    return compare_seam(even[:, :2] * even[:, 2:], even[:, 2], whole[:, :2] * whole[:, 2:], whole[:, 2])


def _settling(table: FrameTable) -> CutStabilityScores:
    starts, start_index = np.unique(table["start"], return_inverse=True)
    return compare_cut_stability(
        [int(start) for start in starts],
        table["since"],
        table.stack("colour_l", "colour_a", "colour_b"),
        table.stack("flicker_output", "flicker_input"),
        start_index,
    )


def _eyes(table: FrameTable) -> tuple[list[EyeState], list[EyeState], list[int]]:
    states = []
    for side in ("output", "input"):
        rows = table.complete_rows(f"eyes_{side}", f"gaze_x_{side}", f"gaze_y_{side}")
        states.append([EyeState(float(row[0]), row[1:]) for row in rows])
    return states[0], states[1], [0] * len(states[0])


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if np.size(values) else float("nan")
