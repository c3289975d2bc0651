"""The dataset of meta-learning: the people of some face sets and their frames, read part by part on demand.

Nothing is measured here: landmarks were computed at extraction. What is held in memory is an index (a few numbers a
face) and the parts used last, so that a folder of a million clips costs no more than its index.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.arrays import Image
from effigie.errors import FaceSetError
from effigie.faceset import Faces, FaceSet
from effigie.faceset.clustering import SAME_PERSON_SIMILARITY, UNKNOWN_CLUSTER, cluster_tracks
from effigie.prior.frame_bank import FaceGeometry
from effigie.progress import Progress, ProgressCallback, ignore_progress

COLUMNS = ("landmarks", "blendshapes", "matrix", "sharpness")
INDEX_COLUMNS = ("embedding", "confidence", "box")
MIN_VIDEO_FRAMES = 9  # with fewer frames than the paper's K + 1 somebody counts as photographed, not filmed
MAX_CACHED_FACES = 20_000  # faces whose measurements stay in memory, 6 KB each
# Cosine from which two stills are one person; films join their tracks by the usual threshold.
SAME_PERSON_STILLS = 0.55
MIN_CONFIDENCE = 0.5  # confidence of the landmark network below which a face is not learned from
MIN_FACE_HEIGHT = 48  # px between chin and brow in the frame: fainter faces teach blur


@dataclass(frozen=True)
class Identity:
    """One person in one clip, the paper's "video", or in a folder of stills.

    Attributes:
        folder: which of the dataset's face sets.
        clips: (n,) names of the parts that the frames lie in; of a film the same throughout.
        rows: (n,) their rows there, in the order of time.
    """

    folder: int
    clips: tuple[str, ...]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_video(self) -> bool:
        """Whether there are frames enough to learn motion from."""
        return len(self) >= MIN_VIDEO_FRAMES and len(set(self.clips)) == 1


@dataclass(frozen=True)
class ReferenceShot:
    """A picture of a person with its geometry and expression.

    Attributes:
        picture: (S, S, 3) uint8 RGB, a skull-aligned crop.
        geometry: landmarks in the picture's pixels, and their pose.
        blendshapes: (52,) in [0, 1].
    """

    picture: Image
    geometry: FaceGeometry
    blendshapes: np.ndarray


class IdentityDataset:
    """The people of some face sets.

    Args:
        folders: face sets, of videos or of stills.

    Raises:
        FaceSetError: one cannot be read, their crops differ in size, or nobody is in them.
    """

    def __init__(self, folders: Sequence[str | Path], progress: ProgressCallback = ignore_progress) -> None:
        self._sets = [FaceSet.open(folder) for folder in folders]
        self._readers = [faceset.reader() for faceset in self._sets]
        self._cache: OrderedDict[tuple[int, str], Faces] = OrderedDict()
        self._lock = threading.Lock()
        sizes = {faceset.crop_size for faceset in self._sets}
        if len(sizes) > 1:
            raise FaceSetError(
                f"these face sets hold crops of {', '.join(map(str, sorted(sizes)))} px: extract them with one --size"
            )
        self._cache_size = 0
        self.identities: list[Identity] = []
        for number, faceset in enumerate(self._sets):
            progress(Progress("people", number, len(self._sets), "face sets", str(faceset.path)))
            if faceset.settings.get("stills"):
                self._add_people(number, faceset.load(INDEX_COLUMNS), SAME_PERSON_STILLS)
            else:
                for clip in faceset.sources:
                    self._add_people(
                        number, self._readers[number].load_clip(clip, INDEX_COLUMNS), SAME_PERSON_SIMILARITY
                    )
        progress(Progress("people", len(self._sets), len(self._sets), "face sets"))
        if not self.identities:
            raise FaceSetError(f"nobody to learn from in {', '.join(map(str, folders))}")
        self.crop_size = sizes.pop()

    @property
    def facesets(self) -> list[FaceSet]:
        """The face sets."""
        return list(self._sets)

    def shot(self, identity: Identity, index: int) -> ReferenceShot:
        """The shot of the identity's frame number ``index``."""
        faces = self._faces(identity.folder, identity.clips[index])
        row = int(identity.rows[index])
        return ReferenceShot(faces.crop(row), self.geometry(identity, index), faces.blendshapes[row])

    def geometry(self, identity: Identity, index: int) -> FaceGeometry:
        """The geometry of a frame, in crop pixels; no picture is decoded."""
        faces = self._faces(identity.folder, identity.clips[index])
        row = int(identity.rows[index])
        return FaceGeometry.from_frame_landmarks(faces.landmarks[row], faces.matrix[row])

    def blendshapes(self, identity: Identity, index: int) -> np.ndarray:
        """(52,) blendshapes of a frame."""
        faces = self._faces(identity.folder, identity.clips[index])
        return faces.blendshapes[int(identity.rows[index])]

    def _faces(self, folder: int, clip: str) -> Faces:
        with self._lock:
            if (folder, clip) in self._cache:
                self._cache.move_to_end((folder, clip))
                return self._cache[folder, clip]
            faces = self._readers[folder].load_clip(clip, COLUMNS)
            self._cache[folder, clip] = faces
            self._cache_size += len(faces)
            while self._cache_size > MAX_CACHED_FACES and len(self._cache) > 1:
                self._cache_size -= len(self._cache.popitem(last=False)[1])
            return faces

    def _add_people(self, folder: int, faces: Faces, threshold: float) -> None:
        """Find the people among the faces of one clip, or of one set of stills."""
        if not len(faces):
            return
        owner = {pair: person.cluster for person in cluster_tracks(faces, threshold) for pair in person.tracks}
        clips = faces.clip
        clusters = np.array([owner[pair] for pair in zip(faces.clip, faces.track.tolist(), strict=True)])
        usable = (faces.confidence >= MIN_CONFIDENCE) & (faces.box[:, 3] - faces.box[:, 1] >= MIN_FACE_HEIGHT)
        for cluster in np.unique(clusters[clusters != UNKNOWN_CLUSTER]):
            indices = np.flatnonzero((clusters == cluster) & usable)
            indices = indices[np.lexsort((faces.frame[indices], clips[indices].astype(str)))]
            if len(indices):
                self.identities.append(Identity(folder, tuple(clips[indices]), faces.row[indices]))
