"""Row: how strongly portraits do what their drivers do, and what becomes of neck and shoulders when a driver rises."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from effigie.consent import new_consent
from effigie.evaluate.metrics.driven import DrivenScores, compare_driven
from effigie.evaluate.report.figures import Figure
from effigie.faces.mesh import fit_pose
from effigie.faceset.plots.drawing import write_png
from effigie.heads import AnimateSettings
from effigie.heads.config import RENDERERS
from effigie.heads.inference.animation import animate
from effigie.heads.inference.portrait import Portrait, read_portraits
from effigie.heads.motion.controls import Controls
from effigie.heads.motion.motion import Motion, read_motion
from effigie.heads.motion.retarget import Retargeter
from effigie.heads.warp.scene import PortraitWarp
from effigie.progress import Progress
from effigie.provenance import TrustSettings

CONSENT = ".consent.json"
DRIVER_FRAMES = 150  # at most
MAX_STILLS = 2
RISE_CM = 22.0  # a head's height
NECK_CM, SHOULDER_CM = 8.0, 7.0  # from chin to collar; of the points on either shoulder from the middle
LOW, HIGH, MOST_CHANGE = 0.85, 1.15, 5.0  # bounds of gains; % of the neck's length and the shoulders' width


def driven(context: RowContext) -> RowResult:
    """Every film drives everybody else who is held out: smile, opening, brows and yaw of what ``animate`` writes."""
    material = context.material.heads()
    films, stills = material.held_out_films, material.held_out_stills
    frames = 40 if context.quick else DRIVER_FRAMES
    motions = {film: read_motion(film, max_frames=frames, cancel=context.cancel) for film in films}
    people = [_portrait(context, film, number) for number, film in enumerate((*films, *stills[:MAX_STILLS]))]
    figures, details = [], {}
    for renderer in RENDERERS:
        found = {}
        for number, (name, path, source) in enumerate(people):
            context.progress(Progress(renderer, number, len(people), "portraits"))
            for film, motion in motions.items():
                if film != source:
                    found[f"{name} as {film.stem}"] = _drive(context, path, film, motion, renderer)
        figures += _strength_figures(renderer, found)
        details[renderer] = {pair: _to_json(scores) for pair, scores in found.items()}
    motion = next(iter(motions.values()))
    for name, path, _ in people:
        (portrait,) = read_portraits(path)
        neck, shoulders = measure_rise(portrait, motion)
        figures += [
            Figure(f"{name}, driver rises by a head: neck's length changes by", neck, "%", at_most=MOST_CHANGE),
            Figure(f"{name}, driver rises by a head: shoulders' width by", shoulders, "%", at_most=MOST_CHANGE),
        ]
    notes = [
        f"up to {frames} frames of every film; gains where the driver moves enough to tell, read by effigie's own "
        "landmark network, which animate uses to set them as well",
        f"lengths over a neck of {NECK_CM:g} cm and shoulders {2 * SHOULDER_CM:g} cm apart, at most over the clip",
    ]
    return RowResult("Strength of driven portraits", figures, notes=notes, details=details)


def _portrait(context: RowContext, source: Path, number: int) -> tuple[str, Path, Path]:
    """Name, picture and source of a person to be driven: of a film, its calmest frame."""
    (portrait,) = read_portraits(source)
    path = context.work / "driven" / f"portrait-{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, portrait.image)
    record = new_consent("somebody held out", [path], ("animate",), basis="terms of the benchmark's material")
    record.save(path.with_suffix(CONSENT), replace=True)
    return source.stem, path, source


def _drive(context: RowContext, portrait: Path, film: Path, motion: Motion, renderer: str) -> DrivenScores:
    """Scores of one animation."""
    output = context.work / "driven" / "output.mp4"
    settings = AnimateSettings(
        renderer="network" if renderer == "network" else "geometry",
        max_frames=len(motion),
        trust=TrustSettings(watermark=False),
    )
    animate(portrait, film, output, settings, consent=portrait.with_suffix(CONSENT), cancel=context.cancel)
    scores = compare_driven(read_motion(output, cancel=context.cancel), motion)
    output.unlink()
    return scores


def _strength_figures(renderer: str, found: dict[str, DrivenScores]) -> list[Figure]:
    figures = []
    for movement in ("smile", "opening"):
        gains = [gain for scores in found.values() if not math.isnan(gain := getattr(scores, movement).gain)]
        low, high = (min(gains), max(gains)) if gains else (math.nan, math.nan)
        figures.append(Figure(f"{renderer}: gain of the {movement}, least", low, at_least=LOW))
        figures.append(Figure(f"{renderer}: gain of the {movement}, most", high, at_most=HIGH))
    turns = [turn for scores in found.values() if not math.isnan(turn := scores.yaw.correlation)]
    figures.append(Figure(f"{renderer}: correlation of yaw, least", min(turns, default=math.nan)))
    return figures


def _to_json(scores: DrivenScores) -> dict[str, float]:
    return {
        f"{name} {kind}": getattr(getattr(scores, name), kind)
        for name in ("smile", "opening", "brows", "yaw")
        for kind in ("gain", "correlation")
    }


def measure_rise(portrait: Portrait, motion: Motion) -> tuple[float, float]:
    """Most change of neck and shoulders, %, while a driver whose face stands still rises by a head.

    Args:
        portrait: whole, not framed.
        motion: of any driver; only its times and neutral frame count.
    """
    calm, count = motion.neutral_frame, 24
    rest = [calm] * count
    rise = np.linspace(0, RISE_CM, count)[:, None] * motion.scale[calm] * np.array([0.0, -1.0, 0.0])
    risen = replace(
        motion,
        times=tuple(motion.times[0] + index * (motion.times[-1] - motion.times[0]) / count for index in range(count)),
        durations=(None,) * count,
        present=np.ones(count, bool),
        rotation=motion.rotation[rest],
        scale=motion.scale[rest],
        translation=motion.translation[rest] + rise,
        unposed=motion.unposed[rest],
        blendshapes=motion.blendshapes[rest],
        neutral_frame=0,
    )
    landmarks, (height, width) = portrait.landmarks.astype(np.float64), portrait.image.shape[:2]
    warp = PortraitWarp(portrait.image, landmarks, still_background=True)
    retarget = Retargeter(landmarks, risen, Controls(ease=0), (width, height))
    scale, chin = fit_pose(landmarks).scale, landmarks[152, :2]
    low = height - 3.0
    collar = np.array([chin[0], min(chin[1] + NECK_CM / 2 * scale, low)])
    aside, row = SHOULDER_CM * scale, min(chin[1] + NECK_CM * scale, low)
    points = (collar, np.array([chin[0] - aside, row]), np.array([chin[0] + aside, row]))
    neck, shoulders = [], []
    for index in range(count):
        target = retarget(index).astype(np.float64)
        field = warp.render(target).field
        places = [_place(field, point) for point in points]
        moved = target[152, :2] - chin
        neck.append(float(np.linalg.norm(places[0] - collar - moved)) / (NECK_CM * scale))
        shoulders.append(abs(float(places[2][0] - places[1][0]) / (2 * aside) - 1))
    return 100 * float(np.nanmax(neck)), 100 * float(np.nanmax(shoulders))


def _place(field: np.ndarray, point: np.ndarray) -> np.ndarray:
    """(2,) px where a point of the portrait is shown; NaN where it is not."""
    distance = np.hypot(*np.moveaxis(field - point, -1, 0))
    y, x = np.unravel_index(np.argmin(distance), distance.shape)
    return np.array([x, y], np.float64) if distance[y, x] < 2 else np.full(2, np.nan)
