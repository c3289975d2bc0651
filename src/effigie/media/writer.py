"""Writes frames to a video, a folder of pictures or a still, atomically."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from av.error import FFmpegError

from effigie.errors import EffigieError, MediaError, UsageError
from effigie.io.atomic_write import atomic_write, convert_os_error
from effigie.media.clip import ClipInfo, Image
from effigie.media.config import EncodeSettings
from effigie.media.container import describe_error
from effigie.media.output.place import choose_output_kind
from effigie.media.output.plan import check_output_place, choose_output_codec, list_picture_losses
from effigie.media.output.stream_copy import TimeSpan
from effigie.media.output.video_encoder import VideoEncoder
from effigie.media.pictures.frame_files import SequenceFiles, choose_frame_format
from effigie.media.pictures.writer import PictureFiles, note_picture_losses
from effigie.media.samples.native_convert import as_rgb
from effigie.media.samples.native_picture import NativePicture
from effigie.media.samples.scene_picture import ScenePicture
from effigie.media.sound.track import SoundStream

BRIGHT_LOSS = (
    "scene-linear pictures were written as they are shown, and what is brighter than white was cut off: --frames-to "
    "writes them as they are"
)
Sink = VideoEncoder | PictureFiles | SequenceFiles


class VideoWriter:
    """Writes frames to ``path`` with the clock, colours and sound of ``source_info``.

    ``.mp4``, ``.m4v``, ``.mov`` and ``.mkv`` give video with sound and subtitles copied packet by packet (what will
    happen to each, :func:`effigie.media.plan_output` says beforehand); a name without suffix (or codec png) gives a
    folder of ``000000.png``, ``000001.png``, ..., of a sequence of PNG, TIFF or EXR pictures files of its own kind and
    names; ``.png`` and ``.jpg`` hold one frame. The file appears under its name when the block ends well; on an
    exception, Ctrl-C too, nothing is left.
    Odd sides grow by one pixel in 4:2:0 video, which cannot say that it was odd.

    Args:
        source_info: the clip whose pictures these replace; frames may have another size.
        span: write only this part of the clip, (from, up to) seconds on its clock, beginning at 0; sound
            outside is left out. None keeps every time; only MPEG clocks, which start anywhere, start at 0.
        sound: written in place of the clip's own, whatever ``settings`` say.
        finalizer: called with the temporary path of the whole output just before it gets its name, to add what
            belongs into the finished file; the same path must hold the output afterwards.

    Attributes:
        notes: what could not be carried over untouched, a sentence each.

    Raises:
        UsageError: the suffix and the codec contradict each other, ``path`` is the clip itself, or no such file can be
            written there.
        MediaError: encoding failed, or no frame was written.

    Example::

        with VideoReader("talk.mp4") as reader, VideoWriter("out.mp4", reader.info) as writer:
            for frame in reader:
                writer.write(frame.image, frame.time, frame.duration)
    """

    def __init__(
        self,
        path: str | Path,
        source_info: ClipInfo,
        settings: EncodeSettings | None = None,
        span: TimeSpan | None = None,
        finalizer: Callable[[Path], None] | None = None,
        sound: SoundStream | None = None,
    ) -> None:
        self.path = Path(path)
        self.source_info = source_info
        self.settings = settings or EncodeSettings()
        self.notes: list[str] = []
        self.frames = 0
        self._span = span
        self._finalizer, self._sound = finalizer, sound
        self._output_kind = choose_output_kind(self.path, self.settings)
        self._frame_format = choose_frame_format(source_info, self.settings) if self._output_kind == "folder" else None
        check_output_place(self.path, self._output_kind, source_info, self._frame_format)
        if self._output_kind == "video":
            choose_output_codec(self.path, source_info, self.settings)
        self._size: tuple[int, int] | None = None
        self._sink: Sink | None = None
        self._context: contextlib.AbstractContextManager[Sink] | None = None

    def __enter__(self) -> Self:
        self._context = self._open_output()
        self._sink = self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._context is not None
        context, self._context, self._sink = self._context, None, None
        return context.__exit__(kind, error, trace)

    def prepare(self, picture: NativePicture) -> NativePicture:
        """The picture in samples of which the output can hold all: edit that one, then write it.

        A picture file holds RGB: what is drawn into color samples of 4:2:0 would bleed into pixels beside it.
        """
        if isinstance(picture, ScenePicture):
            if self._frame_format is not None:
                return picture
            if picture.exceeds_white() and BRIGHT_LOSS not in self.notes:
                self.notes.append(BRIGHT_LOSS)
            return picture.to_display()
        if self._output_kind == "video":
            return picture
        if self._frame_format is not None:
            return as_rgb(picture)
        note_picture_losses(self.path, self._output_kind == "folder", picture, self.notes)
        return as_rgb(picture)

    def write(self, picture: Image | NativePicture, time: Fraction, duration: Fraction | None = None) -> None:
        """Add one frame.

        Args:
            picture: (H, W, 3) uint8 RGB, upright; or a picture as decoded, whose samples go to the encoder as they
                are. All of one size.
            time: presentation time on the clock of ``source_info``, seconds, later than the frame before.
            duration: seconds; matters for the last frame.
        """
        if self._sink is None:
            raise UsageError(f"{self.path} is not open for writing: use `with VideoWriter(...)`")
        if isinstance(picture, NativePicture):
            size = picture.size
        elif picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
            raise UsageError(f"a frame must be (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
        else:
            size = picture.shape[:2]
        if self._size is not None and size != self._size:
            raise UsageError(
                f"the frames of {self.path} are {self._size[1]}x{self._size[0]}, one is {size[1]}x{size[0]}"
            )
        self._size = size
        with self._convert_errors():
            self._sink.write(picture, time, duration)
        self.frames += 1

    @contextlib.contextmanager
    def _open_output(self) -> Iterator[Sink]:
        with atomic_write(self.path) as temporary:
            sink = self._open_sink(temporary)
            try:
                yield sink
                if not self.frames:
                    raise MediaError(f"no frame was written to {self.path}: the clip or the range is empty")
                with self._convert_errors():
                    sink.finalize()
                if self._finalizer is not None:
                    self._finalizer(temporary)
            except BaseException:
                sink.abort()
                raise

    def _open_sink(self, temporary: Path) -> Sink:
        if self._output_kind == "video":
            return VideoEncoder(temporary, self.source_info, self.settings, self._span, self.notes, self._sound)
        if self._sound is not None:
            self.notes.append("the made sound was left out because pictures hold none")
        self.notes.extend(list_picture_losses(self.source_info, self.settings, self._output_kind))
        if self._frame_format is not None:
            return SequenceFiles(temporary, self.source_info, self._frame_format, self.notes)
        return PictureFiles(temporary, self.path, self._output_kind == "folder")

    @contextlib.contextmanager
    def _convert_errors(self) -> Iterator[None]:
        """Convert errors of FFmpeg and the system to one line about the output's real name."""
        try:
            yield
        except EffigieError:
            raise
        except OSError as error:
            raise convert_os_error(error, self.path) from error
        except (FFmpegError, cv2.error, ValueError) as error:
            raise MediaError(
                f"cannot encode {self.path} ({describe_error(error)}): try the default settings or another format"
            ) from error
