"""Two models on one clip, in a process of its own, for windows that are not to load torch; messages as of a
:class:`Desk`.

What comes in:

- ``{"do": "open"}``: the models are loaded when the process starts; ``state`` messages say how far it is, and carry
  ``models``: of each its ``name`` and the ``steps`` that its weights were trained, once they are there.
- ``{"do": "show", "seq": 3, "n": 120, "width": 960}``: answers ``frame`` up to three times, each with the same frame of
  both models: the drafts, the settled frames and the films'. The newest wish wins: an older one is given up.

An error is ``closed`` where nothing is shown any more: a model does not load, or a consent is missing or was revoked.
The process ends with its input.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from effigie.consent.gate import permit_model
from effigie.errors import CancelledError, ModelError, RefusedError, UsageError
from effigie.execution.desk import Desk, encode_jpeg, run_desk
from effigie.progress import CancelToken
from effigie.swap.preview.process import PERMIT_INTERVAL_S, SETTLE, STATE_INTERVAL_S

if TYPE_CHECKING:
    from effigie.swap.preview.preview import Preview
    from effigie.swap.preview.preview_frame import PreviewFrame

STATES = ("draft", "settled", "film")  # of two frames the earlier is that of both


class ComparisonDesk(Desk):
    """Two models, each with a preview of its own on the same clip.

    Args:
        clip: a video file.
        models: two folders.
        out: where messages go.

    Raises:
        UsageError: both are the same.
    """

    def __init__(self, clip: Path, models: Sequence[Path], out: BinaryIO) -> None:
        super().__init__(out)
        if len({model.resolve() for model in models}) != 2:
            raise UsageError("choose two different models to compare")
        self._clip, self._models = clip, models
        self._previews: list[Preview] = []
        self._is_over = False
        self._permit_time = 0.0

    @property
    def is_closed(self) -> bool:
        return self._is_over

    def answer(self, wish: dict[str, Any]) -> None:
        if wish["do"] == "save":
            raise UsageError("a comparison keeps nothing: there is nothing to save")

    def close(self) -> None:
        previews, self._previews = self._previews, []
        for preview in previews:
            preview.close()

    def open(self) -> None:
        self.send({"kind": "state", "loading": "the models are loaded"})
        from effigie.swap.preview.preview import Preview  # torch, seconds

        self._is_over = True  # until both are there
        with contextlib.ExitStack() as stack:
            opened = []
            for model in self._models:
                with _add_model_name(model):
                    opened.append(stack.enter_context(Preview(model, self._clip)))
            stack.pop_all()
        self._previews, self._is_over = opened, False
        self._permit_time = time.monotonic()
        threading.Thread(target=self._tell_state, name="state", daemon=True).start()

    def show(self, wish: dict[str, Any], cancel: CancelToken) -> None:
        start = time.perf_counter()
        if not self._previews:
            return
        self._ask_gate()
        n = int(wish["n"])
        with contextlib.suppress(CancelledError):
            self._send_frames(wish, [preview.draft(n) for preview in self._previews], start)
            for settle in (SETTLE, None):
                frames = []
                for preview in self._previews:
                    cancel.check()
                    frames.append(preview.frame(n, None, settle, cancel))
                self._send_frames(wish, frames, start)
                if all(one.state == "film" for one in frames):
                    return

    def _ask_gate(self) -> None:
        """A consent may be revoked while its face is on the screen.

        Raises:
            RefusedError: it was.
        """
        if time.monotonic() - self._permit_time < PERMIT_INTERVAL_S:
            return
        self._permit_time = time.monotonic()
        try:
            for model in self._models:
                with _add_model_name(model):
                    permit_model(model, "swap")
        except RefusedError:
            self.close()
            self._is_over = True
            raise

    def _tell_state(self) -> None:
        """Say how far the clip is measured for both models, whenever that changes."""
        last_state: object = None
        while not self.is_ended and (previews := self._previews):
            measured, count = min(one.measured for one in previews), previews[0].count
            if (measured, count) != last_state:
                last_state = measured, count
                models = [
                    {"name": path.name, "steps": one.models[0].steps}
                    for path, one in zip(self._models, previews, strict=True)
                ]
                ranges = [one.person_ranges for one in previews]
                self.send({"kind": "state", "measured": measured, "count": count, "found": ranges, "models": models})
            time.sleep(STATE_INTERVAL_S)

    def _send_frames(self, wish: dict[str, Any], frames: Sequence[PreviewFrame], start: float) -> None:
        pictures = [encode_jpeg(one.image, int(wish["width"])) for one in frames]
        head = {
            "kind": "frame",
            "seq": wish["seq"],
            "n": frames[0].index,
            "time": float(frames[0].time),
            "state": min((one.state for one in frames), key=STATES.index),
            "ms": round(1000 * (time.perf_counter() - start), 1),
            "replaced": [len(one.faces) for one in frames],
            "sizes": [len(picture) for picture in pictures],
        }
        self.send(head, pictures)


@contextlib.contextmanager
def _add_model_name(model: Path) -> Iterator[None]:
    """An error of one of two models says which of them it is about."""
    try:
        yield
    except (RefusedError, ModelError) as error:
        if model.name not in str(error):
            error.args = (f"{model.name}: {error}",)
        raise


def main() -> int:
    """The process: ``comparison_process.py CLIP MODEL MODEL``."""
    parser = argparse.ArgumentParser(description="Two models on one clip, for a window.")
    parser.add_argument("clip", type=Path)
    parser.add_argument("models", type=Path, nargs=2)
    arguments = parser.parse_args()
    return run_desk(lambda out: ComparisonDesk(arguments.clip, arguments.models, out))


if __name__ == "__main__":
    raise SystemExit(main())
