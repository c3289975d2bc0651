"""Evaluation of talking heads on held-out people: the paper's protocol, from copying a shot to a fine-tuned network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.errors import UsageError
from effigie.evaluate.metrics.mobilenet import ASSET
from effigie.evaluate.protocols.heads_config import RUN, HeadsSettings
from effigie.evaluate.protocols.heads_metrics import (
    CrossReenactment,
    PictureEvaluator,
    PictureMeasures,
    SelfReenactment,
)
from effigie.evaluate.protocols.heads_protocol import Subject, TargetFrame, choose_subjects, drive_subject
from effigie.evaluate.protocols.heads_rows import Renderer, RendererFactory
from effigie.evaluate.report.heads_sheet import HeadsSheet
from effigie.evaluate.report.heads_table import HeadScores, HeadsTable
from effigie.faces.mesh import mouth_opening
from effigie.faces.recognizer import IdentityModel
from effigie.faceset.plots.drawing import write_png
from effigie.heads.meta_learning.identity_dataset import IdentityDataset
from effigie.io.atomic_write import atomic_write, write_json
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

RESULTS, TABLE, SHEET = "heads.json", "heads.md", "heads.png"
SHOT, TRUTH = "one shot", "truth, or driver"


def evaluate_heads(
    faces: Sequence[str | Path],
    heads: str | Path | None = None,
    bare: str | Path | None = None,
    output: str | Path | None = None,
    settings: HeadsSettings | None = None,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> HeadsTable:
    """Measure talking heads of people that no model was trained on.

    Args:
        faces: face sets of such people, of clips or stills, with crops of one size; pictures are made and judged at
            that size. Whoever is in several clips is measured in the longest.
        heads: a model trained with ``prior="mesh"``; None for the one that ships.
        bare: one trained with ``prior="none"``, the paper's form; None leaves its rows out.
        output: folder for ``heads.json``, ``heads.md`` and ``heads.png``, whose pictures are of these face sets alone;
            None writes nothing.

    Raises:
        FaceSetError: a face set cannot be read, or nobody in it can be measured.
        ModelError: a model cannot be used.
        UsageError: a model was trained with the other prior.
        AssetError: a network that judges cannot be fetched.
        CancelledError: asked to stop.
    """
    settings, cancel = settings or HeadsSettings(), cancel or CancelToken()
    fetch_assets([*REQUIRED_ASSETS, ASSET], progress)
    factory = RendererFactory(heads, bare, settings, cancel)
    if not factory.rows:
        raise UsageError("no row to measure: the paper's rows need a model trained with --prior none")
    gallery, identity = IdentityDataset(faces, progress), IdentityModel()
    subjects = choose_subjects(gallery, identity, settings)
    run = _Evaluation(
        gallery, subjects, factory, PictureEvaluator(identity, settings.device), settings, progress, cancel
    )
    table = run.table()
    if output is not None:
        folder = Path(output)
        write_json(folder / RESULTS, table.to_json())
        with atomic_write(folder / TABLE) as temporary:
            temporary.write_text(table.markdown(), encoding="utf-8")
        write_png(folder / SHEET, run.sheet.draw("rows: makers at each T    columns: moments held out"))
    return table


@dataclass
class _MotionRun:
    """Consecutive moments to be made of one subject, and what they are compared with."""

    moments: list[TargetFrame]
    truth: list[PictureMeasures]  # the subject itself; with a driver, the driver
    driver: str = ""
    column: str = ""  # on the sheet, and which moment is shown there; empty for none
    sheet_moment: int = 0


@dataclass
class _RowResult:
    """Measurements of one method's pictures, and its pictures for the sheet."""

    own: list[SelfReenactment] = field(default_factory=list)
    cross: list[CrossReenactment] = field(default_factory=list)
    pictures: list[tuple[str, np.ndarray]] = field(default_factory=list)


