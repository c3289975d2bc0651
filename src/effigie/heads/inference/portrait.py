"""Reads a person's portraits from pictures, clips and face sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Embedding, Image, Landmarks
from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.consent.face_matching import SubjectFaces
from effigie.errors import FaceSetError, MediaError, UsageError
from effigie.faces.analyzer import Face
from effigie.faces.crop import apply_affine
from effigie.faces.landmarker import BLENDSHAPES
from effigie.faces.mesh import Pose, fit_pose
from effigie.faces.quarter_turns import MAX_ROLL, count_quarter_turns, turn_points
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel
from effigie.faces.tracker import Tracker
from effigie.faceset import FaceSet
from effigie.faceset.index import INDEX_FILE
from effigie.heads.inference.face_search import find_faces
from effigie.heads.motion.face_rig import FaceRig
from effigie.media import VideoReader
from effigie.prior.frame_bank import EXPRESSIVE
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress

MIN_FACE_SIDE = 40  # px, side of the face's crop: a smaller face has no features to animate
BYSTANDER_RATIO = 0.5  # a face less than half as wide as the largest stands behind it
PROFILE_YAW = 45.0  # degrees of yaw from which half the face is not seen
BLINK_INDICES = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
CLOSED_BLINK = 0.6  # of that blendshape
MAX_CANDIDATES = 24  # frames of a clip among which the best are chosen


@dataclass(frozen=True)
class Portrait:
    """One picture of the person to animate.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) float32 px.
        embedding: (128,) float32 unit identity, measured in this picture.
        blendshapes: (52,) float32 in [0, 1].
        name: of the file, and the frame in it, for messages.
        notes: what to expect of a difficult picture, a sentence each.
    """

    image: Image
    landmarks: Landmarks
    embedding: Embedding
    blendshapes: np.ndarray
    name: str
    notes: tuple[str, ...] = ()

    @property
    def pose(self) -> Pose:
        """The pose of the face, in picture px."""
        return fit_pose(self.landmarks)

    @cached_property
    def rig(self) -> FaceRig:
        """The face, to be given other expressions."""
        height, width = self.image.shape[:2]
        return FaceRig(self.landmarks, self.blendshapes, (width, height))

    def crop(self, left: int, top: int, right: int, bottom: int) -> Portrait:
        """The part of the picture between these px; what reaches outside is left out."""
        height, width = self.image.shape[:2]
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        shift = np.array([left, top, 0], np.float32)
        image = np.ascontiguousarray(self.image[top:bottom, left:right])
        return replace(self, image=image, landmarks=self.landmarks - shift)

    def resize(self, width: int, height: int) -> Portrait:
        """The picture at another size, px."""
        rows, columns = self.image.shape[:2]
        x, y = width / columns, height / rows
        interpolation = cv2.INTER_AREA if x < 1 and y < 1 else cv2.INTER_CUBIC
        image = cv2.resize(self.image, (width, height), interpolation=interpolation)
        landmarks = self.landmarks * np.array([x, y, np.sqrt(x * y)])
        # Pixels' centres, not their corners, are whole numbers.
        landmarks[:, :2] += np.array([x - 1, y - 1]) / 2
        return replace(self, image=image, landmarks=landmarks.astype(np.float32))


def to_subject_faces(portraits: Sequence[Portrait]) -> SubjectFaces:
    """The portraits as the consent gate takes them; every identity is measured in the picture itself."""
    embeddings = np.stack([portrait.embedding for portrait in portraits])
    return SubjectFaces(embeddings, np.array([portrait.name for portrait in portraits], object))


def read_portraits(
    paths: str | Path | Iterable[str | Path],
    person: int | None = None,
    *,
    max_portraits: int = 1,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> list[Portrait]:
    """The faces of one person in pictures, clips and face sets.

    Of a clip or face set the calmest frames that face the camera are taken, spread over it.

    Args:
        paths: files and face sets that show the same person.
        person: which of several faces, by size (0 = the largest); in a face set, which person. None wants one that is
            clearly the largest.
        max_portraits: pictures taken of each clip or face set at most.

    Raises:
        MediaError: a file cannot be read, or shows no face, or one too small.
        UsageError: several faces and none chosen, or the files show different people.
        FaceSetError: a face set is damaged or lacks the person.
        CancelledError: asked to stop.
    """
    fetch_assets(REQUIRED_ASSETS, progress)
    files = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not files:
        raise UsageError("name a picture, clip or face set of the person")
    cancel, portraits = cancel or CancelToken(), list[Portrait]()
    identity = IdentityModel(fold_constants=False)
    for number, path in enumerate(files):
        cancel.check()
        progress(Progress("portrait", number, len(files), "files", path.name))
        if (path / INDEX_FILE).is_file():
            portraits += _read_faceset(path, person, max_portraits, identity)
        else:
            portraits += _read_clip(path, person, max_portraits, identity, cancel)
    progress(Progress("portrait", len(files), len(files), "files"))
    _check_one_person(portraits)
    return portraits


def read_rig(
    portrait: str | Path, person: int | None = None, *, progress: ProgressCallback = ignore_progress
) -> FaceRig:
    """The face of a portrait, for motions without a driver; holds no picture.

    Args:
        portrait, person: as for :func:`effigie.animate`, but for a person's model.

    Raises:
        MediaError, UsageError, FaceSetError: as of :func:`effigie.animate`.
    """
    (face,) = read_portraits(portrait, person, progress=progress)
    return face.rig


def _read_clip(
    path: Path, person: int | None, max_portraits: int, identity: IdentityModel, cancel: CancelToken
) -> list[Portrait]:
    usable: list[tuple[int, Face, bool]] = []
    first_faces: list[Face] = []
    with VideoReader(path) as reader:
        count = reader.info.frames or 1
        still = count == 1
        step = max(1, count // MAX_CANDIDATES)
        tracker = Tracker()
        for frame in reader:
            cancel.check()
            if frame.index % step:
                continue
            faces, is_sure = find_faces(frame.image, tracker, thorough=still)
            first_faces = first_faces or faces
            if faces and (candidate := _choose_face(faces, person)):
                usable.append((frame.index, candidate, is_sure))
    if not first_faces:
        raise MediaError(
            f"no face was found in {path}: take a picture that shows the face from the front, upright and sharp"
        )
    if not usable:
        raise UsageError(_ambiguity_message(path, first_faces, person))
    best = _select_best([(face.blendshapes, face.pose) for _, face, _ in usable], max_portraits)
    portraits = []
    for index in best:
        number, face, is_sure = usable[index]
        side = float(np.exp(face.placement[2]))
        if side < MIN_FACE_SIDE:
            raise MediaError(
                f"the face in {path} is only {side:.0f} pixels wide, and {MIN_FACE_SIDE} are needed: "
                "take a larger picture"
            )
        with VideoReader(path, start=number, stop=number + 1) as reader:
            image = next(iter(reader)).image
        # Somebody may lie on their side, but hardly stands on their head.
        is_inverted = count_quarter_turns([face.pose]) == 2
        landmarks, pose = face.landmarks, face.pose
        if is_inverted:
            landmarks = turn_points(landmarks, 2, image.shape[1], image.shape[0])
            image, pose = np.ascontiguousarray(np.rot90(image, 2)), fit_pose(landmarks)
        notes: tuple[str, ...] = ()
        if index == best[0]:  # of a clip's candidates only the best, which moves, need be good
            notes = _quality_notes(path, pose, face.blendshapes)
            if is_inverted:
                notes = (f"{path} stood upside down and was turned", *notes)
            if not is_sure:
                doubt = f"the face in {path} was hard to find (confidence {face.presence:.2f}): look at the result"
                notes = (doubt, *notes)
        name = str(path) if still else f"{path}, frame {number}"
        embedding, blendshapes = identity.embed(image, landmarks), face.blendshapes.astype(np.float32)
        portraits.append(Portrait(image, landmarks, embedding, blendshapes, name, notes))
    return portraits


def _read_faceset(path: Path, person: int | None, max_portraits: int, identity: IdentityModel) -> list[Portrait]:
    """Crops of one person of a face set."""
    faceset = FaceSet.open(path)
    people = faceset.people()
    if person is None and len(people) > 1 and people[1].faces > 0.05 * len(faceset):
        raise UsageError(
            f"{path} holds {len(people)} people: choose with --person 0 (most faces), 1, ... "
            f"(`effigie faces sheet {path}` shows them)"
        )
    columns = ("landmarks", "blendshapes", "matrix")
    faces = faceset.load(columns, where=f"cluster == {person or 0}")
    if not len(faces):
        raise FaceSetError(f"{path} has no person number {person or 0}: it holds {len(people)}, counted from 0")
    placed = [
        apply_affine(matrix.astype(np.float64), landmarks).astype(np.float32)
        for matrix, landmarks in zip(faces["matrix"], faces["landmarks"], strict=True)
    ]
    poses = [fit_pose(landmarks) for landmarks in placed]
    portraits = []
    for index in _select_best(list(zip(faces["blendshapes"], poses, strict=True)), max_portraits):
        image, landmarks, blendshapes = faces.crop(index), placed[index], faces["blendshapes"][index]
        name = f"{path}, {faces.name(index)}"
        notes = _quality_notes(name, poses[index], blendshapes)
        embedding = identity.embed(image, landmarks)
        portraits.append(Portrait(image, landmarks, embedding, blendshapes, name, notes))
    return portraits


def _choose_face(faces: list[Face], person: int | None) -> Face | None:
    """The face chosen by number; without one the largest, unless another is nearly as large."""
    if person is not None:
        return faces[person] if person < len(faces) else None
    sides = [float(np.exp(face.placement[2])) for face in faces]
    return None if len(sides) > 1 and sides[1] >= BYSTANDER_RATIO * sides[0] else faces[0]


def _ambiguity_message(path: Path, faces: list[Face], person: int | None) -> str:
    if person is not None:
        count_text = format_count(len(faces), "face")
        return f"{path} shows {count_text}, and --person {person} asks for one more: they are counted from 0"
    places = ", ".join(f"{number} at {face.box[0]:.0f},{face.box[1]:.0f}" for number, face in enumerate(faces[:6]))
    return f"{path} shows {len(faces)} faces: choose with --person NUMBER ({places} px, largest first)"


def _select_best(candidates: Sequence[tuple[np.ndarray, Pose]], max_portraits: int) -> list[int]:
    """At most ``max_portraits`` candidates, each of another part of the clip: calm, facing the camera, eyes open."""
    cost = np.array(
        [
            float((shapes[EXPRESSIVE] ** 2).sum() + (shapes[BLINK_INDICES] ** 2).sum())
            + float(((pose.angles[:2] / 25) ** 2).sum())
            for shapes, pose in candidates
        ]
    )
    stretches = np.array_split(np.arange(len(candidates)), min(max_portraits, len(candidates)))
    return sorted((int(part[np.argmin(cost[part])]) for part in stretches), key=lambda index: cost[index])


def _quality_notes(path: Path | str, pose: Pose, blendshapes: np.ndarray) -> tuple[str, ...]:
    """Notes on a difficult picture: seen from the side, lying on its side, eyes closed."""
    notes = []
    yaw, roll = abs(float(pose.angles[0])), abs(float(pose.angles[2]))
    if yaw >= PROFILE_YAW:
        notes.append(
            f"{path} shows the face from the side ({yaw:.0f} degrees): the far half is not seen and will look "
            "stretched; a picture from the front is better"
        )
    if roll >= MAX_ROLL:
        notes.append(
            f"the face in {path} lies on its side ({roll:.0f} degrees): if the picture does, turn it upright first"
        )
    if min(blendshapes[BLINK_INDICES]) > CLOSED_BLINK:
        notes.append(f"the eyes in {path} are closed and will open only a little: take a picture with open eyes")
    return tuple(notes)


def _check_one_person(portraits: Sequence[Portrait]) -> None:
    embeddings = np.stack([portrait.embedding for portrait in portraits])
    cosines = embeddings @ embeddings.T
    middle = int(np.argmax(np.median(cosines, axis=1)))
    worst = int(np.argmin(cosines[middle]))
    if cosines[middle, worst] < SAME_PERSON_SIMILARITY:
        raise UsageError(
            f"{portraits[worst].name} and {portraits[middle].name} show different people: name pictures of one"
        )
