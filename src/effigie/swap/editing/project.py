"""Project files: a conversion as TOML that people can read and edit, and that `effigie convert FILE.toml` does again.

Example::

    clip = "scene.mp4"
    output = "out.mp4"

    [[people]]
    model = "anna-in-ben"

    [[people]]
    model = "carl-in-dan"
    who = 1                  # the second largest face

    [compose]
    colour = "local"

    [[shots]]                # frames 120 to 239 need another colour match
    first = 120
    last = 239
    compose = { colour = "histogram" }

    [[shots]]                # and these stay as they are
    first = 400
    skip = true

    [[strokes]]              # of a brush on the mask, in the face's crop, so that they go with the head
    points = [0.31, 0.42, 0.33, 0.47]
    mode = "erase"
    size = 0.05

Paths are relative to the file's folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from effigie.compositing import ComposeSettings
from effigie.errors import UsageError
from effigie.io.atomic_write import atomic_write
from effigie.io.stored_names import stored_name
from effigie.io.toml_text import update_toml
from effigie.media import EncodeSettings
from effigie.provenance.config import TrustSettings
from effigie.swap.config import ConvertSettings
from effigie.swap.editing.shot_settings import ShotSettings
from effigie.swap.editing.strokes import Stroke
from effigie.swap.inference.people.assignment import PersonAssignment

SUFFIX = ".toml"
VERSION = 1
PLAIN_SETTINGS = (
    "device",
    "fast",
    "deinterlace",
    "turned",
    "interior",
    "eyewear",
)  # of the conversion, at the top of the file
Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Project:
    """All inputs of `effigie convert`.

    Attributes:
        people: a model each.
        output: None where the caller names one.
        consents: records instead of those in the models.
        purpose: what it is for, where a record is limited to a purpose.
    """

    clip: Path
    people: tuple[PersonAssignment, ...]
    output: Path | None = None
    settings: ConvertSettings = field(default_factory=ConvertSettings)
    consents: tuple[str, ...] = ()
    purpose: str | None = None


def load_project(path: str | Path) -> Project:
    """Read a project file.

    Raises:
        UsageError: it cannot be read, is no TOML, or holds a setting that there is not; the line says which.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}") from error
    return read_project(document, path)


def read_project(document: Mapping[str, Any], path: Path) -> Project:
    """The project that the values of a file are; ``path`` is where it lies, or will.

    Raises:
        UsageError: as of :func:`load_project`.
    """
    names = {
        *("version", "clip", "output", "paint", "masks", "people", "compose", "encode", "trust", "shots", "strokes"),
        *("consents", "purpose", *PLAIN_SETTINGS),
    }
    _check_names(document, names, str(path))
    version = document.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise UsageError(f"{path} is of version {version!r}, this effigie reads up to {VERSION}: update effigie")
    reader = _ProjectReader(path)
    people = _get_tables(document, "people", path)
    if not isinstance(document.get("clip"), str) or not people:
        raise UsageError(f"{path} needs a clip and, under [[people]], a model")
    assignments = tuple(reader.settings(PersonAssignment, table, "people") for table in people)
    shots = [reader.settings(ShotSettings, table, "shots") for table in _get_tables(document, "shots", path)]
    plain_values = {name: document[name] for name in ("paint", "masks", *PLAIN_SETTINGS) if name in document}
    settings = replace(
        reader.settings(ConvertSettings, plain_values, "the top"),
        compose=reader.settings(ComposeSettings, document.get("compose", {}), "compose"),
        encode=reader.settings(EncodeSettings, document.get("encode", {}), "encode"),
        trust=reader.settings(TrustSettings, document.get("trust", {}), "trust"),
        shots=tuple(reader.resolve_shot(shot, assignments) for shot in shots),
        strokes=tuple(reader.settings(Stroke, table, "strokes") for table in _get_tables(document, "strokes", path)),
    )
    if not settings.trust.watermark:
        raise UsageError(f"{path}: the invisible mark is not a project's to leave out")
    return Project(
        reader.path(document["clip"]),
        assignments,
        reader.path(document["output"]) if "output" in document else None,
        settings,
        tuple(reader.resolve_consent(str(one)) for one in document.get("consents", ())),
        document.get("purpose"),
    )


