"""`effigie.review`: which faces of a set do more harm than good, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from effigie.faceset import Faces, FaceSet
from effigie.faceset.review.appearance import Looks, look, repeats
from effigie.faceset.review.coverage import Lack, lacks
from effigie.faceset.review.sheet import draw
from effigie.prior.frame_bank import Geometry, describe, occlusion
from effigie.progress import Cancel, Progress, ProgressCallback, silent

COLUMNS = (
    *("clip", "frame", "track", "cluster", "sharpness", "confidence"),
    *("landmarks", "matrix", "blendshapes", "embedding"),
)
UNSURE = 0.5  # confidence below which the landmarks may lie anywhere
BLURRED = 0.3  # times the person's median sharpness
DARK, BRIGHT = 35, 225  # mean grey level of the face
LOST = 0.3  # share of a face that is black or white
COVERED = (
    0.1  # share that looks like no other frame; a hand gives 0.1 to 0.3, a smile among calm faces up to 0.08
)
MOST = (
    0.5  # of the faces that are proposed for dropping at most for one reason: else the footage is like that
)
TOGETHER = 1500  # faces that are looked at for covers at once, 50 KB each
FEWEST = 24  # of fewer, what is usual cannot be told


@dataclass(frozen=True)
class Finding:
    """Faces that share a fault.

    Attributes:
        kind: the fault, in a word or two.
        why: a sentence for the reader.
        names: of the faces, ``clip:frame:track``, in order.
        drop: whether they are proposed for dropping.
    """

    kind: str
    why: str
    names: tuple[str, ...]
    drop: bool = True


@dataclass
class Review:
    """What was found in a face set.

    Attributes:
        path: of the set.
        faces: looked at.
        findings: those there are, gravest first.
        lacks: what a target does and this source does not; empty without a target.
        suffering: share of the target's frames that suffer from any of it; None without a target.
        sheet: the picture, if one was drawn.
    """

    path: Path
    faces: int
    findings: list[Finding] = field(default_factory=list)
    lacks: list[Lack] = field(default_factory=list)
    suffering: float | None = None
    sheet: Path | None = None

    @property
    def proposed(self) -> tuple[str, ...]:
        """Names of all faces that are proposed for dropping, each once; for :func:`effigie.faceset.drop`."""
        return tuple(dict.fromkeys(name for one in self.findings if one.drop for name in one.names))

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self) | {"path": str(self.path), "sheet": self.sheet and str(self.sheet)}


def review(
    faces: FaceSet | str | Path,
    target: FaceSet | str | Path | None = None,
    output: str | Path | None = None,
    who: int = 0,
    *,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> Review:
    """Look through a face set before training on it. Nothing is dropped; :attr:`Review.proposed` says what should be.

    Args:
        faces: a face set or its folder.
        target: footage that this person's face is to be put into: says what of it the set does not show.
        output: a PNG that shows some faces of every finding.
        who: the person that the set is of, by number (0 = most faces); everybody else is a stranger in it.

    Raises:
        FaceSetError: a set cannot be read, or has no such person.
        EffigieError: the picture cannot be written.
        Cancelled: asked to stop.
    """
    faceset = FaceSet.of(faces)
    loaded = faceset.load(COLUMNS)
    found = Review(faceset.path, len(loaded))
    seen = look(loaded, progress, cancel)
    found.findings = [
        Finding(kind, why, tuple(_name(loaded, int(i)) for i in np.flatnonzero(chosen)), _few(kind, chosen))
        for kind, why, chosen in _faults(loaded, seen, who, progress, cancel)
        if chosen.any()
    ]
    if target is not None:
        found.lacks, found.suffering = lacks(faceset, target, (who, 0))
    if output is not None:
        rows = {_name(loaded, index): index for index in range(len(loaded))}
        shown = [
            (f"{one.kind}: {len(one.names)}", [rows[name] for name in one.names]) for one in found.findings
        ]
        found.sheet = Path(output)
        draw(found.sheet, loaded, shown, f"{faceset.path.name}: {len(loaded)} faces reviewed")
    return found


def _faults(
    faces: Faces, seen: Looks, who: int, progress: ProgressCallback, cancel: Cancel | None
) -> list[tuple[str, str, np.ndarray]]:
    """Kind, sentence, (N,) bool; gravest first."""
    own = faces.cluster == who
    sharp = faces.sharpness
    usual = float(np.median(sharp[own])) if own.any() else 0.0
    covered = np.zeros(len(faces), bool)
    if own.any():
        covered[own] = _covered(faces.take(own), progress, cancel) > COVERED
    return [
        ("another person", "not whom the set is of; learned from, they would shine through", ~own),
        (
            "unsure",
            f"the landmark network is less than {100 * UNSURE:.0f} % sure: the mesh may lie anywhere",
            own & (faces.confidence < UNSURE),
        ),
        ("covered", "a hand, a cup or hair before the face would be learned as part of it", covered),
        (
            "blurred",
            f"less than {BLURRED:.1f} times as sharp as usual here: what is made of them is soft",
            own & (sharp < BLURRED * usual),
        ),
        (
            "badly lit",
            "too dark, too bright, or with parts that are black or white",
            own & ((seen.light < DARK) | (seen.light > BRIGHT) | (seen.lost > LOST)),
        ),
        (
            "repeated",
            "as good as the frame before: nothing is lost without them, and training is not misled about how "
            "common they are",
            own & repeats(faces, seen.thumbs),
        ),
    ]


def _covered(faces: Faces, progress: ProgressCallback, cancel: Cancel | None) -> np.ndarray:
    """(N,) share of each face that does not look like the person's other frames in the same clip."""
    shares = np.zeros(len(faces))
    clips = faces.clip.astype(str)
    names = np.unique(clips)
    for done, name in enumerate(names.tolist()):
        rows = np.flatnonzero(clips == name)
        for block in np.array_split(rows, -(-len(rows) // TOGETHER)):
            if len(block) < FEWEST:
                continue
            if cancel:
                cancel.check()
            part = faces.take(block)
            geometries = [
                Geometry.in_crop(landmarks, matrix)
                for landmarks, matrix in zip(part.landmarks, part.matrix, strict=True)
            ]
            person = describe(geometries, part.blendshapes, part.embedding)
            read: Callable[[int], np.ndarray] = part.crop
            shares[block] = occlusion(read, geometries, person)
        progress(Progress("look for covers", done + 1, len(names), "clips"))
    return shares


def _few(kind: str, chosen: np.ndarray) -> bool:
    """Whether they are to be dropped: where most faces are so, it is how the footage is."""
    return kind == "another person" or bool(chosen.mean() <= MOST)


def _name(faces: Faces, index: int) -> str:
    return f"{faces.clip[index]}:{int(faces.frame[index])}:{int(faces.track[index])}"
