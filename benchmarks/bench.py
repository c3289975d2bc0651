"""`python -m benchmarks`: measures every figure of docs/results.md, row by row, and saves each at once."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fixtures.material import FolderMaterial, Material, SampleMaterial
from benchmarks.fixtures.row import RowContext, RowFunction, RowResult
from benchmarks.machine import describe_machine, git_commit, load_average
from benchmarks.tables import add_history, format_history, render_headline, render_tables, replace_between_markers
from effigie.errors import EffigieError, UsageError
from effigie.io.atomic_write import atomic_write, read_json, write_json
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.training.device import device_override

VERSION = 1
RESULTS, TABLE = "results.json", "results.md"
HISTORY_PAGE = "history.md"


def create_rows(material: Material) -> dict[str, RowFunction]:
    """Name -> row, in the order of the table; the swaps are named by who goes into whom."""
    from benchmarks.rows.adversary import adversary
    from benchmarks.rows.animation import animation, first_use
    from benchmarks.rows.at_once import at_once, five_minutes
    from benchmarks.rows.baselines import baselines
    from benchmarks.rows.broken_media import broken_media
    from benchmarks.rows.consent import consent
    from benchmarks.rows.conversion import conversion
    from benchmarks.rows.detection import detection
    from benchmarks.rows.driven import driven
    from benchmarks.rows.dubbing import dubbing
    from benchmarks.rows.edits import edits
    from benchmarks.rows.extraction import extraction
    from benchmarks.rows.false_ids import false_ids
    from benchmarks.rows.first_frame import first_frame
    from benchmarks.rows.footprint import footprint
    from benchmarks.rows.grants import grants
    from benchmarks.rows.heads import heads
    from benchmarks.rows.jobs import ray_pool, two_processes
    from benchmarks.rows.kills import kills
    from benchmarks.rows.long_clips import long_clips
    from benchmarks.rows.many import many_clips
    from benchmarks.rows.occlusion import occlusion
    from benchmarks.rows.people import people
    from benchmarks.rows.sound_mark import sound_mark
    from benchmarks.rows.speaking import speaking
    from benchmarks.rows.stages import stages
    from benchmarks.rows.stops import stops
    from benchmarks.rows.swapping import row_name, swapping
    from benchmarks.rows.training_efficiency import training_efficiency
    from benchmarks.rows.training_quality import training_quality
    from benchmarks.rows.training_speed import training_speed
    from benchmarks.rows.verify import intimate, picture_match, verify
    from benchmarks.rows.voice import voice
    from benchmarks.rows.voice_consent import voice_consent
    from benchmarks.rows.watermark import watermark

    rows: dict[str, RowFunction] = {
        "extraction": extraction,
        "found": detection,
        "memory": footprint,
        "long-clips": long_clips,
        "training-speed": training_speed,
        "training-efficiency": training_efficiency,
        "training-quality": training_quality,
    }
    for pair in material.pairs():
        for source, target in (pair, pair[::-1]):
            rows[row_name(source, target)] = functools.partial(swapping, source_name=source, target_name=target)
    rows["at-once"] = at_once
    rows["five-minutes"] = five_minutes
    rows["stages"] = stages
    rows["adversary"] = adversary
    rows["people"] = people
    rows["convert"] = conversion
    rows["two-processes"] = two_processes
    rows["ray"] = ray_pool
    rows["many-clips"] = many_clips
    rows["occlusion"] = occlusion
    rows["animate"] = animation
    rows["first-use"] = first_use
    rows["speaking"] = speaking
    rows["dub"] = dubbing
    rows["first-frame"] = first_frame
    rows["driven"] = driven
    rows["heads"] = heads
    rows["consent"] = consent
    rows["grants"] = grants
    rows["voice-consent"] = voice_consent
    rows["intimate"] = intimate
    rows["verify"] = verify
    rows["likeness"] = picture_match
    rows["watermark"] = watermark
    rows["edits"] = edits
    rows["baselines"] = baselines
    rows["false-ids"] = false_ids
    rows["sound-mark"] = sound_mark
    rows["voice"] = voice
    rows["kills"] = kills
    rows["stops"] = stops
    rows["broken-media"] = broken_media
    return rows


def run_bench(
    output: str | Path = "bench",
    data: str | Path | None = None,
    only: Sequence[str] = (),
    quick: bool = False,
    remeasure: bool = False,
    write_docs: str | Path | None = None,
    device: str = "auto",
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> dict[str, RowResult]:
    """Measure rows that have no result yet, and write ``results.json`` and ``results.md`` after each.

    Args:
        output: folder for results, tables and what the rows make (models, face sets, swapped clips, sheets).
        data: a folder with ``clips/`` and ``clips.tsv``; the samples that pip carries by default.
        only: names of rows, or what they begin with (``swap``); all by default.
        quick: tiny budgets, to see that everything runs; kept apart from real results.
        remeasure: measure rows that have a result, too.
        write_docs: a folder with ``results.md``, whose part between the two markers is replaced by the tables, and
            ``history.md``, to which what is measured now is added.
        device: torch device on which networks are trained and run; ``auto`` as everywhere.

    Returns:
        Every result there is now, those of earlier calls included.

    Raises:
        UsageError: no such row, folder or device, or the page of results has no markers.
        CancelledError: asked to stop; finished rows are kept.
    """
    cancel = cancel or CancelToken()
    output = Path(output).absolute()  # rows work in directories of their own
    work = output / ("quick" if quick else "work")
    work.mkdir(parents=True, exist_ok=True)
    cuts = work / "clips"
    cuts.mkdir(exist_ok=True)
    material: Material = FolderMaterial(data, cuts) if data is not None else SampleMaterial(cuts)
    rows = create_rows(material)
    chosen = select_rows(list(rows), only)
    store = work / RESULTS if quick else output / RESULTS
    records = read_records(store)
    context = RowContext(material, work, quick, progress, cancel)
    measured: list[RowResult] = []
    with device_override(device):
        for number, name in enumerate(chosen):
            progress(Progress("bench", number, len(chosen), "rows", name))
            if name in records and records[name]["material"] == material.name and not remeasure:
                continue
            busy = load_average()
            result = rows[name](context.with_progress_name(name))
            records[name] = {
                "material": material.name,
                "machine": describe_machine(),
                "load_before": busy,
                "result": result.to_json(),
            }
            measured.append(result)
            write_json(store, {"version": VERSION, "rows": records})
    progress(Progress("bench", len(chosen), len(chosen), "rows"))
    ordered = {name: records[name] for name in (*rows, *records) if name in records}
    text = f"{render_headline(ordered)}\n{render_tables(ordered)}"
    with atomic_write(store.parent / TABLE) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if write_docs is not None:
        replace_between_markers(Path(write_docs) / TABLE, text)
        add_history(
            Path(write_docs) / HISTORY_PAGE,
            format_history(measured, git_commit(), datetime.datetime.now(datetime.UTC).date()),
        )
    return {name: RowResult.from_json(record["result"]) for name, record in ordered.items()}


def select_rows(names: Sequence[str], only: Sequence[str]) -> list[str]:
    """The rows that are named, or begin with what is named, in their own order.

    Raises:
        UsageError: something names no row.
    """
    for wanted in only:
        if not any(name.startswith(wanted) for name in names):
            raise UsageError(f"no row is called {wanted!r}: choose of {', '.join(names)}")
    return [name for name in names if not only or any(name.startswith(wanted) for wanted in only)]


def read_records(path: Path) -> dict[str, Any]:
    """The rows of an earlier call; empty without one.

    Raises:
        EffigieError: the file is damaged or of a newer version.
    """
    if not path.is_file():
        return {}
    try:
        document = read_json(path)
        version, rows = int(document["version"]), dict(document["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EffigieError(f"{path} is damaged ({error}): remove it or choose another output") from error
    if version > VERSION:
        raise EffigieError(f"{path} was written by a newer effigie: choose another output")
    return rows
