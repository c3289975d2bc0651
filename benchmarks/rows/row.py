"""What a row of the bench is given, and what it gives back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.rows.material import Actor, Material
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic import write_json
from effigie.progress import Cancel, Progress, ProgressCallback


@dataclass(frozen=True)
class Setting:
    """What a row works with.

    Attributes:
        material: the clips.
        work: folder for whatever a row makes; kept, so that a stopped bench goes on.
        quick: tiny budgets, to see that every row runs; the figures then mean little.
        progress, cancel: as everywhere.
    """

    material: Material
    work: Path
    quick: bool
    progress: ProgressCallback
    cancel: Cancel

    def named(self, name: str) -> Setting:
        """The same, its progress reported under ``name``."""

        def report(progress: Progress) -> None:
            self.progress(replace(progress, stage=f"{name}: {progress.stage}"))

        return replace(self, progress=report)

    def faces(self, actor: Actor) -> Path:
        """The face set of an actor's training clips, extracted at first use."""
        import effigie

        path = self.work / "faces" / f"{actor.name}.faces"
        effigie.extract(actor.train, path, progress=self.progress, cancel=self.cancel)
        return path

    def consent(self, actor: Actor) -> Path:
        """The actor's consent record, made at first use from a training clip and its terms."""
        from effigie.consent import new_consent

        path = self.work / "consents" / f"{actor.name}.json"
        if not path.is_file():
            record = new_consent(actor.name, actor.train[:1], ("swap",), basis=actor.terms)
            record.save(path)
        return path

    def model(self, source: Actor, target: Actor, name: str, **settings: Any) -> tuple[Path, dict[str, Any]]:
        """A trained swap and what its training reported; one that was stopped is begun anew.

        Args:
            name: folder under ``work``.
            settings: of :class:`effigie.swap.SwapSettings`.
        """
        from effigie.swap import SwapSettings, train

        folder = self.work / name
        model, done = folder / "model", folder / "trained.json"
        if done.is_file():
            record = json.loads(done.read_text(encoding="utf-8"))
            if record["settings"] == settings:
                return model, record
        shutil.rmtree(folder, ignore_errors=True)
        faces = self.faces(source), self.faces(target)
        report = train(
            *faces,
            model,
            SwapSettings(**settings),
            consent=self.consent(source),
            progress=self.progress,
            cancel=self.cancel,
        )
        record = {
            "settings": settings,
            "steps": report.steps,
            "seconds": report.seconds,
            "images_per_second": report.images_per_second,
            "held_out_error": report.held_out_error,
        }
        write_json(done, record)
        return model, record


@dataclass(frozen=True)
class Result:
    """What a row found.

    Attributes:
        title: heading of its table.
        figures: what was measured, and what must be reached.
        columns: heading -> text for every figure, shown before the figure itself.
        notes: sentences below the table.
        details: raw values, for the JSON only.
    """

    title: str
    figures: list[Figure]
    columns: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "title": self.title,
            "figures": [figure.to_json() for figure in self.figures],
            "columns": self.columns,
            "notes": self.notes,
            "details": self.details,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Result:
        """The result that :meth:`to_json` described."""
        figures = [Figure.from_json(figure) for figure in values["figures"]]
        return cls(values["title"], figures, values["columns"], values["notes"], values["details"])


Row = Callable[[Setting], Result]
