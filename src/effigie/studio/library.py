"""The library: clips, face sets, models and results that lie in a workspace, found by what they are."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effigie.assets import ASSETS
from effigie.errors import UsageError
from effigie.io.atomic_write import read_json, write_json
from effigie.studio.project_files import describe_project
from effigie.studio.template_files import describe_template
from effigie.studio.voices import describe_voice
from effigie.studio.workspace import (
    CLIPS,
    FACES,
    MODELS,
    PROJECTS,
    RECORDINGS,
    RESULTS,
    SOUNDS,
    TEMPLATES,
    VOICES,
    Workspace,
)

MAX_DEPTH = 4  # folders below the workspace
MAX_ENTRIES = 20_000  # files and folders that are looked at
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mxf", ".gif", ".apng")
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".hif", ".avif")
SOUND_SUFFIXES = (".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus")
NOTICE_SUFFIX = ".notice.txt"
"""Every output of effigie has such a file beside it, and nothing else has."""
KINDS = (FACES, MODELS, PROJECTS, RESULTS, TEMPLATES, VOICES)
SAMPLES = ("sample_woman", "sample_man", "sample_man_leaves", "sample_man_enters")
DEMO_INPUTS = {"swap.mp4": "sample_man", "at-once.mp4": "sample_woman"}  # frame n of both belongs together


@dataclass(frozen=True)
class Inventory:
    """What a walk has come upon."""

    facesets: list[Path]
    models: list[Path]
    clips: list[Path]
    outputs: list[Path]
    documents: list[Path]
    sounds: list[Path]
    recordings: list[Path]


class Library:
    """What there is in a workspace, read afresh at each call; clips that were picked elsewhere are kept in a list."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._picked_file = workspace.private / "clips.json"
        self._lock = threading.Lock()

    def to_json(self, inputs: dict[str, str]) -> dict[str, Any]:
        """Everything for the page, newest first.

        Args:
            inputs: output path -> path of the clip that it was made from, as far as jobs know.
        """
        inventory = self._walk()
        picks = [(path, "picked") for path in self.list_picks()]
        samples = [(path, "sample") for path in self._samples(inventory)]
        clips = [*((path, "workspace") for path in inventory.clips), *picks, *samples]
        return {
            "workspace": self._workspace.root.name,
            "path": str(self._workspace.root),
            "clips": [self._describe_clip(path, origin) for path, origin in dict(reversed(clips)).items()][::-1],
            "facesets": [described for path in inventory.facesets if (described := self._describe_faceset(path))],
            "models": [described for path in inventory.models if (described := self._describe_model(path))],
            "projects": [
                one for path in inventory.documents if (one := self._describe_document(path, describe_project))
            ],
            "templates": [
                one for path in inventory.documents if (one := self._describe_document(path, describe_template))
            ],
            "sounds": [self._describe_sound(path) for path in inventory.sounds],
            "recordings": [self._describe_sound(path) for path in inventory.recordings],
            "voices": [{"id": row["id"], "name": row["name"]} for _, row in self._list_voices(inventory)],
            "results": sorted(
                (self._describe_result(path, inputs) for path in inventory.outputs), key=lambda one: -one["time"]
            ),
        }

    def voices(self) -> list[tuple[Path, dict[str, Any]]]:
        """Folders of the voices that were learned, and what they say of themselves."""
        return self._list_voices(self._walk())

    def list_picks(self) -> list[Path]:
        """Clips of the media folders that were picked, and are there."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            paths = [Path(text) for text in read_json(self._picked_file) if isinstance(text, str)]
            return [path for path in paths if self._workspace.handles.is_allowed(path)]
        return []

    def pick(self, paths: list[Path]) -> None:
        """Add clips to the list, without a copy.

        Raises:
            UsageError: one is no clip or picture.
        """
        for path in paths:
            if not (path.is_file() and _is_media(path)):
                raise UsageError(
                    f"{path.name} is no clip or picture: choose one that ends in .mp4, .mov, .jpg and the like"
                )
        with self._lock:
            picks = dict.fromkeys([*self.list_picks(), *paths])
            write_json(self._picked_file, [str(path) for path in picks])

    def forget(self, path: Path) -> None:
        """Take a clip off the list; the file stays."""
        with self._lock:
            write_json(self._picked_file, [str(one) for one in self.list_picks() if one != path])

    def list_folder(self, folder: Path) -> list[dict[str, Any]]:
        """Folders, clips and pictures in a folder; links that lead out of the media folders are left out."""
        rows = []
        for entry in _scan(folder):
            path = Path(entry.path)
            is_folder = entry.is_dir()
            if (is_folder or _is_media(path)) and self._workspace.handles.is_allowed(path):
                rows.append({"id": self._issue(path), "name": path.name, "folder": is_folder})
        return rows

    def _walk(self) -> Inventory:
        inventory, budget = Inventory([], [], [], [], [], [], []), MAX_ENTRIES
        waiting = [(self._workspace.root, 0)]
        while waiting and budget > 0:
            folder, depth = waiting.pop()
            names = set()
            entries = list(_scan(folder))
            budget -= len(entries)
            for entry in entries:
                names.add(entry.name)
                if entry.is_dir(follow_symlinks=False) and depth < MAX_DEPTH and not entry.name.endswith(".swap.tmp"):
                    path = Path(entry.path)
                    if (path / "faceset.json").is_file():
                        inventory.facesets.append(path)
                    elif (path / "config.json").is_file():
                        inventory.models.append(path)
                    else:
                        waiting.append((path, depth + 1))
            self._sort_files(folder, entries, names, inventory)
        return inventory

    def _sort_files(self, folder: Path, entries: list[os.DirEntry[str]], names: set[str], inventory: Inventory) -> None:
        is_clips_folder = folder == self._workspace.root / CLIPS
        for entry in entries:
            path = Path(entry.path)
            if entry.is_file() and path.suffix == ".toml" and self._workspace.handles.is_allowed(path):
                inventory.documents.append(path)
            is_sound = path.suffix.lower() in SOUND_SUFFIXES
            if not entry.is_file() or not (is_sound or _is_media(path)) or not self._workspace.handles.is_allowed(path):
                continue
            is_output = f"{entry.name}{NOTICE_SUFFIX}" in names
            if is_output:
                inventory.outputs.append(path)
            if is_sound and (is_output or folder == self._workspace.root / SOUNDS):
                inventory.sounds.append(path)
            elif folder == self._workspace.root / RECORDINGS:
                inventory.recordings.append(path)
            elif is_output or is_sound:
                continue
            elif is_clips_folder or (folder == self._workspace.root and path.suffix.lower() in VIDEO_SUFFIXES):
                inventory.clips.append(path)

    def _list_voices(self, inventory: Inventory) -> list[tuple[Path, dict[str, Any]]]:
        described = ((path, describe_voice(path)) for path in inventory.models)
        return [(path, {"id": self._issue(path), "name": self._name(path)} | row) for path, row in described if row]

    def _samples(self, inventory: Inventory) -> Iterator[Path]:
        """The samples that the demo has fetched, where this workspace has a demo."""
        if any(path.parent.name == "demo" for path in inventory.facesets):
            yield from (ASSETS[name].path for name in SAMPLES if ASSETS[name].is_cached)

    def _describe_clip(self, path: Path, origin: str) -> dict[str, Any]:
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        name = path.name.split("-", 1)[-1] if origin == "sample" else path.name
        return {
            "id": self._issue(path),
            "name": name,
            "origin": origin,
            "video": is_video,
            "bytes": _size(path),
            "time": _time(path),
        }

    def _describe_sound(self, path: Path) -> dict[str, Any]:
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        return {
            "id": self._issue(path),
            "name": path.name,
            "time": _time(path),
            "bytes": _size(path),
            "video": is_video,
        }

    def _describe_faceset(self, path: Path) -> dict[str, Any] | None:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            sources = read_json(path / "faceset.json")["sources"]
            return {
                "id": self._issue(path),
                "name": self._name(path),
                "faces": sum(int(source["faces"]) for source in sources.values()),
                "clips": len(sources),
                "time": _time(path / "faceset.json"),
            }
        return None

    def _describe_model(self, path: Path) -> dict[str, Any] | None:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if read_json(path / "config.json")["kind"] != "swap":
                return None
            manifest: dict[str, Any] = {}
            with contextlib.suppress(OSError, ValueError):
                manifest = read_json(path / "manifest.json")
            return {
                "id": self._issue(path),
                "name": self._name(path),
                "steps": int(manifest.get("steps") or 0),
                "error": manifest.get("held_out_error"),
                "finished": bool(manifest),
                "time": _time(path / "config.json"),
            }
        return None

    def _describe_document(
        self, path: Path, describe: Callable[[Path], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """A project or a control template; None for what is the other."""
        described = describe(path)
        names = {"id": self._issue(path), "name": self._name(path).removesuffix(".toml"), "time": _time(path)}
        return None if described is None else names | described

    def _describe_result(self, path: Path, inputs: dict[str, str]) -> dict[str, Any]:
        sheets = (path.with_name(f"{path.stem}.sheet.png"), path.with_name("before-after.png"))
        sheet = next((one for one in sheets if one.is_file() and path.suffix.lower() in VIDEO_SUFFIXES), None)
        source = inputs.get(str(path)) or self._demo_input(path)
        has_input = source is not None and self._workspace.handles.is_allowed(Path(source))
        return {
            "id": self._issue(path),
            "name": self._name(path),
            "video": path.suffix.lower() in VIDEO_SUFFIXES,
            "sound": path.suffix.lower() in SOUND_SUFFIXES,
            "bytes": _size(path),
            "time": _time(path),
            "input": self._issue(Path(source)) if source is not None and has_input else None,
            "sheet": None if sheet is None else self._issue(sheet),
        }

    def _demo_input(self, path: Path) -> str | None:
        sample = DEMO_INPUTS.get(path.name) if path.parent == self._workspace.root / "demo" else None
        return str(ASSETS[sample].path) if sample is not None and ASSETS[sample].is_cached else None

    def _name(self, path: Path) -> str:
        """A short name: the folders of the kind are left out."""
        parts = path.relative_to(self._workspace.root).parts
        return "/".join(parts[1:] if parts[0] in KINDS and len(parts) > 1 else parts)

    def _issue(self, path: Path) -> str:
        return self._workspace.handles.issue(path)


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder by name, hidden files left out; an unreadable one is empty."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
        yield from sorted(visible, key=lambda entry: entry.name.casefold())[:MAX_ENTRIES]


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES)


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _time(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
