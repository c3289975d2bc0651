"""Manifest of an output folder: a small record for every output, which any machine can read and write.

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

from effigie.errors import EffigieError, OutputLockedError
from effigie.io.atomic_write import JSON_ESCAPES, NAME_BYTES
from effigie.io.locks import lock_output
from effigie.io.sequence_names import parse_sequence_name
from effigie.io.storage import LocalFolder, StorageFolder, is_remote, safe_name

VERSION = 1
RECORDS_FOLDER = ".effigie"
DIGEST_DIGITS = 12  # of a clip's SHA-256 in a name: 10,000 clips of one name clash once in five million


@dataclass(frozen=True)
class OutputRecord:
    """Record of one output.

    Attributes:
        done: it is whole; else somebody has begun it.
        key: of clip, model and settings together, see :func:`compute_key`.
        clip, sha256: where the clip lay, and of its content.
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

    def __init__(self, folder: StorageFolder) -> None:
        self.folder = folder

    def read(self, name: str) -> OutputRecord | None:
        """The record of an output; None without one, or with one that is damaged or of a newer version."""
        data = self.folder.read(_record_path(name))
        try:
            values = json.loads(data or b"null")
            if values is None or values.pop("version") > VERSION:
                return None
            return OutputRecord(**values)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, name: str, record: OutputRecord) -> None:
        text = json.dumps({"version": VERSION, **asdict(record)}, ensure_ascii=False)
        self.folder.write(_record_path(name), text.encode(errors=JSON_ESCAPES))

    def is_finished(self, name: str, key: str) -> bool:
        """Whether a finished output with this key exists."""
        record = self.read(name)
        return record is not None and record.done and record.key == key and self.folder.size(name) == record.size

    def find_digest(self, names: list[str], clip: str, token: str | None) -> str | None:
        """SHA-256 of a remote clip that was read before and is unchanged by its server's content tag."""
        for record in map(self.read, names) if token is not None else ():
            if record is not None and record.clip == clip and record.token == token:
                return record.sha256
        return None

    @contextlib.contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Claim an output until the block ends; False where another process has it. A claim ends with its process.

        On disks alone: behind fsspec nothing can be claimed, and two runs that begin a clip at the same moment both
        make it.
        """
        if not isinstance(self.folder, LocalFolder):
            yield True
            return
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock_output(self.folder.path / _record_path(name)))
            except OutputLockedError:
                yield False
            else:
                yield True


def _record_path(name: str) -> str:
    """Path of an output's record: in one of 256 folders, since every write looks through its own."""
    return f"{RECORDS_FOLDER}/{hashlib.sha256(name.encode(errors=NAME_BYTES)).hexdigest()[:2]}/{name}.json"


def scratch_name(name: str) -> str:
    """Name under which an output is made, apart from the finished ones."""
    return _record_path(name).removesuffix(".json") + ".work"


def compute_identity(*parts: Any) -> str:
    """Digest of JSON values and paths: of everything that determines outputs except the clip."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors=JSON_ESCAPES)).hexdigest()


def compute_key(identity: str, sha256: str) -> str:
    """Digest of everything that determines an output: clip, and identity (model, settings)."""
    return hashlib.sha256(f"{VERSION} {identity} {sha256}".encode(errors=NAME_BYTES)).hexdigest()


def plain_name(clip: str, suffix: str) -> str:
    """Name of a clip's output if no other clip has that name."""
    pattern = None if is_remote(clip) else parse_sequence_name(clip)
    name = safe_name(clip if pattern is None else f"{pattern.title}{pattern.suffix}")
    return (name.rpartition(".")[0] or name) + suffix


def longer_name(clip: str, suffix: str, sha256: str) -> str:
    """Name of a clip's output otherwise: with the beginning of the content's digest."""
    return plain_name(clip, f"-{sha256[:DIGEST_DIGITS]}{suffix}")


def choose_name(manifest: Manifest, clip: str, suffix: str, sha256: str, has_duplicate_name: bool, force: bool) -> str:
    """The output's name: the same on every machine and in every run.

    Args:
        has_duplicate_name: another clip of this run has the same name.
        force: what lies there and is not this job's may be replaced; else it is an error.
    """
    plain = plain_name(clip, suffix)
    record = manifest.read(plain)
    if record is not None and (record.sha256 == sha256 or (record.clip == clip and not has_duplicate_name)):
        return plain
    longer = longer_name(clip, suffix, sha256)
    if manifest.read(longer) is not None:
        return longer
    name = longer if has_duplicate_name or record is not None else plain
    if manifest.read(name) is None and not force and manifest.folder.size(name) is not None:
        raise EffigieError(
            f"{manifest.folder.full_path(name)} exists and was not made here: choose another folder, "
            "or replace it with --force"
        )
    return name
