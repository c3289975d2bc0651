"""Storage of records and revocations: a folder in the project, one in the user's home, files anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from effigie.consent.canonical import read_bytes
from effigie.consent.document import Consent, Revocation, is_id
from effigie.consent.signature import REVOCATION
from effigie.consent.values import local_today
from effigie.errors import ConsentError
from effigie.io.home import home

CONSENTS_FOLDER = "consents"
USED_FOLDER = "used"  # in the user's own store: records that outputs rest on, which allow nothing by lying there
REVOCATION_SUFFIX = ".revoked.json"
MAX_FILES = 10_000  # of a folder are looked at


@dataclass(frozen=True)
class StoredConsent:
    """A record in a store; ``state`` is ``valid``, ``revoked``, ``expired`` or ``not yet valid``."""

    consent: Consent
    path: Path
    state: str


class ConsentStore:
    """Records and revocations in folders, which need not exist; searched in order; the first is written to."""

    def __init__(self, folders: Sequence[str | Path]) -> None:
        self.folders = tuple(Path(folder) for folder in folders)

    def add(self, document: Consent | Revocation) -> Path:
        """Write a record or revocation into the store; returns its path."""
        if isinstance(document, Consent):
            path = self.folders[0] / f"{document.id}.json"
        else:
            path = self.folders[0] / _revocation_name(document.consent)
        # A revocation is not undone by a later one, and a record of one id is that record.
        document.save(path, replace=True)
        return path

    def find(self, id_or_path: str | Path) -> Consent:
        """Find a record by its id or file.

        Raises:
            ConsentError: no such record, or it is damaged, edited, forged or newer.
        """
        return self.locate(id_or_path)[0]

    def locate(self, id_or_path: str | Path) -> tuple[Consent, Path]:
        """As :meth:`find`, with the record's path."""
        name = str(id_or_path)
        if not is_id(name):
            return Consent.load(Path(id_or_path)), Path(id_or_path)
        for folder in self.folders:
            path = folder / f"{name}.json"
            if path.is_file():
                candidate = Consent.load(path)
                if candidate.id != name:
                    raise ConsentError(f"{path} holds another record, {candidate.id}: name the one that is meant")
                return candidate, path
        # It may lie there under a name of the user's own.
        for record, path in self._records():
            if record.id == name:
                return record, path
        places = " or ".join(str(folder) for folder in self.folders)
        raise ConsentError(f"no record {name} in {places}: see `effigie consent list`, or name its file")

    def list(self, today: date | None = None) -> list[StoredConsent]:
        """Every record that can be read, by subject; damaged files are passed over."""
        entries: dict[str, StoredConsent] = {}
        for record, path in self._records():
            entries.setdefault(record.id, StoredConsent(record, path, self.consent_state(record, path, today=today)))
        return sorted(entries.values(), key=lambda stored: (stored.consent.subject, stored.consent.created))

    def consent_state(self, consent: Consent, *record_paths: Path, today: date | None = None) -> str:
        """``valid``, ``revoked``, ``expired`` or ``not yet valid``; arguments as :meth:`find_revocation`."""
        today = today or local_today()
        if self.find_revocation(consent, *record_paths) is not None:
            return "revoked"
        if today < consent.begins:
            return "not yet valid"
        return "valid" if consent.is_valid_on(today) else "expired"

    def find_revocation(self, consent: Consent, *record_paths: Path) -> Revocation | None:
        """The statement that revoked a record, if one lies in the store or beside a file.

        Args:
            record_paths: files or folders whose neighbours count too.

        Raises:
            ConsentError: a file named as its revocation is damaged: then nobody can say that it holds.
        """
        folders = [*self.folders, *(place if place.is_dir() else place.parent for place in record_paths)]
        for folder in dict.fromkeys(folders):
            for path in _list_files(folder):
                revocation = _read_revocation(path, consent)
                if revocation is not None and revocation.revokes(consent):
                    return revocation
        return None

    def revoke(self, revocation: Revocation, *record_paths: Path) -> tuple[Path, ...]:
        """Keep a revocation in the store, and beside files of the record; where it was written."""
        places = [self.add(revocation)]
        for file in record_paths:
            path = file.parent / _revocation_name(revocation.consent)
            if path not in places:
                revocation.save(path, replace=True)
                places.append(path)
        return tuple(places)

    def _records(self) -> Iterator[tuple[Consent, Path]]:
        for folder in self.folders:
            for path in _list_files(folder):
                if not path.name.endswith(REVOCATION_SUFFIX):
                    try:
                        yield Consent.load(path), path
                    except ConsentError:
                        continue


def _revocation_name(consent_id: str) -> str:
    return f"{consent_id}{REVOCATION_SUFFIX}"


def _list_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))[:MAX_FILES]
    except OSError:
        return []


def _read_revocation(path: Path, consent: Consent) -> Revocation | None:
    """Read a file that may be a revocation; only one named after the record must be undamaged."""
    is_named = path.name == _revocation_name(consent.id)
    try:
        if not is_named and REVOCATION.encode() not in read_bytes(path):
            return None
        return Revocation.load(path)
    except ConsentError as error:
        if not is_named:
            return None
        raise ConsentError(f"{error}; until then {consent.id} counts as revoked") from error


def default_store(project_folder: str | Path | None = None) -> ConsentStore:
    """The store of a project's folder, such as the one that models go to, and the user's own."""
    own = home() / CONSENTS_FOLDER
    if project_folder is None:
        return ConsentStore([own])
    return ConsentStore([Path(project_folder) / ".effigie" / CONSENTS_FOLDER, own])


def used_store(project_folder: str | Path | None = None) -> ConsentStore:
    """As :func:`default_store`, with the records that outputs of this machine rest on: to look at, not to permit."""
    store = default_store(project_folder)
    return ConsentStore([*store.folders, home() / CONSENTS_FOLDER / USED_FOLDER])


def keep_used(consents: Iterable[Consent]) -> None:
    """Keep the records that an output rests on, so that what is asked of it later can be said."""
    folder = home() / CONSENTS_FOLDER / USED_FOLDER
    for consent in consents:
        if not (folder / f"{consent.id}.json").is_file():
            ConsentStore([folder]).add(consent)
