"""Watermark detector for frames, clips and stills.

The frame's pattern is read first, as it lies where nothing was cut; then those of the faces, alone and together with
it; then the frame's at other scales and shifts; and at last all of this in what may be a picture in the picture.

Ids that are known beforehand (:mod:`effigie.provenance.watermark.known_marks`) are looked for last. What is believed:
:mod:`effigie.provenance.watermark.belief`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.progress import CancelToken
from effigie.provenance.watermark.anchored_search import AnchoredPose, AnchoredSearch
from effigie.provenance.watermark.belief import (
    FEW_FACE_POSES,
    INSET,
    MAX_FACE_POSES,
    MAX_FACES,
    MAX_INSETS,
    MAX_POSES,
    WHOLE,
    Look,
)
from effigie.provenance.watermark.edits import describe_edits, find_frame_edit
from effigie.provenance.watermark.face_patch import find_anchors, gather_with_keys
from effigie.provenance.watermark.frames import sample_luma
from effigie.provenance.watermark.geometry import PatternPose, PatternSearch
from effigie.provenance.watermark.inset import find_insets
from effigie.provenance.watermark.known_marks import KnownMark, find_known
from effigie.provenance.watermark.payload import SYMBOL_COUNT, decode, normalize
from effigie.provenance.watermark.residual import ResidualAccumulator

HOPEFUL_AGREEMENT = 9.5
"""Of a word that was read too faintly to be believed, but whose pose is worth another look with all its symbols."""
FACE_FRAMES, FACE_LINES = 48, 720
"""Frames in which faces are looked for, and the shorter side of what is kept of them."""
SOME_FRAMES = 4
"""One in so many of these is looked at first, and then all."""


@dataclass(frozen=True, eq=False)
class DetectedMark:
    """A detected watermark.

    Attributes:
        id: the 48 bits.
        confidence: 1 less the probability that an unmarked clip agrees as well, 0 to 1.
        agreement: of the codeword with the evidence, in standard deviations of chance.
        symbols: the codeword, (SYMBOL_COUNT,) of -1 and 1.
        pose: how the frame's pattern lies; 1, 1, 0, 0 unless the picture was cropped. None where it was not needed.
        face_pose: how the face's pattern lies; None where it was not needed.
        edits: what was done to the picture, in words, as far as the patterns tell.
        is_known: it was found among ids known beforehand, and is too faint to be read without them.
    """

    id: int
    confidence: float
    agreement: float
    symbols: NDArray[np.float32] = field(repr=False)
    pose: PatternPose | None
    face_pose: AnchoredPose | None = None
    edits: tuple[str, ...] = ()
    is_known: bool = False

    @property
    def hex(self) -> str:
        """The id as 12 hexadecimal digits."""
        return f"{self.id:012x}"


def detect(
    frames: Iterable[NDArray[np.uint8]], cancel: CancelToken | None = None, known_marks: Iterable[tuple[int, int]] = ()
) -> DetectedMark | None:
    """The mark in frames of one clip, or None.

    Args:
        frames: (H, W, 3) uint8 RGB or (H, W) luma, all of one size; others are passed over. Thirty or more are
            better than one, those far apart better than neighbours.
        known_marks: id and free bits of marks that are looked for where none can be read, see
            :mod:`~effigie.provenance.watermark.known_marks`.
    """
    return _detect(((frame, number == 0) for number, frame in enumerate(frames)), cancel, known_marks)


def detect_file(
    path: str | Path,
    seconds: float = 60.0,
    cancel: CancelToken | None = None,
    known_marks: Iterable[tuple[int, int]] = (),
) -> DetectedMark | None:
    """The mark in a clip or still, or None.

    Args:
        path: anything :class:`effigie.media.VideoReader` reads.
        seconds: how far into a clip to look; frames are taken from all over this part.
        known_marks: as for :func:`detect`.
    """
    return _detect(sample_luma(Path(path), seconds), cancel, known_marks)


def _detect(
    frames: Iterable[tuple[NDArray[np.uint8], bool]], cancel: CancelToken | None, known_marks: Iterable[tuple[int, int]]
) -> DetectedMark | None:
    store = _FrameStore()
    whole = _look(_check(frames, cancel), store, WHOLE, cancel)
    if whole is None or isinstance(whole, DetectedMark):
        return whole
    pictures = [luma for luma, _ in store.frames]
    for inset in find_insets(pictures, MAX_INSETS):
        cuts = ((inset.cut(luma), key) for luma, key in store.frames)
        mark = _look(_check(cuts, cancel), _FrameStore(), INSET, cancel)
        if isinstance(mark, DetectedMark):
            place = inset.describe(*pictures[0].shape[::-1])
            return replace(mark, edits=(place, *mark.edits))
    return _convert_match(find_known(known_marks, whole.upright, whole.faces), whole.residual)


@dataclass(frozen=True, eq=False)
class _Unread:
    """What was measured in pictures in which nothing can be read: evidence, searches of faces, residual."""

    upright: NDArray[np.float32]
    faces: list[AnchoredSearch]
    residual: NDArray[np.float32]


def _check(
    frames: Iterable[tuple[NDArray[np.uint8], bool]], cancel: CancelToken | None
) -> Iterator[tuple[NDArray[np.uint8], bool]]:
    """Luma of the frames, until cancelled."""
    for frame, key in frames:
        if cancel is not None:
            cancel.check()
        yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame, np.uint8), key


def _look(
    frames: Iterable[tuple[NDArray[np.uint8], bool]], store: _FrameStore, look: Look, cancel: CancelToken | None
) -> DetectedMark | _Unread | None:
    """What is read in pictures of one size, some of which are kept; None if there are none."""
    total, keys = ResidualAccumulator(), ResidualAccumulator()
    for luma, key in frames:
        if total.add(luma):
            store.add(luma, key)
            if key:
                keys.add(luma)
    if not total.frames:
        return None
    # What an encoder says in a key frame it blurs and repeats in those behind: both count, separately.
    parts = [total, keys] if 0 < keys.frames < total.frames else [total]
    with ThreadPoolExecutor(len(parts)) as pool:
        searches = list(pool.map(lambda part: PatternSearch(part.residual()), parts))
    upright = _sum([search.evidence(PatternPose()) for search in searches])
    mark = _decode(upright, PatternPose(), look)
    if mark is not None:
        return mark
    faces: list[AnchoredSearch] = []
    # Some of the frames are enough of a clip that was hardly changed, and looked at in a third of the time.
    stages = ((SOME_FRAMES, FEW_FACE_POSES), (1, MAX_FACE_POSES))
    for step, poses in stages if len(store.frames) > 1 else stages[1:]:
        faces = _search_faces(store.frames[::step], cancel)
        mark = _read_faces(faces, poses, upright, searches[0].residual, look, cancel)
        if mark is not None:
            return mark
    for pose in searches[0].find_candidates(MAX_POSES):
        if cancel is not None:
            cancel.check()
        mark = _decode(_sum([search.evidence(pose) for search in searches])[:SYMBOL_COUNT], pose, look)
        if mark is not None:
            return replace(mark, edits=describe_edits(pose, None, None))
    return _Unread(upright, faces, searches[0].residual)


def _search_faces(frames: list[tuple[NDArray[np.uint8], bool]], cancel: CancelToken | None) -> list[AnchoredSearch]:
    """Of the faces that are seen most."""
    pictures, keys = [luma for luma, _ in frames], [key for _, key in frames]
    searches = []
    for patch, of_keys in gather_with_keys(pictures, find_anchors(pictures), keys)[:MAX_FACES]:
        if cancel is not None:
            cancel.check()
        searches.append(AnchoredSearch(patch.residual(), None if of_keys is None else of_keys.residual()))
    return searches


def _read_faces(
    faces: list[AnchoredSearch],
    poses: int,
    upright: NDArray[np.float32],
    residual: NDArray[np.float32],
    look: Look,
    cancel: CancelToken | None,
) -> DetectedMark | None:
    """What is written around faces, by itself or together with what the frame says if it was not cropped."""
    for search in faces:
        if cancel is not None:
            cancel.check()
        for pose in search.find_candidates(poses):
            face_mark = _decode_face(search, pose, None, look)
            if face_mark is not None:
                mirrored = face_mark.face_pose is not None and face_mark.face_pose.mirrored
                edit = find_frame_edit(residual, face_mark.symbols, mirrored)
                return replace(face_mark, edits=describe_edits(None, face_mark.face_pose, edit))
            joint_mark = _decode_face(search, pose, upright, look)
            if joint_mark is not None:
                return joint_mark
    return None


def _decode_face(
    search: AnchoredSearch, pose: AnchoredPose, upright: NDArray[np.float32] | None, look: Look
) -> DetectedMark | None:
    """What is written at a pose; what is read there, but too faintly, is looked for again around it as a whole."""
    frame_pose = None if upright is None else PatternPose()
    word = _decode_best(_join(search.evidence(pose), upright), frame_pose, pose, look)
    if word is None or word.agreement < HOPEFUL_AGREEMENT:
        return None
    if word.agreement < look.least_at_face:
        refined = search.refine(pose, word.symbols)
        agreement = _agree(_join(search.evidence(refined), upright), word.symbols)
        if agreement < look.least_at_face:
            return None
        confidence = look.confide(agreement, True)
        word = replace(word, agreement=agreement, confidence=confidence, face_pose=refined)
    return word


def _convert_match(match: KnownMark | None, residual: NDArray[np.float32]) -> DetectedMark | None:
    """A known mark as one that was read."""
    if match is None:
        return None
    pose = match.face_pose
    edit = find_frame_edit(residual, match.symbols, pose is not None and pose.mirrored)
    edits = describe_edits(None, pose, edit)
    frame_pose = PatternPose() if pose is None else None
    return DetectedMark(match.id, 1 - match.chance, match.agreement, match.symbols, frame_pose, pose, edits, True)


class _FrameStore:
    """Some of the frames, not too large, from all over the clip."""

    def __init__(self) -> None:
        self.frames: list[tuple[NDArray[np.uint8], bool]] = []  # luma, and whether it is a key frame
        self._count, self._step = 0, 1

    def add(self, luma: NDArray[np.uint8], key: bool) -> None:
        if self._count % self._step == 0:
            shrink = FACE_LINES / min(luma.shape)
            if shrink < 1:
                luma = np.asarray(cv2.resize(luma, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
            self.frames.append((luma, key))
        self._count += 1
        if len(self.frames) > FACE_FRAMES:
            self.frames, self._step = self.frames[::2], 2 * self._step


def _sum(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The sum of evidence of several kinds, each counting alike."""
    return np.asarray(np.sum([normalize(part) for part in parts], axis=0), np.float32)


