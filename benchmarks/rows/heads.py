"""Row: talking heads of people held out from training, beside geometry alone and the paper's form."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.fixtures.heads_model import WITH, WITHOUT, face_sets, trained_heads_model
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.errors import ModelError
from effigie.evaluate.protocols.heads import evaluate_heads
from effigie.evaluate.protocols.heads_config import OURS_FF, OURS_FT, PAPER_FF, PAPER_FT, ROWS, WARPED, HeadsSettings
from effigie.evaluate.report.figures import Figure
from effigie.evaluate.report.heads_table import COLUMNS, CROSS, HeadsTable, MetricColumn, list_not_better
from effigie.io.folder_names import MANIFEST
from effigie.training.model_folder import get_shipped_folder

OURS = (OURS_FF, OURS_FT)
SHOWN_COLUMNS: tuple[MetricColumn, ...] = (
    *(column for column in COLUMNS if column.name not in ("landmarks", "opening", "gaze_error")),
    *(column for column in CROSS if column.name != "asked"),
)


def heads(context: RowContext) -> RowResult:
    """The table of ``effigie evaluate heads``, and whether it shows what it must."""
    material = context.material.heads()
    ours, bare = trained_heads_model(context, WITH), trained_heads_model(context, WITHOUT)
    rows: tuple[str, ...] = ROWS
    notes = []
    if ours is None and not _ships():
        rows = tuple(row for row in ROWS if row not in OURS)
        notes.append("there is no model to measure: none ships with this effigie, and the material is too small")
    elif ours is None:
        notes.append("the model is the one that ships; nobody measured here was in its training")
    faces = face_sets(context, "unseen", material.held_out_films, material.held_out_stills)
    settings = HeadsSettings(rows=rows)
    table = evaluate_heads(
        faces,
        ours,
        bare,
        context.work / "heads" / "evaluation",
        settings.quick() if context.quick else settings,
        progress=context.progress,
        cancel=context.cancel,
    )
    lines = [
        (_line(count, row, scores.landmarks), [column.format_value(scores) for column in SHOWN_COLUMNS])
        for count, of_rows in table.scores.items()
        for row, scores in of_rows.items()
    ]
    lines += [(figure, [""] * len(SHOWN_COLUMNS)) for figure in check_rows(table)]
    columns = {column.heading: [cells[i] for _, cells in lines] for i, column in enumerate(SHOWN_COLUMNS)}
    return RowResult(
        "Talking heads of people never seen",
        [figure for figure, _ in lines],
        columns,
        [*notes, *table.notes, "measured is the landmark error, as a share of the eye distance"],
        table.to_json(),
    )


def _ships() -> bool:
    try:
        return (get_shipped_folder("heads") / MANIFEST).is_file()
    except ModelError:
        return False


def _line(count: int, row: str, error: float) -> Figure:
    return Figure(f"T = {count}: {row}", 100 * error, "%", at_most=4.0 if row in OURS else None)


def check_rows(table: HeadsTable) -> Iterator[Figure]:
    """What must hold between the rows; metrics in which it does not are counted."""
    counts = list(table.scores)
    first, last = table.scores[counts[0]], table.scores[counts[-1]]
    for row in OURS:
        if row not in first:
            continue
        yield Figure(f"T = {counts[0]}: {row}, driven: CSIM to the portrait", first[row].to_portrait, at_least=0.75)
        yield Figure(f"T = {counts[0]}: {row}, driven: CSIM to the driver", first[row].to_driver, at_most=0.25)
        for count, rows in table.scores.items():
            yield Figure(f"T = {count}: {row}, flicker", rows[row].flicker, at_most=1.3)
            for other in (WARPED, PAPER_FF if row == OURS_FF else PAPER_FT):
                if other in rows:
                    lost = len(table.find_worse(count, row, other))
                    yield Figure(f"T = {count}: metrics in which {row} is not better than {other}", lost, at_most=0)
        if len(counts) > 1:
            lost = len(list_not_better(last[row], first[row]))
            yield Figure(f"{row}: metrics not better at T = {counts[-1]} than at {counts[0]}", lost, at_most=0)
    if set(OURS) <= set(last):
        behind = len(list_not_better(last[OURS_FT], last[OURS_FF]))
        yield Figure(f"T = {counts[-1]}: metrics in which FT is not better than FF", behind, at_most=0)
