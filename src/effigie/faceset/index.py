"""The index of a face set, ``faceset.json``, and the sources that it lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from effigie._version import __version__
from effigie.errors import FaceSetError
from effigie.faceset.schema import VERSION
from effigie.io.atomic_write import read_json

FORMAT = "effigie face set"
INDEX_FILE = "faceset.json"


def new_index(settings: dict[str, Any]) -> dict[str, Any]:
    """The document of a set without sources."""
    head = {"format": FORMAT, "version": VERSION, "effigie": __version__, "settings": settings}
    return head | {"consents": [], "sources": {}, "dropped": []}


def read_index(path: Path) -> dict[str, Any]:
    """The parsed ``faceset.json``, checked as far as everything else relies on it."""
    if not path.is_dir():
        fault = "is a file, not a face set" if path.exists() else "does not exist"
        raise FaceSetError(f"{path} {fault}: name the folder that `effigie extract` wrote")
    try:
        document = read_json(path / INDEX_FILE)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}")
        version = int(document["version"])
        if version <= VERSION:
            int(document["settings"]["crop_size"])
            document["sources"].values()
    except FileNotFoundError:
        raise FaceSetError(f"{path} is not a face set: it holds no {INDEX_FILE}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FaceSetError(
            f"damaged {path / INDEX_FILE} ({type(error).__name__}: {error}): restore it, or extract anew elsewhere"
        ) from error
    if version > VERSION:
        raise FaceSetError(f"{path} is of version {version}, this effigie reads up to {VERSION}: update effigie")
    return document


MAX_CLIP_NAME_BYTES = 100  # bytes; file systems allow 255, and temporary names add some
NAME_PATTERN = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One source of a face set: a clip, or a folder of stills."""

    name: str  # what rows carry as ``clip``; unique in the set. From create_source
    part: str  # file name of its part inside the face set
    path: str  # where the source lay, as given
    sha256: str  # of its bytes, hex
    frames: int = 0  # frames looked at
    faces: int = 0  # faces found and not dropped; kept by the store
    width: int = 0  # of a frame, px
    height: int = 0  # of a frame, px
    rate: Fraction | None = None  # mean frames a second, or None for stills
    # File names of a folder's stills in the order of ``frame``; empty for a clip.
    pictures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"rate": str(self.rate) if self.rate else None, "pictures": list(self.pictures)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SourceInfo:
        """Reads what :meth:`to_json` wrote; unknown keys of later versions are passed over."""
        field_names = {field.name for field in fields(cls)}
        try:
            values = {key: item for key, item in value.items() if key in field_names}
            values["rate"] = Fraction(values["rate"]) if values.get("rate") else None
            values["pictures"] = tuple(values.get("pictures", ()))
            source = cls(**values)
            if not NAME_PATTERN.fullmatch(source.name) or source.part != f"part-{source.name}.parquet":
                raise ValueError(f"name {source.name!r}, part {source.part!r}")
        except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise FaceSetError(f"damaged description of a source ({error})") from error
        return source


def make_clip_name(path: str | Path, sha256: str, used_names: Container[str]) -> str:
    """Make a clip's name from its file name: letters, digits, ``-`` and ``_`` of any script, nothing else.

    Args:
        sha256: tells clips of equal names apart.
        used_names: names in use, casefolded.
    """
    stem = unicodedata.normalize("NFC", Path(path).stem)
    safe = re.sub(r"[^\w-]+", "_", stem).strip("_") or "clip"
    safe = safe.encode()[:MAX_CLIP_NAME_BYTES].decode(errors="ignore")
    candidates = [safe, *(f"{safe}-{sha256[:length]}" for length in (6, 16, 64))]
    return next(name for name in candidates if name.casefold() not in used_names or name == candidates[-1])
