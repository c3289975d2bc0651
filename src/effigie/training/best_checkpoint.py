"""Checkpoint of the averaged weights with the lowest held-out error, beside the others; it is what is exported."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from effigie.io.atomic_write import atomic_write, discard
from effigie.io.tensors import compute_digest
from effigie.training.checkpoint import VERSION, DamagedError, encode_checkpoint, read_checkpoint

BEST_FILE = "best.safetensors"
TIE_TOLERANCE = 0.005
"""Relative difference of held-out errors that means nothing: evaluations of swaps, a minute apart, scatter by 0.3 to
0.8 % around their neighbours. Of weights that are equally good by that measure those trained longest are taken, since
detail goes on growing where structural similarity hardly sees it."""


@dataclass(frozen=True)
class BestCheckpoint:
    """Evaluation of the best checkpoint's weights: ``error`` after ``step`` steps and ``seconds`` of training in all.

    ``lowest`` is the lowest error of any evaluation: within ``TIE_TOLERANCE`` of it, later weights replace earlier.
    """

    step: int
    seconds: float
    error: float
    lowest: float


class BestCheckpointStore:
    """Keeps one copy of the averaged weights in ``folder``, written whole or not at all.

    It is a file of its own: a run goes on from the newest checkpoint, whatever is kept here.

    Args:
        folder: of the checkpoints.
        first: step from which weights may be kept; those of step 0 are untrained.
    """

    def __init__(self, folder: Path, first: int = 1) -> None:
        self._path = folder / BEST_FILE
        self._first = first
        self.best: BestCheckpoint | None = None
        self.notes: tuple[str, ...] = ()
        if self._path.exists():
            try:
                self.best = read_best(folder)[0]
            except DamagedError as error:
                self.notes = (f"{error}; the best weights are looked for anew",)
                discard(self._path)

    def save_if_best(
        self, step: int, seconds: float, error: float, weights: Callable[[], dict[str, Tensor]]
    ) -> bool:
        """Save ``weights()`` if ``error`` is the lowest so far, or within the tolerance of it; return whether.

        Raises:
            EffigieError: the disk is full; what was kept is left as it was.
        """
        if step < self._first or not math.isfinite(error):
            return False
        lowest = error if self.best is None else min(error, self.best.lowest)
        if error > lowest * (1 + TIE_TOLERANCE):
            return False
        best = BestCheckpoint(step, round(seconds, 3), error, lowest)
        tensors = weights()
        header = {"version": VERSION, "scalars": {}, **asdict(best), "digest": compute_digest(tensors)}
        with atomic_write(self._path) as temporary:
            temporary.write_bytes(encode_checkpoint(tensors, header))
        self.best = best
        return True


def read_best(folder: Path) -> tuple[BestCheckpoint, Mapping[str, Tensor]]:
    """The best checkpoint in the folder: its evaluation, and its tensors by name.

    Raises:
        DamagedError: it is not what was written.
        ModelError: it may not be read, or is of a newer version.
    """
    snapshot, record = read_checkpoint(folder / BEST_FILE)
    values: dict[str, Any] = {name: record[name] for name in ("step", "seconds", "error", "lowest")}
    return BestCheckpoint(**values), snapshot.tensors


def remove_best(folder: Path) -> None:
    """Remove the best checkpoint of an earlier run, so that the newest weights are exported."""
    discard(folder / BEST_FILE)
