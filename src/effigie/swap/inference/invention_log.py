"""What a conversion makes up, for its report: mouths and lids that the source's frames never show."""

from __future__ import annotations

from collections.abc import Iterator

from effigie.arrays import Landmarks
from effigie.faces.mesh import eye_opening, mouth_opening
from effigie.prior.frame_bank import FrameBank
from effigie.progress import format_count

FILLED_SHARE = 0.5  # of the way from a mouth that the source shows to one that it does not
OPEN_MOUTH = 0.05  # of its width: less shows nothing of what is inside
SHUT_EYES = 0.1  # of their width: blinks fall below


class InventionLog:
    """Counts the frames of one person in which something had to be made up."""

    def __init__(self, bank: FrameBank) -> None:
        self._shuts_eyes = bank.shows_shut_eyes()
        self._frames = self._mouths = self._lids = 0

    def add(self, landmarks: Landmarks, unknown_mouth: float) -> None:
        """Count a frame.

        Args:
            landmarks: (478, >= 2) landmarks of the made face, px.
            unknown_mouth: 0..1, how far its mouth is beyond what the source's frames show.
        """
        self._frames += 1
        self._mouths += unknown_mouth >= FILLED_SHARE and mouth_opening(landmarks) > OPEN_MOUTH
        self._lids += not self._shuts_eyes and eye_opening(landmarks) < SHUT_EYES

    def notes(self) -> Iterator[str]:
        """A line for each kind."""
        frames = format_count(self._frames, "frame")
        if self._mouths:
            yield (
                f"in {self._mouths} of {frames} the inside of the mouth is the footage's own: the source "
                "never opens it so"
            )
        if self._lids:
            yield f"in {self._lids} of {frames} lids are drawn shut, with the footage's lashes: the source's never are"
