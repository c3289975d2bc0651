"""Summary of a face set in figures, with warnings."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effigie.faceset.clustering import UNKNOWN_CLUSTER
from effigie.faceset.plots.pose_coverage import PoseCoverage, count_poses
from effigie.faceset.sorting import load_measures
from effigie.faceset.store import FaceSet
from effigie.progress import CancelToken, ProgressCallback, format_count, ignore_progress

SPREAD_MEASURES = ("sharpness", "size", "yaw", "pitch", "mouth", "eyes")
QUARTILES = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class PersonShare:
    """One person: cluster number, faces, share of all faces in 0..1, clips it appears in."""

    cluster: int
    faces: int
    share: float
    clips: tuple[str, ...]


@dataclass(frozen=True)
class FaceSetSummary:
    """Summary of a face set."""

    path: Path
    crop_size: int  # edge of a stored crop, px
    faces: int
    bytes: int  # size on disk
    clips: list[dict[str, Any]]  # one row per source: name, path, frames, faces, width, height, rate
    people: list[PersonShare]  # most faces first
    spread: dict[str, list[float]]  # measure -> minimum, quartiles, maximum; size in px, angles in degrees
    poses: PoseCoverage  # faces by head pose
    dropped: int  # faces dropped so far
    consents: list[str]
    warnings: list[str]  # what is wrong and what to do, a line each

    def to_json(self) -> dict[str, Any]:
        poses = {"counts": self.poses.counts.tolist(), "filled": self.poses.filled}
        return asdict(self) | {"path": str(self.path), "poses": poses}


def summarize(
    faceset: FaceSet | str | Path, progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> FaceSetSummary:
    """Summarize clips, people, sharpness, poses and expressions of a face set, with warnings."""
    faceset = FaceSet.from_path(faceset)
    faces = load_measures(faceset, SPREAD_MEASURES, None, progress, cancel)
    people = [
        PersonShare(person.cluster, person.faces, person.faces / len(faces), person.clips)
        for person in faceset.people()
    ]
    keys = ("name", "path", "frames", "faces", "width", "height", "rate")
    clips = [{key: source.to_json()[key] for key in keys} for source in faceset.sources.values()]
    return FaceSetSummary(
        path=faceset.path,
        crop_size=faceset.crop_size,
        faces=len(faces),
        bytes=sum(file.stat().st_size for file in faceset.path.iterdir() if file.is_file()),
        clips=clips,
        people=people,
        spread={n: np.nanpercentile(faces[n], QUARTILES).astype(float).tolist() for n in SPREAD_MEASURES},
        poses=count_poses(faces["yaw"], faces["pitch"]),
        dropped=sum(int(entry.get("faces", 0)) for entry in faceset.dropped),
        consents=faceset.consents,
        warnings=_warnings(faceset.path, people),
    )


def _warnings(path: Path, people: list[PersonShare]) -> list[str]:
    warnings = []
    command = f"effigie faces drop {shlex.quote(str(path))}"
    if extra_people := [person for person in people if person.cluster > 0]:
        share = 100 * sum(person.share for person in extra_people)
        option = f"--cluster {extra_people[0].cluster}" if len(extra_people) == 1 else '--where "cluster != 0"'
        warnings.append(
            f"{len(extra_people) + 1} people are mixed, {share:.1f} % is not the main one: look with "
            f"`effigie faces sheet {shlex.quote(str(path))}`, keep the main one with `{command} {option}`"
        )
    if unknown := [person for person in people if person.cluster == UNKNOWN_CLUSTER]:
        warnings.append(
            f"{format_count(unknown[0].faces, 'face')} without an identity: "
            f"drop with `{command} --cluster={UNKNOWN_CLUSTER}`"
        )
    return warnings