def save_project(project: Project, path: str | Path) -> None:
    """Write a project file; :func:`load_project` gives the same project back. Comments of one that is there stay."""
    path = Path(path)
    document = describe_project(project, path.absolute().parent)
    text = update_toml(path, document)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def describe_project(project: Project, folder: Path) -> dict[str, Any]:
    """The values of a project's file in ``folder``; :func:`read_project` gives the same project back."""
    settings = project.settings
    document: dict[str, Any] = {"version": VERSION, "clip": _relative_path(project.clip, folder)}
    files = (("output", project.output), ("paint", settings.mask_clip), ("masks", settings.masks))
    document |= {name: _relative_path(file, folder) for name, file in files if file is not None}
    document["device"] = settings.device
    if settings.fast:
        document["fast"] = True
    if settings.deinterlace:
        document["deinterlace"] = True
    if settings.extreme_pose != "leave":
        document["turned"] = settings.extreme_pose
    if settings.interior != "footage":
        document["interior"] = settings.interior
    if settings.eyewear != "auto":
        document["eyewear"] = settings.eyewear
    if project.purpose is not None:
        document["purpose"] = project.purpose
    if project.consents:
        document["consents"] = [
            _relative_path(Path(one), folder) if Path(one).is_file() else one for one in project.consents
        ]
    document["people"] = [_to_table(assignment, folder) for assignment in project.people]
    for name in ("compose", "encode", "trust"):
        document[name] = _to_table(getattr(settings, name), folder)
    del document["trust"]["watermark"]
    document["shots"] = [
        _to_table(shot, folder) | {"without": [_relative_path(Path(name), folder) for name in shot.excluded_models]}
        for shot in settings.shots
    ]
    if settings.strokes:
        document["strokes"] = [_to_table(stroke, folder) for stroke in settings.strokes]
    return document


@dataclass(frozen=True)
class _ProjectReader:
    """Turns tables of a project file into settings, strictly."""

    file: Path

    def path(self, text: str) -> Path:
        return self.file.parent / text

    def resolve_consent(self, name: str) -> str:
        """A consent: a file beside the project, else an id."""
        return str(self.path(name)) if self.path(name).is_file() else name

    def resolve_shot(self, shot: ShotSettings, assignments: tuple[PersonAssignment, ...]) -> ShotSettings:
        """The shot with its models named as the assignments name them."""
        models = {str(assignment.model) for assignment in assignments}
        excluded_models = tuple(str(self.path(name)) for name in shot.excluded_models)
        for name, file_name in zip(excluded_models, shot.excluded_models, strict=True):
            if name not in models:
                raise UsageError(f"{self.file}: a shot is without {file_name!r}, which is nobody's model")
        return replace(shot, excluded_models=excluded_models)

    def settings(self, kind: type[Settings], table: Any, place: str) -> Settings:
        """``kind`` with the fields that the table names."""
        if not isinstance(table, Mapping):
            raise UsageError(f"{self.file}: {place} must be a table, not {table!r}")
        hints = get_type_hints(kind)
        names = {stored_name(field): str(field.name) for field in fields(kind)}  # type: ignore[arg-type]
        _check_names(table, set(names), f"{self.file}, {place}")
        values = {
            names[name]: self._value(hints[names[name]], value, f"{place}.{name}") for name, value in table.items()
        }
        try:
            return kind(**values)
        except TypeError as error:
            raise UsageError(f"{self.file}, {place}: {error}") from error

    def _value(self, hint: Any, value: Any, place: str) -> Any:
        if get_origin(hint) is tuple:
            kind = get_args(hint)[0]
            if is_dataclass(kind) and isinstance(value, list):
                return tuple(self.settings(kind, table, place) for table in value)  # type: ignore[arg-type]
            if kind is float and isinstance(value, list) and all(type(one) in (int, float) for one in value):
                return tuple(map(float, value))
            if kind is str and isinstance(value, list) and all(isinstance(one, str) for one in value):
                return tuple(value)
            element = "numbers" if kind is float else "texts"
            raise UsageError(f"{self.file}: {place} must be a list of {element}, not {value!r}")
        choices = [choice for choice in (get_args(hint) or (hint,)) if choice is not type(None)]
        for choice in choices:
            if is_dataclass(choice) and isinstance(value, Mapping):
                return self.settings(choice, value, place)  # type: ignore[arg-type]
            if choice is Path and isinstance(value, str):
                return self.path(value)
            if choice is float and type(value) in (int, float):
                return float(value)
            if isinstance(choice, type) and type(value) is choice:
                return value
            if isinstance(choice, str) and value == choice:  # of a Literal
                return value
        raise UsageError(f"{self.file}: {place} cannot be {value!r}")


def _check_names(table: Mapping[str, Any], names: set[str], place: str) -> None:
    for name in table:
        if name not in names:
            raise UsageError(f"{place} has no setting {name!r}: known are {', '.join(sorted(names))}")


def _get_tables(document: Mapping[str, Any], name: str, path: Path) -> list[Any]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        raise UsageError(f"{path}: write [[{name}]] once for each, not [{name}]")
    return tables


def _to_table(settings: Any, folder: Path) -> dict[str, Any]:
    """The fields as TOML values; those that are None are left out."""
    table: dict[str, Any] = {}
    for one in fields(settings):
        value = getattr(settings, one.name)
        if value is None:
            continue
        if is_dataclass(value):
            value = _to_table(value, folder)
        elif isinstance(value, Path):
            value = _relative_path(value, folder)
        elif isinstance(value, tuple):
            value = [_to_table(part, folder) if is_dataclass(part) else part for part in value]
            if not value:
                continue
        table[stored_name(one)] = value
    return table


def _relative_path(path: Path, folder: Path) -> str:
    """The path as the file names it: relative where it lies in the file's folder."""
    absolute = path.absolute()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else str(absolute)
