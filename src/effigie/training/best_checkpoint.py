"""The weights at which the held-out error was lowest: kept beside the checkpoints, and what is exported."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from effigie.io.atomic import atomic, discard
from effigie.io.tensors import digest
from effigie.training.checkpoint import VERSION, DamagedError, read_checkpoint, save_bytes

FILE = "best.safetensors"
MARGIN = 0.005
"""Relative difference of held-out errors that means nothing: evaluations of swaps, a minute apart, scatter by 0.3 to
0.8 % around their neighbours. Of weights that are equally good by that measure those trained longest are taken, since
detail goes on growing where structural similarity hardly sees it."""


@dataclass(frozen=True)
class Best:
    """The kept weights were evaluated after ``step`` steps and ``seconds`` of training in all, with ``error``.

    ``lowest`` is the lowest error of any evaluation: within ``MARGIN`` of it, later weights took the place of earlier.
    """

    step: int
    seconds: float
    error: float
    lowest: float


class BestWeights:
    """Keeps one copy of the averaged weights in ``folder``, written whole or not at all.

    It is a file of its own: a run goes on from the newest checkpoint, whatever is kept here.

    Args:
        folder: of the checkpoints.
        first: step from which weights may be kept. Those of step 0 nobody has trained.
    """

    def __init__(self, folder: Path, first: int = 1) -> None:
        self._path = folder / FILE
        self._first = first
        self.best: Best | None = None
        self.notes: tuple[str, ...] = ()
        if self._path.exists():
            try:
                self.best = read_best(folder)[0]
            except DamagedError as error:
                self.notes = (f"{error}; the best weights are looked for anew",)
                discard(self._path)

    def offer(
        self, step: int, seconds: float, error: float, weights: Callable[[], dict[str, Tensor]]
    ) -> bool:
        """Keep ``weights()`` if ``error`` is the lowest so far, or within the margin of it; tell whether.

        Raises:
            EffigieError: the disk is full; what was kept is left as it was.
        """
        if step < self._first or not math.isfinite(error):
            return False
        lowest = error if self.best is None else min(error, self.best.lowest)
        if error > lowest * (1 + MARGIN):
            return False
        best = Best(step, round(seconds, 3), error, lowest)
        tensors = weights()
        header = {"version": VERSION, "scalars": {}, **asdict(best), "digest": digest(tensors)}
        with atomic(self._path) as temporary:
            temporary.write_bytes(save_bytes(tensors, header))
        self.best = best
        return True


def read_best(folder: Path) -> tuple[Best, Mapping[str, Tensor]]:
    """What is kept in the folder of the checkpoints, tensors by their names there.

    Raises:
        DamagedError: it is not what was written.
        ModelError: it may not be read, or is of a newer version.
    """
    snapshot, record = read_checkpoint(folder / FILE)
    values: dict[str, Any] = {name: record[name] for name in ("step", "seconds", "error", "lowest")}
    return Best(**values), snapshot.tensors


def forget(folder: Path) -> None:
    """Remove what an earlier run kept there, so that the newest weights are exported."""
    discard(folder / FILE)
