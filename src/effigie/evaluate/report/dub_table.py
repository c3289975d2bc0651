"""Scores of dubbed clips, as figures and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from effigie.evaluate.report.figures import Figure

HEADER = (
    "clip",
    "frames",
    "identity, of the footage's own",
    "flicker",
    "of the skin",
    "by its own motion",
    "seam",
    "lip gap",
    "its size",
    "shut on p, b, m",
    "lag ms",
)


@dataclass(frozen=True)
class DubScores:
    """Of one dub.

    Attributes:
        frames: in which the mouth was made.
        identity, own_identity: mean cosine to the footage's mean face, of the output's faces and of the footage's.
        flicker: of the face, see :mod:`effigie.evaluate.metrics.flicker`; motion is the footage's, so that a mouth that
            moves while the footage's rests counts as flicker.
        skin_flicker: the same of what was changed beside the lips.
        trembling: the same of the face, of each clip by its own motion: blind to what moves smoothly.
        seam: see :mod:`effigie.evaluate.metrics.seam`.
        gap_correlation, gap_size: of the lips' gap seen in the output with what was wanted; standard deviation over the
            wanted one's.
        closures, shut: p, b and m said, and those on which the lips are shut in the output within 40 ms.
        lag_s: by which the output's lips are late, where they correlate best with what was wanted.
    """

    name: str
    frames: int
    identity: float
    own_identity: float
    flicker: float
    skin_flicker: float
    trembling: float
    seam: float
    gap_correlation: float
    gap_size: float
    closures: int
    shut: int
    lag_s: float

    @property
    def identity_share(self) -> float:
        return self.identity / self.own_identity

    @property
    def shut_share(self) -> float:
        return self.shut / self.closures if self.closures else float("nan")

    def figures(self) -> list[Figure]:
        """What must be reached."""
        return [
            Figure("identity, of the footage's own", self.identity_share, at_least=0.9),
            Figure("flicker of the face, by the footage's motion", self.flicker),
            Figure("of the changed skin beside the lips", self.skin_flicker),
            Figure("flicker of the face, by its own motion", self.trembling, at_most=1.0),
            Figure("seam", self.seam, at_most=1.2),
            Figure("lip gap, correlation with what was wanted", self.gap_correlation),
            Figure("lips shut on p, b, m", 100 * self.shut_share, "%", at_least=90),
            Figure("lag of the lips", 1000 * abs(self.lag_s), "ms", at_most=40),
        ]

    def row(self) -> tuple[str, ...]:
        """Its line of a table."""
        numbers = (
            self.identity_share,
            self.flicker,
            self.skin_flicker,
            self.trembling,
            self.seam,
            self.gap_correlation,
            self.gap_size,
        )
        return (
            self.name,
            str(self.frames),
            *(f"{number:.2f}" for number in numbers),
            f"{self.shut} of {self.closures}",
            f"{1000 * self.lag_s:.0f}",
        )


def format_table(scores: Sequence[DubScores]) -> str:
    """A Markdown table, a line a clip."""
    lines = [HEADER, ("---",) * len(HEADER), *(one.row() for one in scores)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
