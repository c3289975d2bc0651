"""`effigie.review`: finds faces that harm training, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from effigie.faceset import Faces, FaceSet
from effigie.faceset.review.appearance import CropAppearance, find_duplicates, measure_appearance
from effigie.faceset.review.coverage import CoverageGap, UnseenAspect, describe_unseen, find_gaps, find_unseen
from effigie.faceset.review.sheet import draw_review_sheet
from effigie.io.stored_names import STORED_NAME, to_stored
from effigie.prior.frame_bank import FaceGeometry, estimate_occlusion, estimate_profile
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

COLUMNS = (
    *("clip", "frame", "track", "cluster", "sharpness", "confidence"),
    *("landmarks", "matrix", "blendshapes", "embedding"),
)
MIN_CONFIDENCE = 0.5  # confidence below which the landmarks may lie anywhere
MIN_RELATIVE_SHARPNESS = 0.3  # times the person's median sharpness
MIN_BRIGHTNESS, MAX_BRIGHTNESS = 35, 225  # mean grey level of the face
MAX_CLIPPED_SHARE = 0.3  # share of a face that is black or white
# Share that looks like no other frame; a hand gives 0.1 to 0.3, a smile among calm faces up to 0.08.
MAX_OCCLUDED_SHARE = 0.1
MAX_DROP_SHARE = 0.5  # of the faces, for one reason: where more have the fault, it is how the footage is
OCCLUSION_BATCH = 1500  # faces that are looked at for covers at once, 50 KB each
MIN_BATCH = 24  # of fewer, what is usual cannot be told


@dataclass(frozen=True)
class Finding:
    """Faces with the same fault."""

    kind: str  # the fault, in a word or two
    explanation: str = field(metadata={STORED_NAME: "why"})  # a sentence for the reader
    names: tuple[str, ...]  # of the faces, ``clip:frame:track``, in order
    drop: bool = True  # whether they are proposed for dropping


@dataclass
class Review:
    """Result of a review of a face set."""

    path: Path  # of the set
    faces: int  # looked at
    findings: list[Finding] = field(default_factory=list)  # those there are, gravest first
    unseen: list[UnseenAspect] = field(default_factory=list)  # of everyday talk, what the person is never seen to do
    # Poses and expressions of the target that this source does not cover; empty without a target.
    gaps: list[CoverageGap] = field(default_factory=list, metadata={STORED_NAME: "lacks"})
    # Share of the target's frames that are affected by any gap; None without a target.
    affected: float | None = field(default=None, metadata={STORED_NAME: "suffering"})
    sheet: Path | None = None  # the picture, if one was drawn

    @property
    def proposed_drops(self) -> tuple[str, ...]:
        """Names of all faces that are proposed for dropping, each once; for :func:`effigie.faceset.drop`."""
        return tuple(dict.fromkeys(name for one in self.findings if one.drop for name in one.names))

    @property
    def advice(self) -> tuple[str, ...]:
        """What no frame of the set shows, in sentences: of everyday talk, and of the target's footage."""
        lines = [str(gap) for gap in self.gaps]
        if unseen := describe_unseen(self.unseen, "this person"):
            lines.insert(0, f"{unseen}: what footage asks of it will be made up")
        if self.affected is not None:
            lines.append(f"{100 * self.affected:.0f} % of the target's frames ask for something this set never shows")
        return tuple(lines)

    def to_json(self) -> dict[str, Any]:
        return to_stored(self) | {"path": str(self.path), "sheet": self.sheet and str(self.sheet)}


