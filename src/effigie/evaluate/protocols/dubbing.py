"""Measures a dubbed clip: whether the person is still the same, and whether the mouth does what was wanted."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.dubbing import DubbedMouth
from effigie.errors import UsageError
from effigie.evaluate.metrics import spoken_mouth
from effigie.evaluate.metrics.flicker import compare_flicker, compensated_differences
from effigie.evaluate.metrics.identity import centroid
from effigie.evaluate.metrics.regions import MaskFolder, face_interior, select_own_mask
from effigie.evaluate.metrics.seam import compare_seam, seam_steps
from effigie.evaluate.protocols.paired_reader import create_mark_function, crop_to_size, prepare_reference
from effigie.evaluate.protocols.person import TrackMatcher, find_overlapping_face
from effigie.evaluate.report.dub_table import DubScores
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import OUTER_LIPS, eye_distance, fit_pose
from effigie.faces.recognizer import IdentityModel
from effigie.faces.tracker import Tracker
from effigie.media import EncodeSettings, VideoReader, probe
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

IDENTITY_INTERVAL = 5  # frames
LIPS_GROWTH = 1.6  # of the lips' outline, beyond which is skin
# Of the lips: from which share on they are made in a frame, and no hand hides them; and the mask that is wholly made.
LEAST_LIPS, FULL_MASK = 0.9, 200


@dataclass
class _Series:
    """What is measured frame by frame."""

    output: list[np.ndarray] = field(default_factory=list)
    input: list[np.ndarray] = field(default_factory=list)
    flicker: list[tuple[float, float]] = field(default_factory=list)
    skin: list[tuple[float, float]] = field(default_factory=list)
    trembling: list[tuple[float, float]] = field(default_factory=list)
    even: list[tuple[float, float]] = field(default_factory=list)
    whole: list[tuple[float, float]] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)
    all_pairs: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    lips: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Pair:
    """A frame of output and input, and the input encoded as the output was."""

    output: Image
    original: Image
    encoded: Image
    mask: np.ndarray
    seconds: float


def evaluate_dub(
    output_clip: str | Path,
    input_clip: str | Path,
    masks: str | Path,
    mouth: DubbedMouth,
    *,
    encode: EncodeSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> DubScores:
    """Measure a dub against the clip it was made from; landmarks are measured afresh on both, without smoothing.

    Args:
        output_clip: what ``dub`` wrote, a video without fields.
        input_clip: what it was given.
        masks: the folder that ``dub`` wrote with ``masks``.
        mouth: of its report.
        encode: how the output was encoded.

    Raises:
        UsageError: the clips or masks do not belong together.
        MediaError: a clip cannot be read.
        CancelledError: asked to stop.
    """
    cancel, info = cancel or CancelToken(), probe(input_clip)
    size = (info.height, info.width)
    folder, identity, series = MaskFolder(masks, size), IdentityModel(), _Series()
    trackers = Tracker(), Tracker()
    with contextlib.ExitStack() as stack:
        space = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="effigie-")))
        encoded = space / f"input{Path(output_clip).suffix.lower()}"
        mark = create_mark_function(output_clip, info.path, folder)
        matcher = TrackMatcher(identity)
        prepare_reference(
            info, matcher, Tracker(), encoded, mark, encode or EncodeSettings(), progress, cancel, len(mouth.gaps)
        )
        previous: tuple[_Pair, Landmarks] | None = None
        paths = Path(output_clip), info.path, encoded
        readers = [stack.enter_context(VideoReader(path, native=path == info.path)) for path in paths]
        triples = islice(zip(*readers, strict=False), len(mouth.gaps))
        for index, (output, original, reference) in enumerate(triples):
            cancel.check()
            pictures = crop_to_size(output, size, output_clip), mark(original), crop_to_size(reference, size, encoded)
            pair = _Pair(*pictures, folder[index], float(original.time - info.clock_origin))
            progress(Progress("compare", index + 1, len(mouth.gaps), "frames"))
            landmarks = _find_faces(trackers, pair)
            if landmarks is None:
                previous = None
                continue
            _measure(series, index, pair, landmarks, previous, identity)
            previous = pair, landmarks[0]
    if not series.numbers:
        raise UsageError(f"nobody's mouth was made in {output_clip}: is it the dub of {input_clip}?")
    return _sum_up(series, mouth, Path(output_clip).stem)


def _find_faces(trackers: tuple[Tracker, Tracker], pair: _Pair) -> tuple[Landmarks, Landmarks] | None:
    """Landmarks of the dubbed face in input and output; None where no mouth was made, or no face is found."""
    input_faces, output_faces = trackers[0](pair.original), trackers[1](pair.output)
    rated = [
        (_cover_lips(face.landmark_result.landmarks, pair.mask, 0), index) for index, face in enumerate(input_faces)
    ]
    most, best = max(rated, default=(0.0, -1))
    if not most:
        return None
    input_face = input_faces[best]
    match = find_overlapping_face(output_faces, input_face)
    return None if match is None else (input_face.landmark_result.landmarks, match.landmark_result.landmarks)


def _cover_lips(landmarks: Landmarks, mask: np.ndarray, level: int) -> float:
    """Share of the lips' outline in which a mask is above a level."""
    lips = polygon_mask(landmarks[OUTER_LIPS, :2].astype(np.float32), *mask.shape) > 0.5
    return float((mask[lips] > level).mean()) if lips.any() else 0.0


