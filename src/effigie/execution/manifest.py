"""What is done already in an output folder: a small record for every output, which any machine can read and write.

``.effigie/<two digits>/<output>.json`` says of which content of which clip an output was made, by what, and how. There
is no list that several machines would have to write together.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from effigie.errors import BusyError, EffigieError
from effigie.io.locks import exclusive
from effigie.io.storage import Folder, LocalFolder, safe_name

VERSION = 1
RECORDS = ".effigie"
DIGITS = 12  # of a clip's SHA-256 in a name: 10,000 clips of one name clash once in five million


@dataclass(frozen=True)
class Record:
    """What is known of an output.

    Attributes:
        done: it is whole; else somebody has begun it.
        key: of clip, model and settings together, see :func:`key_of`.
        clip: where the clip lay.
        sha256: of the clip's content.
        token: what the clip's server said of its content, if it did.
        size: bytes of the output.
        facts: what the report of making it said.
    """

    done: bool
    key: str
    clip: str
    sha256: str
    token: str | None = None
    size: int = 0
    facts: dict[str, Any] | None = None


class Manifest:
    """The records of one output folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def read(self, name: str) -> Record | None:
        """The record of an output; None without one, or with one that is damaged or of a newer version."""
        data = self.folder.read(_record(name))
        try:
            values = json.loads(data or b"null")
            if values is None or values.pop("version") > VERSION:
                return None
            return Record(**values)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, name: str, record: Record) -> None:
        """Keep a record."""
        text = json.dumps({"version": VERSION, **asdict(record)}, ensure_ascii=False)
        self.folder.write(_record(name), text.encode())

    def finished(self, name: str, key: str) -> bool:
        """Whether an output of this key is there."""
        record = self.read(name)
        return (
            record is not None and record.done and record.key == key and self.folder.size(name) == record.size
        )

    def known_content(self, names: list[str], clip: str, token: str | None) -> str | None:
        """SHA-256 of a remote clip that was looked at before and is the same still, by its server's word."""
        for record in map(self.read, names) if token is not None else ():
            if record is not None and record.clip == clip and record.token == token:
                return record.sha256
        return None

    @contextlib.contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Whether an output is this process's to make, until the block ends; a claim ends with its process.

        On disks alone: behind fsspec nothing can be claimed, and two runs that begin a clip at the same moment both
        make it.
        """
        if not isinstance(self.folder, LocalFolder):
            yield True
            return
        try:
            claim = exclusive(self.folder.path / _record(name))
            claim.__enter__()
        except BusyError:
            yield False
            return
        with contextlib.ExitStack() as stack:
            stack.push(claim)
            yield True


def _record(name: str) -> str:
    """Where the record of an output lies: in one of 256 folders, since every write looks through its own."""
    return f"{RECORDS}/{hashlib.sha256(name.encode()).hexdigest()[:2]}/{name}.json"


def scratch_of(name: str) -> str:
    """Where an output is made, apart from the others."""
    return _record(name).removesuffix(".json") + ".work"


def identity_of(*parts: Any) -> str:
    """A digest of JSON values and paths: of all that decides about outputs beside the clip."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(identity: str, sha256: str) -> str:
    """One digest of all that decides about an output: clip, and what makes it (model, settings)."""
    return hashlib.sha256(f"{VERSION} {identity} {sha256}".encode()).hexdigest()


def plain_name(clip: str, suffix: str) -> str:
    """What the output of a clip is called if no other clip has that name."""
    name = safe_name(clip)
    return (name.rpartition(".")[0] or name) + suffix


def longer_name(clip: str, suffix: str, sha256: str) -> str:
    """What it is called otherwise: with the beginning of its content's digest."""
    return plain_name(clip, f"-{sha256[:DIGITS]}{suffix}")


def choose_name(manifest: Manifest, clip: str, suffix: str, sha256: str, twins: bool, force: bool) -> str:
    """The output's name: the same on every machine and in every run.

    Args:
        twins: another clip of this run has the same name.
        force: what lies there and is not this job's may be replaced.

    Raises:
        EffigieError: a file of that name lies there that was not made by such a job.
    """
    plain = plain_name(clip, suffix)
    record = manifest.read(plain)
    if record is not None and (record.sha256 == sha256 or (record.clip == clip and not twins)):
        return plain
    longer = longer_name(clip, suffix, sha256)
    if manifest.read(longer) is not None:
        return longer
    name = longer if twins or record is not None else plain
    if manifest.read(name) is None and not force and manifest.folder.size(name) is not None:
        raise EffigieError(
            f"{manifest.folder.path_of(name)} exists and was not made here: choose another folder, "
            "or replace it with --force"
        )
    return name