def review(
    faces: FaceSet | str | Path,
    target: FaceSet | str | Path | None = None,
    output: str | Path | None = None,
    person: int = 0,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Review:
    """Review a face set before training on it. Nothing is dropped; see :attr:`Review.proposed_drops`.

    Args:
        faces: a face set or its folder.
        target: footage that this person's face is to be put into: says what of it the set does not show.
        output: a PNG that shows some faces of every finding.
        person: the person that the set is of, by number (0 = most faces); everybody else is a stranger in it.
    """
    faceset = FaceSet.from_path(faces)
    loaded = faceset.load(COLUMNS)
    result = Review(faceset.path, len(loaded))
    appearance = measure_appearance(loaded, progress, cancel)
    for kind, reason, is_faulty in _find_faults(loaded, appearance, person, progress, cancel):
        if is_faulty.any():
            names = tuple(_face_name(loaded, int(index)) for index in np.flatnonzero(is_faulty))
            droppable = kind == "another person" or bool(is_faulty.mean() <= MAX_DROP_SHARE)
            result.findings.append(Finding(kind, reason, names, droppable))
    result.unseen = find_unseen(faceset, person)
    if target is not None:
        result.gaps, result.affected = find_gaps(faceset, target, (person, 0))
    if output is not None:
        index = {_face_name(loaded, row): row for row in range(len(loaded))}
        rows = [(f"{one.kind}: {len(one.names)}", [index[name] for name in one.names]) for one in result.findings]
        result.sheet = Path(output)
        draw_review_sheet(result.sheet, loaded, rows, f"{faceset.path.name}: {len(loaded)} faces reviewed")
    return result


def _find_faults(
    faces: Faces, appearance: CropAppearance, person: int, progress: ProgressCallback, cancel: CancelToken | None
) -> list[tuple[str, str, np.ndarray]]:
    """Kind, sentence, (N,) bool; gravest first."""
    own = faces.cluster == person
    covered = np.zeros(len(faces), bool)
    usual = 0.0
    if own.any():
        usual = float(np.median(faces.sharpness[own]))
        covered[own] = _measure_occlusion(faces.take(own), progress, cancel) > MAX_OCCLUDED_SHARE
    badly_lit = (appearance.brightness < MIN_BRIGHTNESS) | (appearance.brightness > MAX_BRIGHTNESS)
    badly_lit |= appearance.clipped > MAX_CLIPPED_SHARE
    return [
        ("another person", "not whom the set is of; learned from, they would shine through", ~own),
        (
            "unsure",
            f"the landmark network is less than {100 * MIN_CONFIDENCE:.0f} % sure: the mesh may lie anywhere",
            own & (faces.confidence < MIN_CONFIDENCE),
        ),
        ("covered", "a hand, a cup or hair before the face would be learned as part of it", covered),
        (
            "blurred",
            f"less than {MIN_RELATIVE_SHARPNESS:.1f} times as sharp as usual here: what is made of them is soft",
            own & (faces.sharpness < MIN_RELATIVE_SHARPNESS * usual),
        ),
        ("badly lit", "too dark, too bright, or with parts that are black or white", own & badly_lit),
        (
            "repeated",
            "as good as the frame before: nothing is lost without them, and training is not misled about how "
            "common they are",
            own & find_duplicates(faces, appearance.thumbnails),
        ),
    ]


def _measure_occlusion(faces: Faces, progress: ProgressCallback, cancel: CancelToken | None) -> np.ndarray:
    """(N,) share of each face that does not look like the person's other frames in the same clip."""
    shares = np.zeros(len(faces))
    clips = faces.clip.astype(str)
    names = np.unique(clips)
    for count, name in enumerate(names.tolist()):
        rows = np.flatnonzero(clips == name)
        for block in np.array_split(rows, -(-len(rows) // OCCLUSION_BATCH)):
            if len(block) < MIN_BATCH:
                continue
            if cancel:
                cancel.check()
            part = faces.take(block)
            geometries = list(map(FaceGeometry.from_frame_landmarks, part.landmarks, part.matrix))
            person = estimate_profile(geometries, part.blendshapes, part.embedding)
            shares[block] = estimate_occlusion(part.crop, geometries, person)
        progress(Progress("look for covers", count + 1, len(names), "clips"))
    return shares


def _face_name(faces: Faces, index: int) -> str:
    return f"{faces.clip[index]}:{int(faces.frame[index])}:{int(faces.track[index])}"
