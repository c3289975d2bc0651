"""A preview in a process of its own, for windows that are not to load torch: JSON lines in, messages out.

Each message is a little-endian 32-bit length, so many bytes of JSON, and the JPEGs whose ``sizes`` that names. What
comes in:

- ``{"do": "open"}``: answers ``project``: the values of the file, and the controls of its settings; the models are
  loaded then, and ``state`` messages say how far it is.
- ``{"do": "show", "seq": 3, "n": 120, "width": 960, "project": {...}}``: answers ``frame`` up to three times: the
  draft, the settled frame and the film's. The newest wish wins: an older one is given up.
- ``{"do": "save", "seq": 4, "project": {...}}``: answers ``saved``.

Whatever cannot be done answers ``error`` with the line that says why; it is ``closed`` where there is no preview then,
as after a consent was revoked. The process ends with its input.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import struct
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import cv2
import numpy as np

from effigie.consent.gate import permit_model
from effigie.errors import CancelledError, EffigieError, RefusedError
from effigie.io.atomic_write import parse_json
from effigie.progress import CancelToken
from effigie.swap.inference.person_assignment import PersonAssignment
from effigie.swap.inference.project import Project, describe_project, load_project, read_project, save_project
from effigie.swap.preview.inspector import describe_controls

if TYPE_CHECKING:
    from effigie.swap.preview.preview import Preview, PreviewFrame

SETTLE = 8  # frames: within a quarter of a grey level of the film's, after half a second
STATE_INTERVAL_S = 0.5
PERMIT_INTERVAL_S = 5.0  # between two questions to the gate, while frames are shown
JPEG_QUALITY = 92


class Desk:
    """One project that is worked on.

    Args:
        path: of the project file.
        out: where messages go.
    """

    def __init__(self, path: Path, out: BinaryIO) -> None:
        self._path, self._out = path, out
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._wish: dict[str, Any] | None = None
        self._cancel = CancelToken()
        self._is_closed = False
        self._preview: Preview | None = None
        self._has_begun = False
        self._project = load_project(path)
        self._asked = 0.0

    def serve(self, lines: Iterable[str]) -> None:
        """Read wishes until there are no more."""
        worker = threading.Thread(target=self._work, name="preview", daemon=True)
        worker.start()
        for line in lines:
            with self._explain(None):
                wish = parse_json(line)
                if wish["do"] == "open":
                    self._send_project()
                elif wish["do"] == "save":
                    self._save(wish)
                elif wish["do"] == "show":
                    with self._changed:
                        self._cancel.set()
                        self._wish, self._cancel = wish, CancelToken()
                        self._changed.notify()
        with self._changed:
            self._is_closed = True
            self._cancel.set()
            self._changed.notify()
        worker.join()

    def _send_project(self) -> None:
        self._project = load_project(self._path)
        values = describe_project(self._project, self._path.absolute().parent)
        self._send({"kind": "project", "project": values, "controls": list(describe_controls())})

    def _save(self, wish: dict[str, Any]) -> None:
        with self._explain(wish):
            save_project(read_project(wish["project"], self._path), self._path)
            self._send({"kind": "saved", "seq": wish.get("seq")})

    def _work(self) -> None:
        with self._explain(None):
            self._open()
        threading.Thread(target=self._tell_state, name="state", daemon=True).start()
        while True:
            with self._changed:
                while self._wish is None and not self._is_closed:
                    self._changed.wait()
                wish, self._wish, cancel = self._wish, None, self._cancel
            if self._is_closed:
                break
            if wish is not None:
                with self._explain(wish):
                    self._show(wish, cancel)
        if self._preview is not None:
            self._preview.close()

    def _tell_state(self) -> None:
        """Say how far the clip is measured, whenever that changes."""
        told: object = None
        while not self._is_closed:
            preview = self._preview
            state = None if preview is None else (preview.measured, preview.count)
            if state is not None and state != told:
                told = state
                found = [] if preview is None else preview.found
                self._send({"kind": "state", "measured": state[0], "count": state[1], "found": found})
            time.sleep(STATE_INTERVAL_S)

    def _open(self) -> None:
        self._send({"kind": "state", "loading": "the models are loaded"})
        from effigie.swap.preview.preview import Preview  # torch, seconds

        project, self._has_begun = self._project, True
        self._preview = Preview(
            project.people,
            project.clip,
            project.settings,
            consent=list(project.consents) or None,
            purpose=project.purpose,
        )
        self._asked = time.monotonic()

    def _show(self, wish: dict[str, Any], cancel: CancelToken) -> None:
        preview, begun = self._preview, time.perf_counter()
        if preview is None:
            return
        self._ask_gate()
        project = read_project(wish["project"], self._path)
        n, settings = int(wish["n"]), project.settings
        with contextlib.suppress(CancelledError):
            self._send_frame(wish, preview.draft(n, settings), begun)
            for settle in (SETTLE, None):
                cancel.check()
                shown = preview.frame(n, settings, settle, cancel)
                self._send_frame(wish, shown, begun)
                if shown.state == "film":
                    return

    def _ask_gate(self) -> None:
        """A consent may be revoked while its face is on the screen.

        Raises:
            RefusedError: it was.
        """
        if time.monotonic() - self._asked < PERMIT_INTERVAL_S:
            return
        self._asked, project = time.monotonic(), self._project
        try:
            for one in project.people:
                permit_model(one.model, "swap", consent=list(project.consents) or None, purpose=project.purpose)
        except RefusedError:
            if self._preview is not None:
                self._preview.close()
            self._preview = None
            raise

    def _send_frame(self, wish: dict[str, Any], shown: PreviewFrame, begun: float) -> None:
        width = int(wish["width"])
        pictures = [_encode(shown.before, width), _encode(shown.image, width), _encode(shown.mask, width)]
        head = {
            "kind": "frame",
            "seq": wish["seq"],
            "n": shown.index,
            "time": float(shown.time),
            "state": shown.state,
            "ms": round(1000 * (time.perf_counter() - begun), 1),
            "faces": [{"model": name, "box": face.box.tolist()} for name, face in shown.faces],
            "size": [shown.image.shape[1], shown.image.shape[0]],
            "sizes": [len(picture) for picture in pictures],
        }
        self._send(head, pictures)

    @contextlib.contextmanager
    def _explain(self, wish: dict[str, Any] | None) -> Any:
        """Send what goes wrong in the block as a line."""
        try:
            yield
        except CancelledError:
            pass
        except EffigieError as error:
            closed = self._has_begun and self._preview is None
            self._send({"kind": "error", "seq": wish and wish.get("seq"), "error": str(error), "closed": closed})
        except (ValueError, KeyError, TypeError) as error:
            self._send({"kind": "error", "seq": wish and wish.get("seq"), "error": f"no wish that is known ({error})"})

    def _send(self, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
        text = json.dumps(head, ensure_ascii=False).encode()
        with self._sending:
            self._out.write(b"".join([struct.pack("<I", len(text)), text, *blobs]))
            self._out.flush()


def create_project(path: Path, model: Path, clip: Path) -> None:
    """A new project file of a model and a clip; one that is there is left as it is."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_project(Project(clip, (PersonAssignment(model),)), path)


def _encode(image: np.ndarray, width: int) -> bytes:
    if image.shape[1] > width:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def main() -> int:
    """The process: ``process.py PROJECT.toml [MODEL CLIP]``; with model and clip a new project is made first."""
    parser = argparse.ArgumentParser(description="A preview of a project, for a window.")
    parser.add_argument("project", type=Path)
    parser.add_argument("new", type=Path, nargs="*", help="model and clip of a new project")
    arguments = parser.parse_args()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    try:
        if len(arguments.new) == 2:
            create_project(arguments.project, *arguments.new)
            return 0
        Desk(arguments.project, out).serve(sys.stdin)
    except EffigieError as error:
        print(error, file=sys.stderr)
        return error.exit_code if hasattr(error, "exit_code") else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
