"""What a swap at once is told about its source: why there is no face in it, whom to choose, what it never shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from effigie.arrays import Image
from effigie.errors import FaceSetError
from effigie.faces.tracker import Tracker
from effigie.faceset import FaceSet, draw_contact_sheet, load_measures
from effigie.faceset.review import describe_unseen, find_unseen
from effigie.media import VideoReader
from effigie.swap.person_frames import find_main_people

ADVICE = "take a sharp picture of the person, facing the camera"
SMALL_SHARE = 0.6  # of the footage's face, in height: a smaller one is visibly soft when enlarged
SIDE_ON = 20.0  # degrees


def explain_missing_face(files: Sequence[Path], name: str, smallest: int) -> str:
    """Why no face was extracted from some files, and what to do.

    Args:
        name: of all files together.
        smallest: px, the crop's side from which on faces are kept.
    """
    heights = [height for path in files if (height := _measure_face(path)) is not None]
    if not heights:
        return f"{name} shows no face: {ADVICE}"
    return (
        f"the face in {name} is only {max(heights):.0f} pixels high; {smallest} with its surroundings are needed: "
        f"{ADVICE}"
    )


def check_single_person(faces: Path, name: str, person: int | None, sheet: Path) -> None:
    """Refuse a source of several people of whom none is chosen, saying which is which.

    Args:
        name: of the source, for the message.
        sheet: a PNG that shows them by number, for a source of several pictures.

    Raises:
        FaceSetError: several people and none chosen, or no such person.
    """
    faceset = FaceSet.open(faces)
    people = find_main_people(faceset)
    if person is not None:
        if person >= len(faceset.people()):
            raise FaceSetError(f"{name} shows no person number {person}: {len(people)}, counted from 0")
        return
    if len(people) == 1:
        return
    loaded = faceset.load(("landmarks", "cluster", "frame", "clip"))
    if (
        len(loaded) == len(people)
        and len({(str(clip), int(frame)) for clip, frame in zip(loaded.clip, loaded.frame, strict=True)}) == 1
    ):
        order = np.argsort(loaded.landmarks[:, :, 0].mean(1))
        left = ", ".join(str(int(loaded.cluster[row])) for row in order)
        legend = f"from left to right they are {left}"
    else:
        draw_contact_sheet(faceset, sheet)
        legend = f"{sheet} shows them by number"
    raise FaceSetError(f"{name} shows {len(people)} people: choose one with --source-person NUMBER; {legend}")


def describe_source(faces: Path, person: int, footage: Image) -> list[str]:
    """What of a swap will be made up or soft for want of better material, a line each.

    Args:
        footage: (H, W, 3) uint8 RGB, a frame that shows the target.
    """
    notes = []
    if unseen := describe_unseen(find_unseen(faces, person)):
        notes.append(f"{unseen}: what the footage asks of it is made up")
    source_height, footage_height = _measure_source_height(faces, person), _measure_height(footage)
    if footage_height is not None and source_height < SMALL_SHARE * footage_height:
        notes.append(
            f"the source's face is {source_height:.0f} pixels high, the footage's {footage_height:.0f}: "
            "the made one is soft"
        )
    if (turned := measure_least_yaw(faces, person)) > SIDE_ON:
        notes.append(
            f"the source is seen from the side only, turned by {turned:.0f} degrees or more: a picture that faces the "
            "camera would do better"
        )
    return notes


def measure_least_yaw(faces: Path, person: int) -> float:
    """Degrees by which a person's head is turned aside at least, in all of a face set."""
    return float(np.abs(load_measures(faces, ("yaw",), f"cluster == {person}")["yaw"]).min())


def _measure_source_height(faces: Path, person: int) -> float:
    """Pixels from brow to chin, of the largest faces."""
    landmarks = FaceSet.open(faces).load(("landmarks",), where=f"cluster == {person}").landmarks
    return float(np.percentile(np.ptp(landmarks[:, :, 1], axis=1), 90))


def _measure_face(path: Path) -> float | None:
    with VideoReader(path, stop=1) as reader:
        return next((_measure_height(frame.image) for frame in reader), None)


def _measure_height(image: Image) -> float | None:
    """Pixels from brow to chin of the largest face of an (H, W, 3) picture; None where there is none."""
    heights = [float(np.ptp(face.landmark_result.landmarks[:, 1])) for face in Tracker()(image)]
    return max(heights, default=None)
