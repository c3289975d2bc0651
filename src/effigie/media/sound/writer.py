"""Writes sound to WAV, FLAC, MP3, M4A or Opus, atomically."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError

from effigie.errors import EffigieError, MediaError, UsageError
from effigie.io.atomic_write import atomic_write, convert_os_error
from effigie.media.container import describe_error

SampleBits = Literal[16, 24]
OUTPUT_SOUND_SUFFIXES = (".wav", ".flac", ".mp3", ".m4a", ".opus", ".ogg")
OUTPUT_RATES = (24000, 48000)  # samples a second that every kind of file takes; 44100 all but Opus
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
DEFAULT_KBITS = {".mp3": 128, ".m4a": 128, ".opus": 64, ".ogg": 64}  # a channel, transparent for speech
MAX_KBITS = {".mp3": 320, ".m4a": 320, ".opus": 256, ".ogg": 256}
LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class SoundSettings:
    """How sound is stored.

    Attributes:
        bits: of a sample in WAV and FLAC, 16 or 24.
        kbits: kilobits a second of MP3, M4A and Opus; None takes 128, of Opus 64, a channel.
    """

    bits: SampleBits = 16
    kbits: int | None = None

    def __post_init__(self) -> None:
        if self.bits not in get_args(SampleBits):
            raise UsageError(f"bits must be 16 or 24, not {self.bits!r}")
        if self.kbits is not None and not 8 <= self.kbits <= 320:
            raise UsageError(f"kbits must be 8 to 320, not {self.kbits}")


class SoundWriter:
    """Writes samples to ``path``, whose suffix says how: .wav, .flac, .mp3, .m4a (AAC), .opus or .ogg (Opus).

    The file appears under its name when the block ends well; on an exception nothing is left.

    Args:
        rate: samples a second; 24000 and 48000 go everywhere.
        channels: 1 or 2.
        finalizer: called with the temporary path of the whole file just before it gets its name.

    Raises:
        UsageError: another suffix, rate or number of channels than can be written.
        MediaError: encoding failed, or nothing was written.

    Example::

        with SoundWriter("out.flac", 24000, 1, SoundSettings(bits=24)) as writer:
            writer.write(samples)  # (1, n) float32 in -1..1
    """

    def __init__(
        self,
        path: str | Path,
        rate: int,
        channels: int = 1,
        settings: SoundSettings | None = None,
        finalizer: Callable[[Path], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self.rate, self.channels = rate, channels
        self.settings = settings or SoundSettings()
        self.samples = 0
        self._finalizer = finalizer
        self._suffix = check_sound_name(self.path)
        if channels not in LAYOUTS:
            raise UsageError(f"{channels} channels cannot be written: mix them to one or two")
        if self._suffix in (".opus", ".ogg") and rate not in OPUS_RATES:
            raise UsageError(f"Opus has no rate of {rate} Hz: choose 24000 or 48000, or another kind of file")
        if not 8000 <= rate <= 48000:
            raise UsageError(f"a rate of {rate} Hz cannot be written: choose 24000 or 48000")
        self._container: OutputContainer | None = None
        self._stream: AudioStream | None = None
        self._context: contextlib.AbstractContextManager[None] | None = None

    def __enter__(self) -> Self:
        self._context = self._open_output()
        self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._context is not None
        context, self._context = self._context, None
        return context.__exit__(kind, error, trace)

    def write(self, samples: np.ndarray) -> None:
        """Append samples.

        Args:
            samples: (channels, n) float32; what is beyond -1..1 is clipped.
        """
        if self._stream is None:
            raise UsageError(f"{self.path} is not open for writing: use `with SoundWriter(...)`")
        if samples.ndim != 2 or samples.shape[0] != self.channels:
            raise UsageError(f"samples of {self.path} must be ({self.channels}, n), not {samples.shape}")
        if samples.shape[1]:
            with self._convert_errors():
                self._encode(self._make_frame(samples))
            self.samples += samples.shape[1]

    def _make_frame(self, samples: np.ndarray) -> AudioFrame:
        clipped = np.clip(np.nan_to_num(samples), -1.0, 1.0)
        if self._suffix not in (".wav", ".flac"):
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(clipped, np.float32), "fltp", LAYOUTS[self.channels])
        else:
            top = 2 ** (self.settings.bits - 1) - 1
            whole = np.rint(clipped.T.astype(np.float64) * top).reshape(1, -1)
            if self.settings.bits == 16:
                frame = AudioFrame.from_ndarray(whole.astype(np.int16), "s16", LAYOUTS[self.channels])
            else:  # 24 bits lie in the upper ones of 32
                frame = AudioFrame.from_ndarray(whole.astype(np.int32) << 8, "s32", LAYOUTS[self.channels])
        frame.sample_rate = self.rate
        frame.pts = self.samples
        return frame

    def _encode(self, frame: AudioFrame | None) -> None:
        assert self._stream is not None and self._container is not None
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    @contextlib.contextmanager
    def _open_output(self) -> Iterator[None]:
        with atomic_write(self.path) as temporary:
            with self._convert_errors():
                self._container = av.open(str(temporary), "w", format=_container_format(self._suffix))
                self._stream = self._add_stream(self._container)
            try:
                yield
                if not self.samples:
                    raise MediaError(f"no sound was written to {self.path}: what was to be written is empty")
                with self._convert_errors():
                    self._encode(None)
                    self._container.close()
                if self._finalizer is not None:
                    self._finalizer(temporary)
            finally:
                with contextlib.suppress(FFmpegError, OSError):
                    self._container.close()
                self._container = self._stream = None

    def _add_stream(self, container: OutputContainer) -> AudioStream:
        bits = self.settings.bits
        codec = {
            ".wav": "pcm_s16le" if bits == 16 else "pcm_s24le",
            ".flac": "flac",
            ".mp3": "libmp3lame",
            ".m4a": "aac",
        }.get(self._suffix, "libopus")
        stream = container.add_stream(codec, rate=self.rate, layout=LAYOUTS[self.channels])
        assert isinstance(stream, AudioStream)
        if self._suffix in DEFAULT_KBITS:
            kbits = self.settings.kbits or DEFAULT_KBITS[self._suffix] * self.channels
            stream.bit_rate = 1000 * min(kbits, MAX_KBITS[self._suffix])
            stream.format = "flt" if codec == "libopus" else "fltp"
        else:
            stream.format = "s16" if bits == 16 else "s32"
        return stream

    @contextlib.contextmanager
    def _convert_errors(self) -> Iterator[None]:
        """Convert errors of FFmpeg and the system to one line about the output's real name."""
        try:
            yield
        except EffigieError:
            raise
        except FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise convert_os_error(error, self.path) from error
            raise MediaError(f"cannot encode {self.path} ({describe_error(error)}): try .wav") from error
        except OSError as error:
            raise convert_os_error(error, self.path) from error
        except ValueError as error:
            raise MediaError(f"cannot encode {self.path} ({describe_error(error)}): try .wav") from error


def check_sound_name(path: Path) -> str:
    """The lower-case suffix of a sound file that can be written.

    Raises:
        UsageError: it is of no such kind.
    """
    suffix = path.suffix.lower()
    if suffix not in OUTPUT_SOUND_SUFFIXES:
        ending = suffix or "a name without suffix"
        raise UsageError(f"{ending} cannot be written as sound: use one of {', '.join(OUTPUT_SOUND_SUFFIXES)}")
    return suffix


def _container_format(suffix: str) -> str:
    return {".m4a": "ipod", ".ogg": "ogg", ".opus": "opus"}.get(suffix, suffix[1:])
