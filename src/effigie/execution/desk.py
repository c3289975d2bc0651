"""A process that a window asks for pictures: JSON lines in, messages out, and of the wishes the newest wins.

Each message is a little-endian 32-bit length, so many bytes of JSON, and the pictures whose ``sizes`` that names.
Whatever cannot be done answers ``error`` with the line that says why; it is ``closed`` where nothing is shown any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import cv2

from effigie.arrays import Image
from effigie.errors import CancelledError, EffigieError
from effigie.io.atomic_write import parse_json
from effigie.progress import CancelToken

JPEG_QUALITY = 92
MIN_WIDTH = 16  # px


class Desk:
    """Reads wishes, and does in a thread of its own what takes long.

    Args:
        out: where messages go.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._sending = threading.Lock()
        self._condition = threading.Condition()
        self._wish: dict[str, Any] | None = None
        self._cancel = CancelToken()
        self._is_ended = False

    def serve(self, lines: Iterable[str]) -> None:
        """Read wishes until there are no more."""
        worker = threading.Thread(target=self._work, name="preview", daemon=True)
        worker.start()
        for line in lines:
            with self.explain(None):
                wish = parse_json(line)
                if wish["do"] == "show":
                    with self._condition:
                        self._cancel.set()
                        self._wish, self._cancel = wish, CancelToken()
                        self._condition.notify()
                else:
                    self.answer(wish)
        with self._condition:
            self._is_ended = True
            self._cancel.set()
            self._condition.notify()
        worker.join()

    def answer(self, wish: dict[str, Any]) -> None:
        """Answer at once what is no wish to be shown something."""
        raise NotImplementedError

    def open(self) -> None:
        """Make ready, in the thread; may take seconds."""
        raise NotImplementedError

    def show(self, wish: dict[str, Any], cancel: CancelToken) -> None:
        """Send what is wished for, until ``cancel`` says that there is a newer wish."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what was opened."""
        raise NotImplementedError

    @property
    def is_closed(self) -> bool:
        """Whether nothing is shown any more, for a reason that was said."""
        raise NotImplementedError

    @property
    def is_ended(self) -> bool:
        """Whether there are no more wishes."""
        return self._is_ended

    def send(self, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
        """Send a message; from any thread."""
        text = json.dumps(head, ensure_ascii=False).encode()
        with self._sending:
            self._out.write(b"".join([struct.pack("<I", len(text)), text, *blobs]))
            self._out.flush()

    @contextlib.contextmanager
    def explain(self, wish: dict[str, Any] | None) -> Iterator[None]:
        """Send what goes wrong in the block as a line."""
        seq = wish and wish.get("seq")
        try:
            yield
        except CancelledError:
            pass
        except EffigieError as error:
            self.send({"kind": "error", "seq": seq, "error": str(error), "closed": self.is_closed})
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            self.send({"kind": "error", "seq": seq, "error": f"no wish that is known ({error})"})

    def _work(self) -> None:
        with self.explain(None):
            self.open()
        while True:
            with self._condition:
                while self._wish is None and not self._is_ended:
                    self._condition.wait()
                wish, self._wish, cancel = self._wish, None, self._cancel
            if self._is_ended:
                break
            if wish is not None:
                with self.explain(wish):
                    self.show(wish, cancel)
        self.close()


def run_desk(build: Callable[[BinaryIO], Desk]) -> int:
    """Serve the wishes of the standard input, with messages to the standard output; returns the exit status."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    try:
        build(out).serve(sys.stdin)
    except EffigieError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def encode_jpeg(image: Image, width: int) -> bytes:
    """A picture, (H, W, 3) uint8 RGB or (H, W) grey, as JPEG, at most ``width`` px wide, but 16 at least."""
    width = max(width, MIN_WIDTH)
    if image.shape[1] > width:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
