"""A preview in a process of its own, for windows that are not to load torch; messages as of a :class:`Desk`.

What comes in:

- ``{"do": "open"}``: answers ``project``: the values of the file, and the controls of its settings; the models are
  loaded then, and ``state`` messages say how far it is.
- ``{"do": "show", "seq": 3, "n": 120, "width": 960, "project": {...}}``: answers ``frame`` up to three times: the
  draft, the settled frame and the film's. The newest wish wins: an older one is given up.
- ``{"do": "save", "seq": 4, "project": {...}}``: answers ``saved``.

An error is ``closed`` where there is no preview any more, as after a consent was revoked. The process ends with its
input.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from effigie.consent.gate import permit_model
from effigie.errors import CancelledError, EffigieError, RefusedError
from effigie.execution.desk import Desk, encode_jpeg, run_desk
from effigie.faces.analyzer import Face
from effigie.progress import CancelToken
from effigie.swap.editing.project import Project, describe_project, load_project, read_project, save_project
from effigie.swap.inference.people.assignment import PersonAssignment
from effigie.swap.preview.inspector import describe_controls

if TYPE_CHECKING:
    from effigie.swap.preview.preview import Preview
    from effigie.swap.preview.preview_frame import PreviewFrame

SETTLE = 8  # frames: within a quarter of a grey level of the film's, after half a second
STATE_INTERVAL_S = 0.5
CROP_UNITS = 1024  # px of a crop by which places in it are told
PERMIT_INTERVAL_S = 5.0  # between two questions to the gate, while frames are shown


class ProjectDesk(Desk):
    """One project that is worked on.

    Args:
        path: of the project file.
        out: where messages go.
    """

    def __init__(self, path: Path, out: BinaryIO) -> None:
        super().__init__(out)
        self._path = path
        self._preview: Preview | None = None
        self._has_begun = False
        self._project = load_project(path)
        self._permit_time = 0.0

    @property
    def is_closed(self) -> bool:
        return self._has_begun and self._preview is None

    def answer(self, wish: dict[str, Any]) -> None:
        if wish["do"] == "open":
            self._project = load_project(self._path)
            values = describe_project(self._project, self._path.absolute().parent)
            self.send({"kind": "project", "project": values, "controls": list(describe_controls())})
        elif wish["do"] == "save":
            with self.explain(wish):
                save_project(read_project(wish["project"], self._path), self._path)
                self.send({"kind": "saved", "seq": wish.get("seq")})

    def close(self) -> None:
        if self._preview is not None:
            self._preview.close()

    def _tell_state(self) -> None:
        """Say how far the clip is measured, whenever that changes."""
        last_state: object = None
        while not self.is_ended:
            preview = self._preview
            state = None if preview is None else (preview.measured, preview.count)
            if state is not None and state != last_state:
                last_state = state
                ranges = [] if preview is None else preview.person_ranges
                self.send({"kind": "state", "measured": state[0], "count": state[1], "found": ranges})
            time.sleep(STATE_INTERVAL_S)

    def open(self) -> None:
        self.send({"kind": "state", "loading": "the models are loaded"})
        from effigie.swap.preview.preview import Preview  # torch, seconds

        project, self._has_begun = self._project, True
        self._preview = Preview(
            project.people,
            project.clip,
            project.settings,
            consent=list(project.consents) or None,
            purpose=project.purpose,
        )
        self._permit_time = time.monotonic()
        threading.Thread(target=self._tell_state, name="state", daemon=True).start()

    def show(self, wish: dict[str, Any], cancel: CancelToken) -> None:
        preview, start = self._preview, time.perf_counter()
        if preview is None:
            return
        self._ask_gate()
        project = read_project(wish["project"], self._path)
        n, settings = int(wish["n"]), project.settings
        with contextlib.suppress(CancelledError):
            self._send_frame(wish, preview.draft(n, settings), start)
            for settle in (SETTLE, None):
                cancel.check()
                frame = preview.frame(n, settings, settle, cancel)
                self._send_frame(wish, frame, start)
                if frame.state == "film":
                    return

    def _ask_gate(self) -> None:
        """A consent may be revoked while its face is on the screen.

        Raises:
            RefusedError: it was.
        """
        if time.monotonic() - self._permit_time < PERMIT_INTERVAL_S:
            return
        self._permit_time, project = time.monotonic(), self._project
        try:
            for one in project.people:
                permit_model(one.model, "swap", consent=list(project.consents) or None, purpose=project.purpose)
        except RefusedError:
            if self._preview is not None:
                self._preview.close()
            self._preview = None
            raise

    def _send_frame(self, wish: dict[str, Any], frame: PreviewFrame, start: float) -> None:
        width = int(wish["width"])
        pictures = [encode_jpeg(frame.footage, width), encode_jpeg(frame.image, width), encode_jpeg(frame.mask, width)]
        head = {
            "kind": "frame",
            "seq": wish["seq"],
            "n": frame.index,
            "time": float(frame.time),
            "state": frame.state,
            "ms": round(1000 * (time.perf_counter() - start), 1),
            "faces": [_describe_face(name, face) for name, face in frame.faces],
            "size": [frame.image.shape[1], frame.image.shape[0]],
            "sizes": [len(picture) for picture in pictures],
        }
        self.send(head, pictures)


def _describe_face(model: str, face: Face) -> dict[str, Any]:
    """Where a face is; ``crop`` takes pixels of the frame to its crop, 0..1, in which strokes lie."""
    matrix = face.matrix(CROP_UNITS).astype(np.float64)
    matrix[:, 2] += 0.5  # from pixels' middles
    return {"model": model, "box": face.box.tolist(), "crop": (matrix / CROP_UNITS).tolist()}


def create_project(path: Path, model: Path, clip: Path) -> None:
    """A new project file of a model and a clip; one that is there is left as it is."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_project(Project(clip, (PersonAssignment(model),)), path)


def main() -> int:
    """The process: ``process.py PROJECT.toml [MODEL CLIP]``; with model and clip a new project is made first."""
    parser = argparse.ArgumentParser(description="A preview of a project, for a window.")
    parser.add_argument("project", type=Path)
    parser.add_argument("new", type=Path, nargs="*", help="model and clip of a new project")
    arguments = parser.parse_args()
    if len(arguments.new) == 2:
        try:
            create_project(arguments.project, *arguments.new)
        except EffigieError as error:
            print(error, file=sys.stderr)
            return error.exit_code
        return 0
    return run_desk(lambda out: ProjectDesk(arguments.project, out))


if __name__ == "__main__":
    raise SystemExit(main())