def _join(face: NDArray[np.float32], frame: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """A face's evidence; with the frame's, that of both, followed by that of the known symbols of either."""
    if frame is None:
        return face
    face, frame = normalize(face), normalize(frame)
    symbols = face[:SYMBOL_COUNT] + frame[:SYMBOL_COUNT]
    return np.concatenate([symbols, face[SYMBOL_COUNT:], frame[SYMBOL_COUNT:]])


def _decode(evidence: NDArray[np.float32], pose: PatternPose, look: Look) -> DetectedMark | None:
    """What the frame's pattern says at a pose, if it is believed."""
    mark = _decode_best(evidence, pose, None, look)
    return None if mark is None or mark.agreement < look.least else mark


def _decode_best(
    evidence: NDArray[np.float32], pose: PatternPose | None, face_pose: AnchoredPose | None, look: Look
) -> DetectedMark | None:
    """What is most likely written at a pose, however unlikely.

    Args:
        evidence: of the code symbols, followed by that of the known ones that bear witness.
    """
    word = decode(evidence[:SYMBOL_COUNT])
    if word is None:
        return None
    output_id, symbols = word
    agreement = _agree(evidence, symbols)
    confidence = look.confide(agreement, face_pose is not None)
    return DetectedMark(output_id, confidence, agreement, symbols, pose, face_pose)


def _agree(evidence: NDArray[np.float32], symbols: NDArray[np.float32]) -> float:
    """Of a codeword with evidence, in standard deviations of chance."""
    agreeing = float(symbols @ evidence[:SYMBOL_COUNT]) + float(np.sum(evidence[SYMBOL_COUNT:]))
    return agreeing / max(float(np.linalg.norm(evidence)), 1e-12)
