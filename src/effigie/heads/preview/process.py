"""A preview of a portrait in a process of its own, for windows that are not to load torch; messages as of a ``Desk``.

What comes in:

- ``{"do": "open"}``: answers ``controls``, what a face has; when the portrait is read, ``portrait`` says what it shows
  itself, how large it is, and how many frames a driver has; until then ``state`` says how far it is.
- ``{"do": "show", "seq": 3, "n": 12, "width": 960, "template": {...}}``: answers ``frame`` twice, the draft and the
  film's; with ``"draft": true`` the draft alone. The newest wish wins: an older one is given up.

An error is ``closed`` where there is no preview any more, as after a consent was revoked. The process ends with its
input.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from effigie.errors import EffigieError
from effigie.execution.desk import Desk, encode_jpeg, run_desk
from effigie.heads.motion.control_template import read_template, save_template
from effigie.heads.motion.face_controls import FaceControls, describe_face_controls
from effigie.io.atomic_write import parse_json
from effigie.progress import CancelToken, Progress

if TYPE_CHECKING:
    from effigie.heads.preview.preview import Preview, PreviewFrame

REPORT_INTERVAL_S = 0.5


class PortraitDesk(Desk):
    """One portrait that is worked on.

    Args:
        portrait: picture, clip or face set.
        driver: a clip that controls stand over; None for the portrait by itself.
        consents: records of the person.
        out: where messages go.
    """

    def __init__(self, portrait: Path, driver: Path | None, consents: Sequence[str], out: BinaryIO) -> None:
        super().__init__(out)
        self._portrait, self._driver, self._consents = portrait, driver, list(consents)
        self._preview: Preview | None = None
        self._has_begun = False
        self._report_time = 0.0

    @property
    def is_closed(self) -> bool:
        return self._has_begun and (self._preview is None or not self._preview.is_open)

    def answer(self, wish: dict[str, Any]) -> None:
        if wish["do"] == "open":
            self.send({"kind": "controls", "controls": describe_face_controls()})
            if self._preview is not None:
                self._introduce(self._preview)

    def open(self) -> None:
        self.send({"kind": "state", "loading": "the portrait is read"})
        from effigie.heads.preview.preview import Preview  # torch, seconds

        self._has_begun = True
        self._preview = Preview(
            self._portrait, driver=self._driver, consent=self._consents or None, progress=self._report
        )
        self._introduce(self._preview)

    def show(self, wish: dict[str, Any], cancel: CancelToken) -> None:
        preview, start = self._preview, time.perf_counter()
        if preview is None:
            return
        template, n = read_template(wish["template"]), int(wish["n"])
        self._send_frame(wish, preview.draft(template, n), start)
        if not wish.get("draft"):
            cancel.check()
            self._send_frame(wish, preview.frame(template, n), start)

    def close(self) -> None:
        if self._preview is not None:
            self._preview.close()

    def _introduce(self, preview: Preview) -> None:
        """Say what is open; the last of these messages stands for the state of the process."""
        times = preview.driver_times
        self.send(
            {
                "kind": "state",
                "own": _round(preview.own),
                "size": preview.size,
                "frames": None if times is None else len(times),
                "rate": None if times is None or len(times) < 2 else float((len(times) - 1) / (times[-1] - times[0])),
                "notes": list(preview.notes),
            }
        )

    def _report(self, progress: Progress) -> None:
        if time.monotonic() - self._report_time < REPORT_INTERVAL_S:
            return
        self._report_time = time.monotonic()
        subject = "the driver" if progress.stage == "driver" else "the portrait"
        far = f" ({progress.done} of {progress.total})" if progress.stage == "driver" and progress.total else ""
        self.send({"kind": "state", "loading": f"{subject} is read{far}"})

    def _send_frame(self, wish: dict[str, Any], frame: PreviewFrame, start: float) -> None:
        picture = encode_jpeg(frame.image, int(wish["width"]))
        head = {
            "kind": "frame",
            "seq": wish["seq"],
            "n": frame.index,
            "state": frame.state,
            "ms": round(1000 * (time.perf_counter() - start), 1),
            "shows": _round(frame.shows),
            "sizes": [len(picture)],
        }
        self.send(head, [picture])


def _round(controls: FaceControls) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(controls).items() if value is not None}


def main() -> int:
    """The process: ``PORTRAIT [--driver CLIP] [--consent RECORD]``, or ``--save FILE`` of the JSON that comes in."""
    parser = argparse.ArgumentParser(description="A preview of a portrait, for a window.")
    parser.add_argument("portrait", type=Path, nargs="?")
    parser.add_argument("--driver", type=Path)
    parser.add_argument("--consent", action="append", default=[])
    parser.add_argument("--save", type=Path, help="write the control template that comes in as JSON, and end")
    arguments = parser.parse_args()
    if arguments.save is not None:
        try:
            arguments.save.parent.mkdir(parents=True, exist_ok=True)
            save_template(read_template(parse_json(sys.stdin.read())), arguments.save)
        except (EffigieError, ValueError) as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    return run_desk(lambda out: PortraitDesk(arguments.portrait, arguments.driver, arguments.consent, out))


if __name__ == "__main__":
    raise SystemExit(main())
