"""One pass over input and output side by side: every frame through every metric, only numbers kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from effigie.evaluate import flicker, geometry, identity, sharpness
from effigie.evaluate.outside import OutsideError
from effigie.evaluate.person import same_place, the_person
from effigie.evaluate.regions import AROUND, covered, inside_face, mesh_mask
from effigie.evaluate.scores import PresenceScores
from effigie.evaluate.worst import Worst
from effigie.faces.identity import IdentityModel
from effigie.faces.mesh import eye_opening, mouth_opening
from effigie.faces.track import Tracker

MACROBLOCK = 16  # pixels


class Comparison:
    """Adds up what :func:`effigie.evaluate.evaluate_swap` reports.

    Args:
        source, target: (N, 128) and (M, 128) embeddings of the two people.
        tracks: of the input that are the target person.
        tracker: the one that numbered them; it starts over here.
        size: (height, width) of the frames.
        every: identity on every n-th frame.
        worst: frames to keep a metric.
    """

    def __init__(
        self,
        source: np.ndarray,
        target: np.ndarray,
        tracks: dict[int, float],
        identity: IdentityModel,
        tracker: Tracker,
        size: tuple[int, int],
        every: int,
        worst: int,
    ) -> None:
        self._source, self._target, self._tracks = source, target, tracks
        self._identity, self._size, self._every = identity, size, every
        self._given, self._made = tracker, Tracker()
        for each in (self._given, self._made):
            each.restart()
        names = ("similarity to the source", "landmark error", "sharpness", "flicker")
        self.worst = {name: Worst(worst) for name in names}
        self.columns = worst
        self.ends: list[tuple[str, np.ndarray, np.ndarray]] = []
        self._outside = {
            "outside": OutsideError(),
            "outside_luma": OutsideError(luma=True),
            "outside_far": OutsideError(MACROBLOCK),
        }
        self._frames = self._person = self._found = self._swapped = self._strangers = 0
        self._masked = False
        self._covered: list[float] = []
        self._embeddings: list[np.ndarray] = []
        self._before: list[np.ndarray] = []
        self._geometry: list[tuple[float, float, float, float, float]] = []
        self._sharpness: list[tuple[float, float]] = []
        self._flicker: list[tuple[float, float]] = []
        self._previous: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def add(
        self, index: int, output: np.ndarray, given: np.ndarray, encoded: np.ndarray, mask: np.ndarray | None
    ) -> None:
        """The next frame.

        Args:
            output, given: (H, W, 3) uint8 RGB.
            encoded: the input after encoding as the output was.
            mask: (H, W) uint8 of the conversion.
        """
        self._frames += 1
        self._masked |= mask is not None
        self._end(index, given, output)
        person = the_person(self._given(given), self._tracks)
        faces = self._made(output)
        if person is None:
            self._previous = None
            touched = mask if mask is not None else np.zeros(self._size, np.uint8)
            self._strangers += bool(touched.any())
        else:
            landmarks = person.measured.landmarks
            touched = mask if mask is not None else mesh_mask(landmarks, self._size, AROUND)
            same = same_place(faces, person)
            self._face(
                index, output, given, landmarks, None if same is None else same.measured.landmarks, mask
            )
        for outside in self._outside.values():
            outside.add(output, encoded, touched)

    def _face(
        self,
        index: int,
        output: np.ndarray,
        given: np.ndarray,
        landmarks: np.ndarray,
        made: np.ndarray | None,
        mask: np.ndarray | None,
    ) -> None:
        self._person += 1
        pictures = (given, output)
        if made is not None:
            self._found += 1
            error = geometry.landmark_error(made, landmarks)
            openings = (
                mouth_opening(made),
                mouth_opening(landmarks),
                eye_opening(made),
                eye_opening(landmarks),
            )
            self._geometry.append((error, *openings))
            self.worst["landmark error"].offer(index, error, f"{100 * error:.1f} %", pictures, landmarks)
        if index % self._every == 0:
            # A face that the tracker no longer sees is still there to be recognised, where the input's is.
            self._who(index, pictures, landmarks, landmarks if made is None else made)
        if mask is not None:
            share = covered(landmarks, self._size, mask)
            if share > 0:
                self._swapped += 1
                self._covered.append(share)
        inside = inside_face(landmarks, self._size, mask)
        if not inside.any():
            self._previous = None
            return
        self._detail(index, pictures, landmarks, inside)
        if self._previous is not None:
            self._calm(index, pictures, landmarks, inside)
        self._previous = (output, given, inside)

    def _who(
        self, index: int, pictures: tuple[np.ndarray, np.ndarray], landmarks: np.ndarray, made: np.ndarray
    ) -> None:
        embedding = self._identity.of(pictures[1], made)
        self._embeddings.append(embedding)
        self._before.append(self._identity.of(pictures[0], landmarks))
        to = [float(identity.cosines(embedding, person)) for person in (self._source, self._target)]
        text = f"source {to[0]:.2f}, target {to[1]:.2f}"
        self.worst["similarity to the source"].offer(index, -to[0], text, pictures, landmarks)

    def _detail(
        self, index: int, pictures: tuple[np.ndarray, np.ndarray], landmarks: np.ndarray, inside: np.ndarray
    ) -> None:
        before, after = (sharpness.laplacian_variance(picture, inside) for picture in pictures)
        if before > 0:
            self._sharpness.append((after, before))
            ratio = after / before
            self.worst["sharpness"].offer(index, -ratio, f"x{ratio:.2f}", pictures, landmarks)

    def _calm(
        self, index: int, pictures: tuple[np.ndarray, np.ndarray], landmarks: np.ndarray, inside: np.ndarray
    ) -> None:
        assert self._previous is not None
        output, given, mask = self._previous
        levels = flicker.differences((output, pictures[1]), (given, pictures[0]), (mask, inside))
        if levels is not None:
            self._flicker.append(levels)
            text = f"{levels[0]:.1f} for {levels[1]:.1f} levels"
            self.worst["flicker"].offer(index, levels[0] - levels[1], text, pictures, landmarks)

    def _end(self, index: int, given: np.ndarray, output: np.ndarray) -> None:
        ends = (f"frame {index}", given, output)
        self.ends = [ends] if not self.ends else [self.ends[0], ends]

    def scores(self) -> dict[str, Any]:
        """The fields of :class:`~effigie.evaluate.scores.SwapScores` that are measured on pictures."""
        rows = np.array(self._geometry).reshape(-1, 5)
        embeddings = np.array(self._embeddings).reshape(-1, self._source.shape[1])
        nan = float("nan")
        return {
            "identity": identity.compare_identity(embeddings, self._source, self._target),
            "input_to_target": (
                float(identity.cosines(np.array(self._before), self._target).mean()) if self._before else nan
            ),
            "geometry": geometry.compare_geometry(rows[:, 0], rows[:, 1:3], rows[:, 3:5]),
            "sharpness": sharpness.compare_sharpness(np.array(self._sharpness).reshape(-1, 2)),
            "flicker": flicker.compare_flicker(np.array(self._flicker).reshape(-1, 2)),
            **{name: outside.psnr for name, outside in self._outside.items()},
            "presence": PresenceScores(
                frames=self._frames,
                person=self._person,
                swapped=self._swapped / self._person if self._masked and self._person else nan,
                covered=float(np.mean(self._covered)) if self._covered else nan,
                found=self._found / self._person if self._person else nan,
            ),
        }

    def notes(self) -> list[str]:
        """What a reader must know."""
        notes = []
        if not self._person:
            notes.append("the target person was not found in the input: is it the right face set?")
        if self._strangers:
            notes.append(f"{self._strangers} frames were changed although the target person is not in them")
        return notes
