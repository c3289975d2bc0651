"""Project files, as far as the library must know them; what they mean is known to `effigie convert`."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path
from typing import Any


def describe_project(path: Path) -> dict[str, Any] | None:
    """The names of a project's clip and models; None for what is no project file."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        document = tomllib.loads(path.read_text("utf-8"))
        people = [Path(person["model"]).name for person in document["people"]]
        return {"clip": Path(document["clip"]).name, "models": people, "shots": len(document.get("shots", ()))}
    return None


def read_clip(path: Path) -> Path | None:
    """The clip that a project names; None where it names none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return path.parent / tomllib.loads(path.read_text("utf-8"))["clip"]
    return None