class _Evaluation:
    """The state of one evaluation."""

    def __init__(
        self,
        gallery: IdentityDataset,
        subjects: list[Subject],
        factory: RendererFactory,
        evaluator: PictureEvaluator,
        settings: HeadsSettings,
        progress: ProgressCallback,
        cancel: CancelToken,
    ) -> None:
        self._gallery, self._subjects, self._factory, self._evaluator = gallery, subjects, factory, evaluator
        self._settings, self._progress, self._cancel = settings, progress, cancel
        self.sheet = HeadsSheet()

    def table(self) -> HeadsTable:
        """Evaluate all subjects in turn; a renderer is released once its pictures are measured."""
        settings, rows = self._settings, self._factory.rows
        results: dict[tuple[int, str], dict[str, _RowResult]] = defaultdict(dict)
        total = len(self._subjects) * len(settings.shots) * len(rows)
        most = settings.columns  # moments on the sheet
        count = min(len(self._subjects), most)
        self._own_columns, self._other_columns = [most // count] * count, [1] * min(count, max(1, most // 2))
        for number, subject in enumerate(self._subjects):
            runs = self._runs(number)
            row_results: dict[tuple[int, str], _RowResult] = {}
            for count in settings.shots:
                for place, row in enumerate(rows):
                    # Whoever has fewer shots than T gives the same ones again: nothing new would come of it.
                    key = min(count, len(subject.shots)), row
                    step = (number * len(settings.shots) + settings.shots.index(count)) * len(rows) + place
                    note = f"{subject.name}, T = {count}, {row}"
                    self._progress(Progress("heads", step, total, "rows", note))
                    if key not in row_results:
                        row_results[key] = self._row(number, row, key[0], runs, note)
                    results[count, row][subject.name] = row_results[key]
                    for column, picture in row_results[key].pictures:
                        self.sheet.add(f"T={count} {row}", column, picture)
        self._progress(Progress("heads", total, total, "rows"))
        scores: dict[int, dict[str, HeadScores]] = defaultdict(dict)
        person_scores: dict[int, dict[str, dict[str, HeadScores]]] = defaultdict(dict)
        for count in settings.shots:
            for row in rows:
                people = results[count, row]
                own = [one for result in people.values() for one in result.own]
                cross = [one for result in people.values() for one in result.cross]
                scores[count][row] = HeadScores.from_records(own, cross)
                person_scores[count][row] = {
                    name: HeadScores.from_records(result.own, result.cross) for name, result in people.items()
                }
        names = [subject.name for subject in self._subjects]
        return HeadsTable(dict(scores), names, self._notes(), asdict(settings), dict(person_scores))

    def _row(self, number: int, row: str, count: int, runs: list[_MotionRun], note: str) -> _RowResult:
        """Prepare a row's renderer for a subject, render every run, and measure them."""
        subject = self._subjects[number]
        shots = [self._gallery.shot(subject.identity, index) for index in subject.shots[:count]]

        def report(progress: Progress) -> None:
            self._progress(replace(progress, stage=f"heads: {progress.stage}", note=note))

        make: Renderer = self._factory.create_renderer(row, shots, report)
        result = _RowResult()
        for run in runs:
            self._cancel.check()
            renders = make(run.moments)
            if run.driver:
                measure = self._evaluator.measure_cross_reenactment
                targets = [moment.geometry for moment in run.moments]
                result.cross += measure(renders, targets, subject.embedding, run.truth)
            else:
                result.own += self._evaluator.measure_self_reenactment(number, renders, run.truth)
            if run.column:
                result.pictures.append((run.column, renders[run.sheet_moment]))
        return result

    def _runs(self, number: int) -> list[_MotionRun]:
        """The subject's own runs held out, and those of its drivers."""
        gallery, subject, settings = self._gallery, self._subjects[number], self._settings
        runs = []
        for indices in subject.runs:
            shots = [gallery.shot(subject.identity, index) for index in indices]
            moments = [TargetFrame(shot.geometry, shot.blendshapes) for shot in shots]
            runs.append(_MotionRun(moments, self._evaluator.measure([shot.picture for shot in shots])))
        for driver in self._drivers(number):
            run_numbers = np.linspace(0, len(driver.runs) - 1, min(len(driver.runs), settings.cross_frames // RUN))
            for indices in (driver.runs[int(index)] for index in run_numbers):
                pictures = [gallery.shot(driver.identity, index).picture for index in indices]
                moments = drive_subject(gallery, subject, driver, indices)
                truth = self._evaluator.measure_without_features(pictures)
                runs.append(_MotionRun(moments, truth, driver.name))
        self._choose_sheet_frames(number, runs)
        return runs

    def _drivers(self, number: int) -> list[Subject]:
        """Other subjects who are filmed, in turns."""
        candidates = self._subjects[number + 1 :] + self._subjects[:number]
        videos = [other for other in candidates if other.identity.is_video]
        first = number % max(1, len(videos))
        return (videos[first:] + videos[:first])[: self._settings.cross_drivers]

    def _choose_sheet_frames(self, number: int, runs: list[_MotionRun]) -> None:
        """Choose the sheet's moments: of runs apart, where the mouth is farthest from that of the first shot."""
        subject = self._subjects[number]
        shot = self._gallery.shot(subject.identity, subject.shots[0])
        rest = mouth_opening(shot.geometry.landmarks)
        for is_driven, counts in ((False, self._own_columns), (True, self._other_columns)):
            offered = []
            for run in (run for run in runs if bool(run.driver) == is_driven):
                changes = [abs(mouth_opening(m.geometry.landmarks) - rest) for m in run.moments]
                offered.append((max(changes), int(np.argmax(changes)), run))
            offered.sort(key=lambda one: -one[0])
            for place, (_, moment, run) in enumerate(offered[: counts[number] if number < len(counts) else 0]):
                suffix = f" by {run.driver}" if run.driver else ""
                run.column, run.sheet_moment = f"{subject.name[:11]}{suffix} {place + 1}", moment
                self.sheet.add(SHOT, run.column, shot.picture)
                self.sheet.add(TRUTH, run.column, run.truth[moment].picture)

    def _notes(self) -> list[str]:
        subjects, settings = self._subjects, self._settings
        notes = [
            f"{len(subjects)} people, {sum(subject.identity.is_video for subject in subjects)} of them filmed; "
            "every row makes the same moments, and those of every T are the same"
        ]
        fewer = [subject.name for subject in subjects if len(subject.shots) < max(settings.shots)]
        if fewer:
            notes.append(
                f"{len(fewer)} people have fewer than {max(settings.shots)} pictures to spare, and give all they have"
            )
        cosines = [
            float(subject.embedding @ driver.embedding)
            for number, subject in enumerate(subjects)
            for driver in self._drivers(number)
        ]
        if cosines:
            notes.append(f"portraits and their drivers have a cosine of {np.mean(cosines):.2f} themselves")
        elif settings.cross_drivers:
            notes.append("nobody else is filmed: nobody was driven by another")
        return notes
