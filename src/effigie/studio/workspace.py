"""The workspace: one folder with everything of a project, and where in it the studio keeps what."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from effigie.assets import cache_folder
from effigie.consent.store import ConsentStore, default_store
from effigie.errors import EffigieError, OutputLockedError, UsageError
from effigie.io.atomic_write import convert_os_error, read_json, write_json
from effigie.io.locks import lock_output
from effigie.studio.handles import Handles

VERSION = 1
CLIPS, FACES, MODELS, PROJECTS, RESULTS = "clips", "faces", "models", "projects", "results"
SOUNDS, TEMPLATES, VOICES, RECORDINGS = "sounds", "templates", "voices", "recordings"
NAME = re.compile(r"\w[\w .+-]{0,63}")
"""Names that the page may give to what is made: of one part, not hidden, no option."""


@dataclass(frozen=True)
class Workspace:
    """A folder that the studio works in.

    Attributes:
        root: the folder, absolute.
        handles: ids of the files in it, in the media folders and among the cached samples.
        media: folders whose clips may be picked, the workspace first.
    """

    root: Path
    handles: Handles
    media: tuple[Path, ...]

    @classmethod
    def open(cls, folder: str | Path, media: Sequence[str | Path] = ()) -> Workspace:
        """Open a workspace; a new folder becomes one.

        Raises:
            UsageError: no folder, a media folder that is missing, or made by a newer effigie.
            EffigieError: it cannot be written.
        """
        root = Path(folder).expanduser().absolute()
        if root.exists() and not root.is_dir():
            raise UsageError(f"{root} is no folder: name one, or a new name")
        media_folders = tuple(Path(one).expanduser().absolute() for one in media)
        for one in media_folders:
            if not one.is_dir():
                raise UsageError(f"{one} is no folder: --media names folders whose clips may be picked")
        workspace = cls(root, Handles([root, *media_folders, cache_folder()]), (root, *media_folders))
        workspace._prepare()
        return workspace

    @property
    def private(self) -> Path:
        """What the studio keeps for itself; its owner alone may read it."""
        return self.root / ".effigie" / "studio"

    @property
    def store(self) -> ConsentStore:
        """Consent records of the workspace, of the projects in it such as the demo, and the user's own."""
        first, *own = default_store(self.root).folders
        inner = sorted(self.root.glob(f"*/.effigie/{first.name}"))
        return ConsentStore([first, *(folder for folder in inner if self.handles.is_allowed(folder)), *own])

    def output(self, kind: str, name: str, suffix: str = "") -> Path:
        """Where something new of that name goes.

        Raises:
            UsageError: the name is none that a file here may have.
        """
        if not NAME.fullmatch(name) or name.endswith((".", " ")):
            raise UsageError("a name has letters, digits, spaces and -_.+, up to 64, and begins with a letter or digit")
        return self.root / kind / f"{name}{suffix}"

    def shorten(self, path: Path) -> str:
        """A path as it is written in a command that runs in the workspace; never one that reads as an option."""
        short = str(path.relative_to(self.root)) if self.root in path.parents else str(path)
        return f"./{short}" if short.startswith("-") else short

    def explain(self, error: Exception) -> str:
        """What an error says, with files of the workspace named as they are found in it."""
        text = str(error)
        for folder in (self.private / "incoming", self.root):
            text = text.replace(f"{folder}{os.sep}", "")
        return text

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace: two studios would run each job twice.

        Raises:
            OutputLockedError: another studio has it.
        """
        try:
            with lock_output(self.private / "studio.json"):
                yield
        except OutputLockedError as error:
            port = self.read_port()
            address = "" if port is None else f" at http://127.0.0.1:{port}/"
            raise OutputLockedError(
                f"another studio has {self.root} open{address}: use that one, or stop it first with Ctrl-C"
            ) from error

    def read_port(self) -> int | None:
        """The port that the studio had here last; None for the first time."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return int(read_json(self.private / "port.json")["port"])
        return None

    def write_port(self, port: int) -> None:
        write_json(self.private / "port.json", {"port": port})

    def _prepare(self) -> None:
        path = self.private / "studio.json"
        try:
            self.private.mkdir(parents=True, exist_ok=True)
            self.private.chmod(0o700)
        except OSError as error:
            raise convert_os_error(error, self.private) from error
        if not path.exists():
            write_json(path, {"version": VERSION})
            return
        try:
            version = int(read_json(path)["version"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise EffigieError(f"{path} is damaged: remove it, and nothing else is lost") from error
        if version > VERSION:
            raise UsageError(f"{self.root} was made by a newer effigie (version {version}): update effigie")