def _measure(
    series: _Series,
    index: int,
    pair: _Pair,
    landmarks: tuple[Landmarks, Landmarks],
    previous: tuple[_Pair, Landmarks] | None,
    identity: IdentityModel,
) -> None:
    input_landmarks, output_landmarks = landmarks
    if index % IDENTITY_INTERVAL == 0:
        series.output.append(identity.embed(pair.output, output_landmarks))
        series.input.append(identity.embed(pair.original, input_landmarks))
    series.numbers.append(index)
    series.times.append(pair.seconds)
    series.lips.append(_cover_lips(input_landmarks, pair.mask, FULL_MASK))
    series.gaps.append(
        float(spoken_mouth.measure_mouth(fit_pose(output_landmarks).to_canonical(output_landmarks)[None])[0, 0])
    )
    if previous is not None:
        previous_pair, previous_landmarks = previous
        pictures = (previous_pair.output, pair.output), (previous_pair.original, pair.original)
        insides = next(_insides(previous_pair, previous_landmarks)), next(_insides(pair, input_landmarks))
        moved = [compensated_differences(one, one, insides) for one in pictures]
        if moved[0] is not None and moved[1] is not None:
            series.trembling.append((moved[0][0], moved[1][0]))
        regions = zip(_insides(previous_pair, previous_landmarks), _insides(pair, input_landmarks), strict=True)
        for levels, insides in zip((series.flicker, series.skin), regions, strict=True):
            if (level := compensated_differences(*pictures, insides)) is not None:
                levels.append(level)
    steps = seam_steps(
        pair.output, pair.encoded, select_own_mask(input_landmarks, pair.mask), eye_distance(input_landmarks)
    )
    if steps is not None:
        series.even.append(steps.even)
        series.whole.append(steps.whole)
        series.pairs.append(steps.pairs)
        series.all_pairs.append(steps.all_pairs)


def _insides(pair: _Pair, landmarks: Landmarks) -> Iterator[np.ndarray]:
    """(H, W) bool: the face; and of it the changed skin beside the lips."""
    face = face_interior(landmarks, pair.mask.shape, None)
    yield face
    lips = landmarks[OUTER_LIPS, :2]
    grown = (lips.mean(0) + LIPS_GROWTH * (lips - lips.mean(0))).astype(np.float32)
    mouth = polygon_mask(cv2.convexHull(grown)[:, 0], *pair.mask.shape) > 0
    yield face & (pair.mask > 0) & ~mouth


def _sum_up(series: _Series, mouth: DubbedMouth, name: str) -> DubScores:
    person = centroid(np.stack(series.input))
    numbers, times, gaps = np.array(series.numbers), np.array(series.times), np.array(series.gaps)
    is_covered = np.array(series.lips) > LEAST_LIPS
    target_gaps = mouth.gaps[numbers]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    spans = [_find_pictures(span, times) for span in mouth.bilabials if times[0] <= span[0] <= times[-1]]
    closures = [(first, last) for first, last in spans if is_covered[first : last + 1].all()]
    pair = gaps[is_covered], target_gaps[is_covered]
    levels = series.flicker, series.skin, series.trembling
    flicker, skin, trembling = (compare_flicker(np.array(one)) for one in levels)
    seam = compare_seam(*(np.array(one) for one in (series.even, series.pairs, series.whole, series.all_pairs)))
    return DubScores(
        name=name,
        frames=len(numbers),
        identity=float((np.stack(series.output) @ person).mean()),
        own_identity=float((np.stack(series.input) @ person).mean()),
        flicker=flicker.ratio,
        skin_flicker=skin.ratio,
        trembling=trembling.ratio,
        seam=seam.ratio,
        gap_correlation=float(np.corrcoef(*pair)[0, 1]) if is_covered.sum() > 2 else float("nan"),
        gap_size=float(pair[0].std() / max(float(pair[1].std()), 1e-9)),
        closures=len(closures),
        shut=int(spoken_mouth.share_shut(gaps, closures, step).sum()),
        lag_s=spoken_mouth.find_lag(*pair, step),
    )


def _find_pictures(span: tuple[float, float], times: np.ndarray) -> tuple[int, int]:
    """First and last picture of a closure; at least the nearest to its middle."""
    middle = int(np.abs(times - (span[0] + span[1]) / 2).argmin())
    inside = np.flatnonzero((times >= span[0]) & (times <= span[1]))
    return (int(inside[0]), int(inside[-1])) if len(inside) else (middle, middle)
