"""Settings of the evaluation of talking heads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from effigie.errors import UsageError
from effigie.heads.meta_learning.config import CONTENT_LOSSES

COPIED, WARPED = "source copied", "mesh prior alone"
PAPER_FF, PAPER_FT, OURS_FF, OURS_FT = "paper FF", "paper FT", "ours FF", "ours FT"
ROWS = (COPIED, WARPED, PAPER_FF, PAPER_FT, OURS_FF, OURS_FT)
TUNED = (PAPER_FT, OURS_FT)
MAX_SHOTS = 32
RUN = 4  # consecutive frames in a run: flicker needs neighbours, everything else different moments


@dataclass(frozen=True)
class HeadsSettings:
    """Settings of :func:`effigie.evaluate.evaluate_heads`."""

    # The values of T, pictures of the person that a row is given. Whoever has fewer gives all there are.
    shots: tuple[int, ...] = (1, 8, 32)
    rows: tuple[str, ...] = ROWS  # which of ROWS to measure
    people: int | None = None  # most people measured, those filmed longest first; None for all
    frames: int = 32  # held-out frames a person, in runs of four consecutive ones
    cross_drivers: int = 1  # how many other people drive each person
    cross_frames: int = 8  # frames of each of them
    tune_steps: int | None = None  # steps of the fine-tuned rows; None takes what ``effigie tune`` would
    content: str = "light"  # content loss of the fine-tuned rows: ``light``, ``full`` or ``none``
    columns: int = 6  # moments on the sheet of the person's own motion; half as many of others'
    device: str = "auto"  # torch device; ``auto`` takes CUDA, then MPS, then the CPU
    seed: int = 0  # of tuning

    def __post_init__(self) -> None:
        if not self.shots or not all(1 <= count <= MAX_SHOTS for count in self.shots):
            raise UsageError(f"shots must be numbers from 1 to {MAX_SHOTS}, not {self.shots}")
        if list(self.shots) != sorted(set(self.shots)):
            raise UsageError(f"shots must ascend and differ, not {self.shots}")
        if not self.rows or not set(self.rows) <= set(ROWS):
            raise UsageError(f"rows must be of {', '.join(ROWS)}, not {', '.join(self.rows) or 'none'}")
        for name in ("people", "tune_steps"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UsageError(f"{name} must be 1 or more, not {value}")
        for name in ("frames", "cross_frames"):
            if getattr(self, name) < RUN:
                raise UsageError(f"{name} must be {RUN} or more, not {getattr(self, name)}")
        if self.cross_drivers < 0:
            raise UsageError(f"cross_drivers must be 0 or more, not {self.cross_drivers}")
        if not 1 <= self.columns <= 12:
            raise UsageError(f"columns must be from 1 to 12, not {self.columns}")
        if self.content not in CONTENT_LOSSES:
            raise UsageError(f"content must be one of {', '.join(CONTENT_LOSSES)}, not {self.content!r}")

    def quick(self) -> HeadsSettings:
        """The same for two people and few frames, hardly tuned: to see that everything runs."""
        return replace(self, people=2, frames=2 * RUN, cross_frames=RUN, tune_steps=6, content="none", columns=2)
