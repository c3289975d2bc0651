"""The face set on disk: a folder of one Parquet part per source and ``faceset.json``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import FaceSetError, UsageError
from effigie.faceset import schema
from effigie.faceset.clustering import SAME_PERSON_SIMILARITY, PersonCluster, cluster_tracks
from effigie.faceset.columns import Faces
from effigie.faceset.filter import Filter
from effigie.faceset.index import INDEX_FILE, SourceInfo, make_clip_name, new_index, read_index
from effigie.faceset.part_file import PartFile, RowGroupWriter, remove_abandoned_parts, working_folder, write_part
from effigie.faceset.reader import FaceSetReader
from effigie.faceset.schema import FaceRecord
from effigie.faceset.writer import PartWriter, copy_rows
from effigie.io.atomic_write import write_json


class FaceSet:
    """A face set, open for reading and writing. One process writes a source at a time; many may read.

    Example::

        faces = FaceSet.open("anna.faces").load(["pose"], where="sharpness > 20 and cluster == 0")
        batch = faces.crops(range(16), size=128)
    """

    def __init__(self, path: Path, document: dict[str, Any], same_person: float) -> None:
        self.path = path
        self.same_person = same_person
        self._document = document
        self._sources: dict[str, SourceInfo] = {}
        self._parts: dict[str, PartFile] = {}
        self._names: dict[str, str] = {}  # by SHA-256; sources in work included
        self._casefold_names: set[str] = set()
        self._people: list[PersonCluster] | None = None
        self._deferred = False

    @classmethod
    def create(cls, path: str | Path, settings: Mapping[str, Any]) -> FaceSet:
        """Start a face set, or go on with one of the same settings; what a killed run left is removed.

        A source whose part is missing or damaged counts as not yet done.

        Args:
            settings: JSON values; everything that changes what a row is, ``crop_size`` (px) at least.

        Raises:
            FaceSetError: other files lie there, or a face set of other settings or a newer version.
        """
        path = Path(path)
        if not isinstance(settings.get("crop_size"), int) or not 8 <= settings["crop_size"] <= 4096:
            raise UsageError("crop_size is the edge of a stored crop in px, 8 to 4096")
        stored_settings = json.loads(json.dumps(dict(settings)))
        if (path / INDEX_FILE).exists():
            faceset = cls(path, read_index(path), SAME_PERSON_SIMILARITY)
            keys = {*stored_settings, *faceset.settings}
            if differing := sorted(key for key in keys if stored_settings.get(key) != faceset.settings.get(key)):
                names = ", ".join(differing)
                raise FaceSetError(f"{path} was made with other settings ({names}): choose another folder")
            faceset._find_parts(strict=False)
            return faceset
        if path.exists() and not (path.is_dir() and all(file.name[0] == "." for file in path.iterdir())):
            raise FaceSetError(f"{path} exists and is not a face set: choose another folder")
        created = cls(path, new_index(stored_settings), SAME_PERSON_SIMILARITY)
        created._save()
        remove_abandoned_parts(path)
        return created

    @classmethod
    def open(cls, path: str | Path, same_person: float = SAME_PERSON_SIMILARITY, allow_empty: bool = False) -> FaceSet:
        """Open a finished or growing face set; reads the footers of its parts, no rows.

        Args:
            same_person: cosine similarity from which tracks are one person, for ``cluster`` and ``identity``.
            allow_empty: accept a set without a single face.

        Raises:
            FaceSetError: missing, not a face set, damaged (names the file), of a newer version, or empty.
        """
        if not -1.0 < same_person < 1.0:
            raise UsageError(f"same_person is a cosine similarity between -1 and 1, not {same_person}")
        path = Path(path)
        faceset = cls(path, read_index(path), same_person)
        faceset._find_parts(strict=True)
        if not allow_empty and len(faceset) == 0:
            raise FaceSetError(f"{path} holds no face: extract another clip into it")
        return faceset

    @classmethod
    def exists(cls, path: str | Path) -> bool:
        """Whether a face set with faces in it can be opened there."""
        try:
            cls.open(path)
        except FaceSetError:
            return False
        return True

    @classmethod
    def from_path(cls, faceset: FaceSet | str | Path) -> FaceSet:
        """Return a face set as it is, or open it from its path."""
        return faceset if isinstance(faceset, FaceSet) else cls.open(faceset)

    def __len__(self) -> int:
        return sum(part.rows for part in self._parts.values())

    @property
    def settings(self) -> dict[str, Any]:
        """What :meth:`create` was given."""
        return self._document["settings"]

    @property
    def crop_size(self) -> int:
        """Edge of a stored crop, px."""
        return int(self.settings["crop_size"])

    @property
    def sources(self) -> dict[str, SourceInfo]:
        """Name -> source, in the order of names."""
        return {name: self._sources[name] for name in sorted(self._sources)}

    @property
    def dropped(self) -> list[dict[str, Any]]:
        """What was dropped, when and why, oldest first."""
        return list(self._document.get("dropped", []))

    @property
    def consents(self) -> list[str]:
        """Ids of the consent records that cover this set."""
        return list(self._document.get("consents", []))

    def has_source(self, sha256: str) -> bool:
        """Whether a source with these bytes is finished, so that a rerun skips it."""
        return self._names.get(sha256) in self._sources

    def create_source(self, path: str | Path, sha256: str, **details: Any) -> SourceInfo:
        """Create a source with a safe, unique name after its file; ``details``: more fields of :class:`SourceInfo`.

        The same bytes keep their name, so that extracting again replaces the part.
        """
        name = self._names.get(sha256) or make_clip_name(path, sha256, self._casefold_names)
        self._reserve(sha256, name)
        return SourceInfo(name=name, part=f"part-{name}.parquet", path=str(path), sha256=sha256, **details)

    @contextlib.contextmanager
    def writer(self, source: SourceInfo) -> Iterator[PartWriter]:
        """Write the part of ``source``; it appears, and is recorded, only if the block succeeds."""
        path = self.path / source.part
        with write_part(path) as temporary, RowGroupWriter(temporary, self.crop_size) as groups:
            writer = PartWriter(groups, source)
            yield writer
            writer.source = replace(writer.source, faces=writer.faces)
            groups.finalize(writer.source.to_json())
        self._reserve(source.sha256, source.name)
        self._sources[source.name] = writer.source
        self._parts[source.name] = PartFile.open(path)
        self._people = None
        if not self._deferred:
            self._save()

    @contextlib.contextmanager
    def defer_index(self) -> Iterator[None]:
        """Write ``faceset.json`` once at the end instead of after each source, for thousands of small ones.

        A kill loses nothing: parts describe their own source, and the next open finds them.
        """
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
            self._save()

    def segment_folder(self) -> contextlib.AbstractContextManager[Path]:
        """A folder for the segment files of several processes; gone after the block, or after a kill."""
        return working_folder(self.path)

    def load(self, columns: Collection[str] | None = None, where: str | Filter | None = None) -> Faces:
        """Faces in memory, crops excepted: those are read when asked for.

        Args:
            columns: of :data:`~effigie.faceset.reader.STORED_COLUMNS` and ``COMPUTED``; None loads every stored one,
                about 7 KB a face. ``clip``, ``frame`` and ``track`` always come along.
            where: a filter expression, see :mod:`effigie.faceset.filter`.
        """
        reader = self.reader()
        return Faces.concatenate([reader.empty(columns), *reader.batches(columns, where)])

    def reader(self) -> FaceSetReader:
        """A reader for random access by clip, for training on more faces than fit in memory."""
        return FaceSetReader({name: self._parts[name] for name in self.sources}, self.crop_size, self.people)

    def batches(self, columns: Collection[str] | None = None, where: str | Filter | None = None) -> Iterator[Faces]:
        """Like :meth:`load`, some thousand faces at a time, in order: memory does not grow with the set."""
        return self.reader().batches(columns, where)

    def records(self) -> Iterator[FaceRecord]:
        """Every face with its crop, one row group in memory."""
        for name in self.sources:
            part = self._parts[name]
            for number in range(len(part.group_starts) - 1):
                yield from schema.to_records(part.read([number]))

    def people(self) -> list[PersonCluster]:
        """The people in the set, by :func:`effigie.faceset.clustering.cluster_tracks`; kept until the next write."""
        if self._people is None:
            self._people = cluster_tracks(self.load(["embedding"]), self.same_person)
        return self._people

    def rewrite(self, keep: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
        """Rewrite parts with only some rows; every new part is complete before the first one is replaced.

        Args:
            keep: source name -> (rows,) bool.
            record: added to :attr:`dropped`.
        """
        with contextlib.ExitStack() as renames:
            for name, rows in keep.items():
                source = replace(self._sources[name], faces=int(rows.sum()))
                temporary = renames.enter_context(write_part(self._parts[name].path))
                copy_rows(self._parts[name], temporary, rows, source)
                self._sources[name] = source
        for name in keep:
            self._parts[name] = PartFile.open(self._parts[name].path)
        self._people = None
        self._document["dropped"] = [*self.dropped, dict(record)]
        self._save()

    def _reserve(self, sha256: str, name: str) -> None:
        self._names[sha256] = name
        self._casefold_names.add(name.casefold())

    def _find_parts(self, strict: bool) -> None:
        """Read the footers of the listed parts, and adopt those that a kill kept out of the list."""
        remove_abandoned_parts(self.path)
        listed = [SourceInfo.from_json(value) for value in self._document["sources"].values()]
        parts = {source.part: source for source in listed}
        unlisted = sorted(path.name for path in self.path.glob("part-*.parquet") if path.name not in parts)
        for file in [*parts, *unlisted]:
            try:
                part = PartFile.open(self.path / file)
                if part.crop_size != self.crop_size:
                    sizes = f"{part.crop_size} px, the set {self.crop_size} px"
                    raise FaceSetError(f"{part.path} holds crops of {sizes}")
                if file in unlisted and part.source is None:
                    raise FaceSetError(f"{part.path} does not belong to a face set: remove it")
                source = parts.get(file) or SourceInfo.from_json(part.source or {})
                if source.part != file:
                    raise FaceSetError(f"{part.path} was copied or renamed from {source.part}: remove it")
            except FaceSetError:
                if strict:
                    raise
                continue
            self._sources[source.name] = replace(source, faces=part.rows)
            self._parts[source.name] = part
            self._reserve(source.sha256, source.name)

    def _save(self) -> None:
        self._document["sources"] = {name: source.to_json() for name, source in self.sources.items()}
        write_json(self.path / INDEX_FILE, self._document)
