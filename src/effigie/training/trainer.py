"""What the trainers of swap, heads and occlusion share: settings of a run, its report, the manifest of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from effigie._version import __version__
from effigie.io.atomic_write import write_json
from effigie.io.folder_names import MANIFEST
from effigie.io.stored_names import to_stored
from effigie.progress import CancelToken, ProgressCallback
from effigie.training.config import TrainingSettings
from effigie.training.loop import StepReport, TrainingResult, train
from effigie.training.stop import save_on_stop
from effigie.training.task import Task

if TYPE_CHECKING:
    from effigie.faceset import FaceSet


class RunSettings(Protocol):
    """What the settings of every trainer have."""

    @property
    def minutes(self) -> float | None: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> Literal["auto", "fp32", "bf16"]: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """What every trainer reports.

    Attributes:
        output: the model folder.
        steps, seconds: of all and of this call.
        stopped_because: ``steps``, ``minutes`` or ``no improvement``.
        curve: rows of the held-out curve.
        notes: what went wrong and was put right.
        processes: how many trained together.
    """

    output: Path
    steps: int
    seconds: float
    stopped_because: str
    curve: list[Any]
    notes: tuple[str, ...]
    processes: int = 1

    @classmethod
    def from_result(cls, output: Path, result: TrainingResult, **values: Any) -> Self:
        """The report of a run; ``values`` are what a trainer adds, or says otherwise."""
        common: dict[str, Any] = {
            "output": output,
            "steps": result.steps,
            "seconds": result.seconds,
            "stopped_because": result.stopped_because,
            "curve": result.curve,
            "notes": result.notes,
            "processes": result.processes,
        }
        return cls(**(common | values))


def fit(
    task: Task,
    output: Path,
    settings: RunSettings,
    patience: int,
    progress: ProgressCallback,
    cancel: CancelToken | None,
    callback: Callable[[StepReport], None] | None,
    save: Callable[..., None] | None = None,
    **options: Any,
) -> TrainingResult:
    """Train with a trainer's own settings, and save the model at the end or where it is stopped.

    Args:
        patience: evaluations without gain after which a run without a budget of minutes or steps ends.
        save: writes the model, given the step and at the end ``held_out_error`` and ``notes``; see
            :func:`effigie.training.stop.save_on_stop`. None in processes that write nothing.
        options: further ones of :class:`effigie.training.TrainingSettings`.
    """
    endless = settings.minutes is None and settings.steps is None
    run = TrainingSettings(
        minutes=settings.minutes,
        steps=settings.steps,
        patience=patience if endless else None,
        precision=settings.precision,
        device=settings.device,
        seed=settings.seed,
        **options,
    )
    with save_on_stop(output, save):
        result = train(task, output, run, progress, cancel, callback)
    if save is not None:
        save(result.steps, held_out_error=result.best_error, notes=list(result.notes))
    return result


def write_manifest(output: Path, kind: str, settings: Any, **values: Any) -> None:
    """Write what a model was trained with and on; it is written last, so a model that has one is whole."""
    write_json(output / MANIFEST, {"effigie": __version__, "kind": kind, "settings": to_stored(settings), **values})


def describe_facesets(facesets: Iterable[FaceSet]) -> list[dict[str, Any]]:
    """What a manifest says of face sets: clips by the digests of their files, number of faces, consents."""
    return [
        {
            "clips": {name: info.sha256 for name, info in faceset.sources.items()},
            "faces": len(faceset),
            "consents": faceset.consents,
        }
        for faceset in facesets
    ]
