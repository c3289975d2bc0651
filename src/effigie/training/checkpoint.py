"""Checkpoints on disk: a safetensors file each, written whole or not at all, checked when read. No pickle.

The newest few, to go on from, and the one of the averaged weights with the lowest held-out error, which is exported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from effigie.errors import ModelError
from effigie.io.atomic_write import atomic_write, discard, parse_json, write_json
from effigie.io.tensors import compute_digest
from effigie.training.state import Snapshot

VERSION = 1
HEADER_KEY = "effigie"
"""Key of a checkpoint's record, as JSON, in the safetensors header."""


BEST_FILE = "best.safetensors"
TIE_TOLERANCE = 0.005
"""Relative difference of held-out errors that means nothing: evaluations of swaps, a minute apart, scatter by 0.3 to
0.8 % around their neighbours. Of weights that are equally good by that measure those trained longest are taken, since
detail goes on growing where structural similarity hardly sees it."""


class DamagedError(ModelError):
    """A checkpoint's bytes are not what was written."""


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A loaded checkpoint: its state, the record saved with it, and a note for each newer damaged one."""

    snapshot: Snapshot
    record: dict[str, Any]
    notes: tuple[str, ...]


class CheckpointStore:
    """The newest ``keep`` checkpoints in ``folder``.

    Each ``step-000123.safetensors`` is complete in itself: tensors, and in the header a record (step,
    seconds, settings, guard, digest of the tensors). ``state.json`` repeats the newest record for people and
    other programs; nothing depends on it, so there is no moment at which the two could contradict each other.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder = folder
        self.keep = keep
        self._damaged: set[Path] = set()

    def save(self, snapshot: Snapshot, record: Mapping[str, Any]) -> Path:
        """Write ``snapshot`` with ``record`` (JSON values), then drop what is older than the last ``keep``."""
        path = self.folder / f"step-{snapshot.step:06d}.safetensors"
        facts = {"version": VERSION, "step": snapshot.step, **record}
        header = {**facts, "scalars": snapshot.scalars, "digest": compute_digest(snapshot.tensors)}
        with atomic_write(path) as temporary:
            # Through bytes, as safetensors' own writer hides a full disk behind an error of another kind.
            temporary.write_bytes(encode_checkpoint(snapshot.tensors, header))
        write_json(self.folder / "state.json", {**facts, "file": path.name})
        # Damaged ones go only now that there is something better, and are not counted among those kept.
        self._damaged.discard(path)
        sound = [candidate for candidate in self._paths() if candidate not in self._damaged]
        for old in [*self._damaged, *sound[self.keep :]]:
            discard(old)
        self._damaged.clear()
        return path

    def newest(self) -> LoadedCheckpoint | None:
        """The newest checkpoint that can be read, or None if there is none at all.

        Raises:
            ModelError: there are checkpoints, but every one is damaged; or one is of a newer version.
        """
        notes: list[str] = []
        for path in self._paths():
            try:
                snapshot, record = read_checkpoint(path)
                return LoadedCheckpoint(snapshot, record, tuple(notes))
            except DamagedError as error:
                notes.append(str(error))
                self._damaged.add(path)
        if notes:
            raise ModelError(f"no checkpoint in {self.folder} can be read ({notes[0]}); remove it to start over")
        return None

    def remove_partial_files(self) -> None:
        """Remove files that a killed run left half-written."""
        for path in self.folder.glob(".step-*.partial*"):
            discard(path)

    def _paths(self) -> list[Path]:
        return list_checkpoints(self.folder)


def list_checkpoints(folder: Path) -> list[Path]:
    """The files of checkpoints in a folder, newest first."""
    return sorted(folder.glob("step-*.safetensors"), key=parse_step, reverse=True)


def read_checkpoint(path: Path) -> tuple[Snapshot, dict[str, Any]]:
    """The state and the record in a checkpoint file.

    Raises:
        DamagedError: it is damaged, or no checkpoint.
        ModelError: it may not be read, or is of a newer version.
    """
    try:
        with safe_open(path, "pt") as file:
            record = dict(parse_json((file.metadata() or {})[HEADER_KEY]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        version, step = int(record["version"]), int(record["step"])
        digest, scalars = record["digest"], dict(record["scalars"])
    except PermissionError as error:
        raise ModelError(f"{path} may not be read: give yourself the permission, and run it again") from error
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise DamagedError(f"{path} is damaged ({error})") from error
    if version > VERSION:
        raise ModelError(f"{path} was written by a newer effigie: upgrade to read it")
    if digest != compute_digest(tensors):
        raise DamagedError(f"{path} is damaged (its bytes have changed since it was written)")
    return Snapshot(step, tensors, scalars), record


def encode_checkpoint(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    """A safetensors file with a record in its header."""
    dense = {name: tensor.contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(dense, {HEADER_KEY: json.dumps(header)})


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

    def save_if_best(self, step: int, seconds: float, error: float, weights: Callable[[], dict[str, Tensor]]) -> bool:
        """Save ``weights()`` if ``error`` is the lowest so far, or within the tolerance of it; return whether."""
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
    """The best checkpoint in the folder: its evaluation, and its tensors by name."""
    snapshot, record = read_checkpoint(folder / BEST_FILE)
    values: dict[str, Any] = {name: record[name] for name in ("step", "seconds", "error", "lowest")}
    return BestCheckpoint(**values), snapshot.tensors


def remove_best(folder: Path) -> None:
    """Remove the best checkpoint of an earlier run, so that the newest weights are exported."""
    discard(folder / BEST_FILE)


def parse_step(path: Path) -> int:
    """The step that a checkpoint's file is named by; -1 for a name of another kind."""
    digits = path.stem.removeprefix("step-")
    return int(digits) if digits.isdigit() else -1
