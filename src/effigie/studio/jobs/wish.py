"""What a page wishes for: the fields of one command, checked as they are read, and the command that comes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effigie.errors import UsageError
from effigie.studio.records import find_consents
from effigie.studio.workspace import Workspace

MAX_FILES = 1000  # of one command
MAX_TEXT = 2000  # characters of a text such as a consent's basis


@dataclass(frozen=True)
class Command:
    """Arguments of `effigie`, run in the workspace; for the rest see :class:`effigie.studio.jobs.job.Job`."""

    title: str
    arguments: tuple[str, ...]
    lane: str = "long"
    made: dict[str, str] | None = None


class Wish:
    """What a page has sent for one command: fields are checked as they are read.

    Raises (every method):
        UsageError: a field is missing or of another kind.
        UnknownIdError: an id stands for nothing.
    """

    def __init__(self, workspace: Workspace, fields: Mapping[str, Any]) -> None:
        self.workspace = workspace
        self.fields = fields

    def path(self, field: str) -> Path:
        """The file that an id stands for."""
        return self.workspace.handles.resolve(self._string(field, 16))

    def paths(self, field: str) -> list[Path]:
        """The files that a list of ids stands for, at least one."""
        ids = self.fields.get(field)
        if not isinstance(ids, list) or not 0 < len(ids) <= MAX_FILES:
            raise UsageError(f"{field}: choose one file or more, up to {MAX_FILES}")
        return [self.workspace.handles.resolve(one if isinstance(one, str) else "") for one in ids]

    def short(self, field: str) -> str:
        return self.workspace.shorten(self.path(field))

    def shorts(self, field: str) -> list[str]:
        return [self.workspace.shorten(path) for path in self.paths(field)]

    def has(self, field: str) -> bool:
        return self.fields.get(field) not in (None, "", [])

    def text(self, field: str, default: str | None = None) -> str:
        """A line of text."""
        if default is not None and not self.has(field):
            return default
        return " ".join(self._string(field, MAX_TEXT).split())

    def number(self, field: str, low: float, high: float) -> str:
        """A number in a range, as it is typed."""
        value = self.fields.get(field)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise UsageError(f"{field}: give a number from {low:g} to {high:g}")
        return f"{value:g}"

    def output(self, kind: str, suffix: str = "") -> Path:
        """Where something new of the name in ``name`` goes."""
        return self.workspace.output(kind, self.text("name"), suffix)

    def consents(self, faces: Path | None) -> list[str]:
        """``--consent`` for the record that was chosen; else for those that may cover the source.

        Commands look in the user's own store alone; the workspace's records must be named.
        """
        paths = [self.record("consent")] if self.has("consent") else find_consents(self.workspace, "swap", faces)
        return [part for path in paths for part in ("--consent", self.workspace.shorten(path))]

    def record(self, field: str) -> Path:
        """The file of a consent record, by its id.

        Raises:
            ConsentError: there is none, or it is damaged.
        """
        from effigie.consent.document import is_id

        record_id = self._string(field, 64)
        if not is_id(record_id):
            raise UsageError(f"{field}: that is no record's id")
        return self.workspace.store.locate(record_id)[1]

    def _string(self, field: str, limit: int) -> str:
        value = self.fields.get(field)
        if not isinstance(value, str) or not value.strip() or len(value) > limit or not value.isprintable():
            raise UsageError(f"{field}: fill it in, with a line of up to {limit} characters")
        return value.strip()
