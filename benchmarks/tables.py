"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.fixtures.row import RowResult
from effigie.errors import UsageError
from effigie.io.atomic_write import atomic_write

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HISTORY = "<!-- history:end -->"
VERDICTS = {None: "", True: "reached", False: "**missed**"}


def render_tables(records: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables of all rows, grouped by the machine and the clips that they were measured with."""
    groups: dict[tuple[tuple[str, str], ...], list[Mapping[str, Any]]] = {}
    for record in records.values():
        head = (*record["machine"].items(), ("clips", record["material"]))
        groups.setdefault(head, []).append(record)
    parts = []
    for head, members in groups.items():
        parts.append("\n".join(f"- {name}: {value}" for name, value in head))
        parts += [render_table(RowResult.from_json(member["result"])) for member in members]
    return "\n\n".join(parts) + "\n"


def render_headline(records: Mapping[str, Mapping[str, Any]]) -> str:
    """One table of every figure that has a bound, whatever its row."""
    lines = ["### Headline", "", _line(["row", "what", "measured", "must be", ""]), "|---|---|---|---|---|"]
    for record in records.values():
        result = RowResult.from_json(record["result"])
        for figure in result.figures:
            if figure.is_reached is not None:
                verdict = VERDICTS[figure.is_reached]
                lines.append(_line([result.title, figure.name, figure.value_text, figure.bounds_text, verdict]))
    return "\n".join(lines) + "\n"


def render_table(result: RowResult) -> str:
    """One row's heading, table and notes."""
    headings = ["what", *result.columns, "measured", "must be", ""]
    lines = [f"### {result.title}", "", _line(headings), "|" + "---|" * len(headings)]
    for index, figure in enumerate(result.figures):
        extra = [cells[index] for cells in result.columns.values()]
        lines.append(_line([figure.name, *extra, figure.value_text, figure.bounds_text, VERDICTS[figure.is_reached]]))
    if result.notes:
        lines += ["", *(f"- {note}" for note in result.notes)]
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def format_history(results: Sequence[RowResult], commit: str, day: date) -> list[str]:
    """A line of Markdown for each of the results that has limits: when, at which commit, and what came of them."""
    lines = []
    for result in results:
        bounded = [f"{each.name}: {each.value_text}" for each in result.figures if each.is_reached is not None]
        if bounded:
            lines.append(_line([day.isoformat(), commit, result.title, "; ".join(bounded)]))
    return lines


def add_history(path: Path, lines: Sequence[str]) -> None:
    """Put lines at the end of a Markdown file's history; without the file or the marker none is kept."""
    if not lines or not path.is_file():
        return
    before, marker, after = path.read_text(encoding="utf-8").partition(HISTORY)
    if not marker:
        return
    with atomic_write(path) as temporary:
        temporary.write_text("".join([before, *(f"{line}\n" for line in lines), marker, after]), encoding="utf-8")


def replace_between_markers(path: Path, text: str) -> None:
    """Put ``text`` between the two markers of a Markdown file.

    Raises:
        UsageError: there is no such file, or it lacks the markers.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist: it must hold the lines {BEGIN} and {END}")
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"{path} lacks the lines {BEGIN} and {END}, between which the tables go")
    with atomic_write(path) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")
