"""Posters: the first frame of a clip, small; kept, for lists show many at a time and the viewer should not wait."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from effigie.errors import MediaError
from effigie.studio.views.frames import encode_frame, read_stamp

WIDTH = 320  # px
MAX_POSTERS = 1000


class Posters:
    """First frames of clips and pictures as JPEG, read again when a file is replaced. For several threads."""

    def __init__(self) -> None:
        self._posters: OrderedDict[tuple[Path, tuple[int, int]], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path) -> bytes:
        """The poster of a clip, at most 320 px wide.

        Raises:
            MediaError: it cannot be read.
        """
        from effigie.media import VideoReader

        key = (path, read_stamp(path))
        with self._lock:  # one at a time: the cores are for the viewer
            if key not in self._posters:
                with VideoReader(path, stop=1) as reader:
                    frame = next(iter(reader), None)
                if frame is None:
                    raise MediaError(f"{path.name} has no frame that decodes")
                self._posters[key] = encode_frame(frame, WIDTH).jpeg
            self._posters.move_to_end(key)
            while len(self._posters) > MAX_POSTERS:
                self._posters.popitem(last=False)
            return self._posters[key]
