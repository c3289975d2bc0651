"""A person's portraits: the faces in pictures, clips and face sets of whoever is to be animated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from effigie.assets import REQUIRED, fetch_all
from effigie.consent.subject_faces import ShownFaces
from effigie.errors import FaceSetError, MediaError, UsageError
from effigie.faces.analyzer import Face
from effigie.faces.crop import apply_affine
from effigie.faces.landmarker import BLENDSHAPES
from effigie.faces.mesh import Pose, fit_pose
from effigie.faces.recognizer import SAME_PERSON, IdentityModel
from effigie.faces.tracker import Tracker
from effigie.faceset import FaceSet
from effigie.faceset.index import INDEX
from effigie.heads.inference.face_search import faces_of
from effigie.media import Reader
from effigie.prior.frame_bank import EXPRESSIVE
from effigie.progress import Cancel, Progress, ProgressCallback, silent

SMALLEST = 40  # px, side of the face's crop: a smaller face has no features to animate
BYSTANDER = 0.5  # a face less than half as wide as the largest stands behind it
ASIDE = 45.0  # degrees of yaw from which half the face is not seen
LYING = 60.0  # degrees of roll that few heads reach: more likely nobody told the picture which side is up
BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
SHUT = 0.6  # of that blendshape
LOOKS = 24  # frames of a clip among which the best are chosen


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

    image: np.ndarray
    landmarks: np.ndarray
    embedding: np.ndarray
    blendshapes: np.ndarray
    name: str
    notes: tuple[str, ...] = ()

    @property
    def pose(self) -> Pose:
        """Of the face, in picture px."""
        return fit_pose(self.landmarks)

    def cut(self, left: int, top: int, right: int, bottom: int) -> Portrait:
        """The part of the picture between these px; what reaches outside is left out."""
        height, width = self.image.shape[:2]
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        shift = np.array([left, top, 0], np.float32)
        image = np.ascontiguousarray(self.image[top:bottom, left:right])
        return replace(self, image=image, landmarks=self.landmarks - shift)

    def resized(self, width: int, height: int) -> Portrait:
        """The picture at another size, px."""
        rows, columns = self.image.shape[:2]
        x, y = width / columns, height / rows
        shrinks = x < 1 and y < 1
        image = cv2.resize(
            self.image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
        landmarks = self.landmarks * np.array([x, y, np.sqrt(x * y)])
        landmarks[:, :2] += (
            np.array([x - 1, y - 1]) / 2
        )  # pixels' centres, not their corners, are whole numbers
        return replace(self, image=image, landmarks=landmarks.astype(np.float32))


def shown(portraits: Sequence[Portrait]) -> ShownFaces:
    """As the gate looks at them: every identity is measured in the picture itself."""
    embeddings = np.stack([portrait.embedding for portrait in portraits])
    return ShownFaces(embeddings, np.array([portrait.name for portrait in portraits], object))


def read_portraits(
    paths: str | Path | Iterable[str | Path],
    who: int | None = None,
    *,
    most: int = 1,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> list[Portrait]:
    """The faces of one person in pictures, clips and face sets.

    Of a clip or face set the calmest looks that face the camera are taken, spread over it.

    Args:
        paths: files and face sets that show the same person.
        who: which of several faces, by size (0 = the largest); in a face set, which person. None wants one that is
            clearly the largest.
        most: pictures taken of each clip or face set at most.

    Raises:
        MediaError: a file cannot be read, or shows no face, or one too small.
        UsageError: several faces and none chosen, or the files show different people.
        FaceSetError: a face set is damaged or lacks the person.
        Cancelled: asked to stop.
    """
    fetch_all(REQUIRED, progress)
    files = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not files:
        raise UsageError("name a picture, clip or face set of the person")
    cancel, found = cancel or Cancel(), list[Portrait]()
    identity = IdentityModel(fold=False)
    for number, path in enumerate(files):
        cancel.check()
        progress(Progress("portrait", number, len(files), "files", path.name))
        if (path / INDEX).is_file():
            found += _of_faces(path, who, most, identity)
        else:
            found += _of_clip(path, who, most, identity, cancel)
    progress(Progress("portrait", len(files), len(files), "files"))
    _one_person(found)
    return found


def _of_clip(
    path: Path, who: int | None, most: int, identity: IdentityModel, cancel: Cancel
) -> list[Portrait]:
    looks: list[tuple[int, list[Face], bool]] = []
    with Reader(path) as reader:
        count = reader.info.frames or 1
        still = count == 1
        every = max(1, count // LOOKS)
        tracker = Tracker()
        for frame in reader:
            cancel.check()
            if frame.index % every:
                continue
            faces, sure = faces_of(frame.image, tracker, thorough=still)
            if faces:
                looks.append((frame.index, faces, sure))
    if not looks:
        raise MediaError(
            f"no face was found in {path}: take a picture that shows the face from the front, upright and sharp"
        )
    clear = [(number, chosen, sure) for number, faces, sure in looks if (chosen := _chosen(faces, who))]
    if not clear:
        raise UsageError(_which(path, looks[0][1], who))
    best = _best([(face.blendshapes, face.pose) for _, face, _ in clear], most)
    portraits = []
    for index in best:
        number, face, sure = clear[index]
        side = float(np.exp(face.place[2]))
        if side < SMALLEST:
            raise MediaError(
                f"the face in {path} is only {side:.0f} pixels wide, and {SMALLEST} are needed: take a larger picture"
            )
        with Reader(path, start=number, stop=number + 1) as reader:
            image = next(iter(reader)).image
        portraits.append(
            Portrait(
                image,
                face.landmarks,
                identity.of(image, face.landmarks),
                face.blendshapes.astype(np.float32),
                str(path) if still else f"{path}, frame {number}",
                # Of a clip's looks only the best, which moves, need be good.
                (*_doubtful(path, face, sure), *_expect(path, face.pose, face.blendshapes))
                if index == best[0]
                else (),
            )
        )
    return portraits


def _of_faces(path: Path, who: int | None, most: int, identity: IdentityModel) -> list[Portrait]:
    """Crops of one person of a face set."""
    faceset = FaceSet.open(path)
    people = faceset.people()
    if who is None and len(people) > 1 and people[1].faces > 0.05 * len(faceset):
        raise UsageError(
            f"{path} holds {len(people)} people: choose with --who 0 (most faces), 1, ... "
            f"(`effigie faces sheet {path}` shows them)"
        )
    columns = ("landmarks", "blendshapes", "matrix")
    faces = faceset.load(columns, where=f"cluster == {who or 0}")
    if not len(faces):
        raise FaceSetError(f"{path} has no person number {who or 0}: it holds {len(people)}, counted from 0")
    placed = [
        apply_affine(matrix.astype(np.float64), landmarks).astype(np.float32)
        for matrix, landmarks in zip(faces["matrix"], faces["landmarks"], strict=True)
    ]
    poses = [fit_pose(landmarks) for landmarks in placed]
    portraits = []
    for index in _best(list(zip(faces["blendshapes"], poses, strict=True)), most):
        image = faces.crop(index)
        name = f"{path}, {faces.name(index)}"
        portraits.append(
            Portrait(
                image,
                placed[index],
                identity.of(image, placed[index]),
                faces["blendshapes"][index],
                name,
                _expect(name, poses[index], faces["blendshapes"][index]),
            )
        )
    return portraits


def _chosen(faces: list[Face], who: int | None) -> Face | None:
    """The face asked for; unasked the largest, unless another is nearly as large."""
    if who is not None:
        return faces[who] if who < len(faces) else None
    sides = [float(np.exp(face.place[2])) for face in faces]
    return None if len(sides) > 1 and sides[1] >= BYSTANDER * sides[0] else faces[0]


def _which(path: Path, faces: list[Face], who: int | None) -> str:
    if who is not None:
        return f"{path} shows {len(faces)} faces, and --who {who} asks for one more: they are counted from 0"
    places = ", ".join(
        f"{number} at {face.box[0]:.0f},{face.box[1]:.0f}" for number, face in enumerate(faces[:6])
    )
    return f"{path} shows {len(faces)} faces: choose with --who NUMBER ({places} px, largest first)"


def _best(looks: Sequence[tuple[np.ndarray, Pose]], most: int) -> list[int]:
    """At most ``most`` of the looks, each of another stretch: the calmest that face the camera, eyes open."""
    cost = np.array(
        [
            float((shown[EXPRESSIVE] ** 2).sum() + (shown[BLINKS] ** 2).sum())
            + float(((pose.angles[:2] / 25) ** 2).sum())
            for shown, pose in looks
        ]
    )
    stretches = np.array_split(np.arange(len(looks)), min(most, len(looks)))
    return sorted((int(part[np.argmin(cost[part])]) for part in stretches), key=lambda index: cost[index])


def _doubtful(path: Path, face: Face, sure: bool) -> tuple[str, ...]:
    if sure:
        return ()
    return (f"the face in {path} was hard to find (confidence {face.presence:.2f}): look at the result",)


def _expect(path: Path | str, pose: Pose, shown: np.ndarray) -> tuple[str, ...]:
    """What to expect of a picture: seen from the side, lying on its side, eyes closed."""
    notes = []
    yaw, roll = abs(float(pose.angles[0])), abs(float(pose.angles[2]))
    if yaw >= ASIDE:
        notes.append(
            f"{path} shows the face from the side ({yaw:.0f} degrees): the far half is not seen and will look "
            "stretched; a picture from the front is better"
        )
    if roll >= LYING:
        notes.append(
            f"the face in {path} lies on its side ({roll:.0f} degrees): if the picture does, turn it upright first"
        )
    if min(shown[BLINKS]) > SHUT:
        notes.append(
            f"the eyes in {path} are closed and will open only a little: take a picture with open eyes"
        )
    return tuple(notes)


def _one_person(found: Sequence[Portrait]) -> None:
    embeddings = np.stack([portrait.embedding for portrait in found])
    cosines = embeddings @ embeddings.T
    middle = int(np.argmax(np.median(cosines, axis=1)))
    worst = int(np.argmin(cosines[middle]))
    if cosines[middle, worst] < SAME_PERSON:
        raise UsageError(
            f"{found[worst].name} and {found[middle].name} show different people: name pictures of one"
        )
