"""Frames into a file, whole or not at all."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import cv2
import numpy as np
from av.error import FFmpegError

from effigie.errors import EffigieError, MediaError, UsageError
from effigie.io.atomic import atomic, explain
from effigie.media import video_file
from effigie.media.clip import ClipInfo, Image
from effigie.media.config import EncodeSettings
from effigie.media.container import reason
from effigie.media.stream_copy import Span
from effigie.media.video_file import VideoFile

STILLS = (".png", ".jpg", ".jpeg")
JPEG_QUALITY = 95


class _Sink(Protocol):
    def write(self, image: Image, time: Fraction, duration: Fraction | None) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class Writer:
    """Writes frames to ``path`` with the clock, colours and sound of ``like``.

    ``.mp4``, ``.m4v``, ``.mov`` and ``.mkv`` give video with sound and subtitles copied packet by packet; a
    name without suffix (or codec png) gives a folder of ``000000.png``, ``000001.png``, ...; ``.png`` and
    ``.jpg`` hold one frame. The file appears under its name when the block ends well; on an exception, Ctrl-C
    too, nothing is left. Odd sides grow by one pixel in 4:2:0 video, which cannot say that it was odd.

    Args:
        like: the clip whose pictures these replace; frames may have another size.
        span: write only this part of the clip, (from, up to) seconds on its clock, beginning at 0; sound
            outside is left out. None keeps every time; only MPEG clocks, which start anywhere, start at 0.
        finishing: called with the temporary path of the whole output just before it gets its name, to add what
            belongs into the finished file; the same path must hold the output afterwards.

    Attributes:
        notes: what could not be carried over untouched, a sentence each.

    Raises:
        UsageError: the suffix and the codec contradict each other, or ``path`` is the clip itself.
        MediaError: encoding failed, or no frame was written.
        EffigieError: the disk is full or the folder cannot be written.

    Example::

        with Reader("talk.mp4") as reader, Writer("out.mp4", reader.info) as writer:
            for frame in reader:
                writer.write(frame.image, frame.time, frame.duration)
    """

    def __init__(
        self,
        path: str | Path,
        like: ClipInfo,
        settings: EncodeSettings | None = None,
        span: Span | None = None,
        finishing: Callable[[Path], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self.like = like
        self.settings = settings or EncodeSettings()
        self.notes: list[str] = []
        self.frames = 0
        self._span = span
        self._finishing = finishing
        self._kind = _kind(self.path, self.settings)
        if self.path.exists() and like.path.exists() and self.path.samefile(like.path):
            raise UsageError(f"{path} is the clip being read: choose another name for the output")
        if self._kind == "folder":
            _check_replaceable(self.path)
        self._size: tuple[int, int] | None = None
        self._sink: _Sink | None = None
        self._context: contextlib.AbstractContextManager[_Sink] | None = None

    def __enter__(self) -> Self:
        self._context = self._destination()
        self._sink = self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._context is not None
        context, self._context, self._sink = self._context, None, None
        return context.__exit__(kind, error, trace)

    def write(self, image: Image, time: Fraction, duration: Fraction | None = None) -> None:
        """Add one frame.

        Args:
            image: (H, W, 3) uint8 RGB, all of one size.
            time: presentation time on the clock of ``like``, seconds, later than the frame before.
            duration: seconds; matters for the last frame.

        Raises:
            UsageError: the array is not such a picture, or its size changed.
            MediaError, EffigieError: as above.
        """
        if self._sink is None:
            raise UsageError(f"{self.path} is not open for writing: use `with Writer(...)`")
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise UsageError(f"a frame must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        size = image.shape[:2]
        if self._size is not None and size != self._size:
            raise UsageError(
                f"the frames of {self.path} are {self._size[1]}x{self._size[0]}, one is {size[1]}x{size[0]}"
            )
        self._size = size
        with self._explained():
            self._sink.write(image, time, duration)
        self.frames += 1

    @contextlib.contextmanager
    def _destination(self) -> Iterator[_Sink]:
        with atomic(self.path) as temporary:
            sink = self._opened(temporary)
            try:
                yield sink
                if not self.frames:
                    raise MediaError(f"no frame was written to {self.path}: the clip or the range is empty")
                with self._explained():
                    sink.finish()
                if self._finishing is not None:
                    self._finishing(temporary)
            except BaseException:
                sink.abandon()
                raise

    def _opened(self, temporary: Path) -> _Sink:
        if self._kind == "video":
            return VideoFile(temporary, self.like, self.settings, self._span, self.notes)
        if self.like.audio and self.settings.keep_audio:
            self.notes.append("the sound was left out because pictures hold none")
        if self._kind == "still":
            return _Still(temporary, self.path)
        if self.like.kind == "video":
            self.notes.append(
                "frame times were left out because pictures hold none; they are numbered in order"
            )
        return _Folder(temporary)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What FFmpeg or the system reports, as one line about the output's real name."""
        try:
            yield
        except EffigieError:
            raise
        except OSError as error:
            raise explain(error, self.path) from error
        except (FFmpegError, cv2.error, ValueError) as error:
            raise MediaError(
                f"cannot encode {self.path} ({reason(error)}): try the default settings or another format"
            ) from error


def _kind(path: Path, settings: EncodeSettings) -> str:
    suffix = path.suffix.lower()
    if suffix in video_file.FORMATS:
        if settings.codec == "png":
            raise UsageError(
                f"{path} is a video name and codec png writes a folder: drop the suffix, or choose h264"
            )
        return "video"
    if suffix in STILLS:
        return "still"
    if not suffix or settings.codec == "png":
        return "folder"
    raise UsageError(
        f"{suffix} cannot be written: use {', '.join(video_file.FORMATS)}, {', '.join(STILLS)}, "
        "or no suffix for a folder"
    )


def _check_replaceable(path: Path) -> None:
    """A folder is replaced as a whole: only one that holds nothing but frames may be."""
    if not path.is_dir():
        return
    other = next((entry for entry in path.iterdir() if not re.fullmatch(r"\d+\.png", entry.name)), None)
    if other is not None:
        raise UsageError(f"{path} holds more than frames ({other.name}): choose another name")


class _Folder:
    """Numbered PNG files."""

    def __init__(self, temporary: Path) -> None:
        self._folder = temporary
        self._count = 0

    def write(self, image: Image, time: Fraction, duration: Fraction | None) -> None:
        self._folder.mkdir(exist_ok=True)
        save_still(self._folder / f"{self._count:06d}.png", image)
        self._count += 1

    def finish(self) -> None:
        """Every picture is complete already."""

    def abandon(self) -> None:
        """The folder is removed by the caller."""


class _Still:
    """One picture."""

    def __init__(self, temporary: Path, path: Path) -> None:
        self._temporary, self._path = temporary, path
        self._written = False

    def write(self, image: Image, time: Fraction, duration: Fraction | None) -> None:
        if self._written:
            raise MediaError(
                f"{self._path} holds one picture: give a name without suffix for a folder, or .mp4"
            )
        save_still(self._temporary, image)
        self._written = True

    def finish(self) -> None:
        """The picture is complete already."""

    def abandon(self) -> None:
        """The file is removed by the caller."""


def save_still(path: Path, image: Image) -> None:
    """Write (H, W, 3) uint8 RGB to ``path``, PNG or JPEG by its suffix."""
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    # OpenCV's own PNG setting: 4.7 ms a 640x480 frame; any level asked for takes 12 ms and saves a quarter.
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if jpeg else []
    done, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise MediaError(f"cannot encode {path}")
    path.write_bytes(data.tobytes())
