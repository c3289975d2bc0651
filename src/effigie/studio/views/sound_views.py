"""What sounds look like: spectrogram and pitch, computed by a process of its own, for the file may be anybody's."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError
from effigie.studio.views.frames import read_stamp

MODULE = "effigie.voice.sound_view"
TIMEOUT_S = 120
MAX_VIEWS = 40


@dataclass(frozen=True)
class StoredView:
    """Figures and pitch as JSON values, and the spectrogram as a PNG."""

    figures: dict[str, Any]
    spectrogram: bytes


class SoundViews:
    """Views of sounds, kept in memory alone and made again when a file is replaced. For several threads."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[Path, tuple[int, int]], StoredView] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path) -> StoredView:
        """The view of a sound's first minute.

        Raises:
            EffigieError: it cannot be read, or has no sound.
        """
        key = (path, read_stamp(path))
        with self._lock:  # one at a time: the cores are for the jobs
            if key not in self._views:
                self._views[key] = _look(path)
            self._views.move_to_end(key)
            while len(self._views) > MAX_VIEWS:
                self._views.popitem(last=False)
            return self._views[key]


def _look(path: Path) -> StoredView:
    try:
        process = subprocess.run(
            [sys.executable, "-P", "-m", MODULE, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EffigieError(f"{path.name} was not read within {TIMEOUT_S} s") from None
    if process.returncode:
        lines = process.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EffigieError((lines or [f"{path.name} cannot be read"])[-1])
    figures = json.loads(process.stdout)
    return StoredView(figures, base64.b64decode(figures.pop("spectrogram")))
