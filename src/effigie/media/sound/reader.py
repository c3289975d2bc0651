"""Reads the sound of any sound or video file, whole or by blocks, as float32 samples at a wanted rate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from effigie.errors import MediaError, UsageError
from effigie.media.container import INPUT_FORMATS, DamageCounter, open_container
from effigie.media.probe import ARBITRARY_CLOCKS, make_storage_error

SOUND_FORMATS = INPUT_FORMATS + ",wav,w64,mp3,flac,aac,aiff,caf,au,amr,ac3,eac3,wv,mpc,tta"
SOUND_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".m4a", ".aac", ".opus", ".ogg", ".oga", ".aif", ".aiff", ".caf", ".au", ".amr"),
    *(".ac3", ".wma", ".w64", ".wv", ".mka"),
)
EXACT_SEEKING = ("mov", "matroska", "wav", "w64", "flac")  # formats whose times are exact after a jump
SEEK_MARGIN_S = 1.0  # decoded before the wanted start, so that a codec with memory has settled
GAP_S = 0.05  # a hole between packets from which on it is filled with silence
MAX_GAP_S = 60.0  # a longer one is a jump of the clock, not lost sound
MAX_CHANNELS = 64
MAX_DAMAGED = 100_000  # packets: reading what is no sound at all ends sometime
SILENCE_PEAK = 10 ** (-66 / 20)  # of full scale; the last two of sixteen bits


@dataclass(frozen=True)
class Sound:
    """Samples of sound.

    Attributes:
        samples: (channels, n) float32 in -1..1.
        rate: samples a second.
    """

    samples: np.ndarray
    rate: int

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples.shape[1] / self.rate

    @property
    def is_silent(self) -> bool:
        """Whether no sample is louder than -66 dB of full scale."""
        return not self.samples.size or float(np.abs(self.samples).max()) < SILENCE_PEAK

    def mono(self) -> np.ndarray:
        """(n,) float32, the mean of the channels."""
        return self.samples[0] if self.channels == 1 else self.samples.mean(axis=0, dtype=np.float32)


def read_sound(path: str | Path, rate: int, *, start: float | None = None, duration: float | None = None) -> Sound:
    """Read sound, or a part of it, into memory: 4 bytes a sample and channel.

    Args:
        path: a sound or video file.
        rate: samples a second that are wanted.
        start: seconds on the file's clock, whose zero is that of :class:`~effigie.media.ClipInfo` (the first frame or
            sample, except where a video's sound begins later: silence comes before it then).
        duration: seconds; up to the end by default.

    Raises:
        MediaError: missing, damaged, without sound, or no sound in that part.
    """
    blocks = [block.samples for block in stream_sound(path, rate, start=start, duration=duration)]
    return Sound(np.concatenate(blocks, axis=1), rate)


def stream_sound(
    path: str | Path, rate: int, block_s: float = 10.0, *, start: float | None = None, duration: float | None = None
) -> Iterator[Sound]:
    """Yield sound by blocks of ``block_s`` seconds, the last one shorter; memory does not grow with the file.

    Args, errors: as for :func:`read_sound`. Packets that cannot be decoded become silence of their length.
    """
    path = Path(path)
    if rate < 1 or block_s * rate < 1:
        raise UsageError(f"a rate of {rate} samples a second and blocks of {block_s} s are no sound")
    if (start is not None and start < 0) or (duration is not None and duration <= 0):
        raise UsageError(f"a part of {path} must begin at 0 s or later and be longer than 0 s")
    size, first = round(block_s * rate), round((start or 0) * rate)
    last = None if duration is None else first + round(duration * rate)
    with open_container(path, SOUND_FORMATS) as container:
        chunks = _cut_chunks(_decode_chunks(container, path, rate, start or 0.0), first, last)
        buffer: list[np.ndarray] = []
        count = total = 0
        for chunk in chunks:
            buffer.append(chunk)
            count += chunk.shape[1]
            while count >= size:
                whole = np.concatenate(buffer, axis=1)
                yield Sound(whole[:, :size], rate)
                buffer, count = [whole[:, size:]], count - size
                total += 1
        if count:
            yield Sound(np.concatenate(buffer, axis=1), rate)
        elif not total:
            raise MediaError(f"{path} has no sound from {start or 0:g} s on: choose an earlier part")


def require_audible(sound: Sound, path: str | Path) -> Sound:
    """The sound itself.

    Raises:
        MediaError: it is silent throughout.
    """
    if sound.is_silent:
        raise MediaError(f"{path} is silent: see whether the microphone was on, and record it again")
    return sound


def select_audio_stream(container: InputContainer, path: Path) -> AudioStream:
    """Select the sound to read: the one that a player would play.

    Raises:
        MediaError: there is none, or none that can be decoded.
    """
    if not container.streams.audio:
        raise MediaError(f"{path} has no sound: choose a file with some")
    best = container.streams.best("audio")
    stream = best if isinstance(best, AudioStream) else container.streams.audio[0]
    if stream.codec_context is None:
        raise MediaError(f"{path} uses a sound codec that cannot be decoded here: convert it to WAV first")
    if not 0 < stream.codec_context.channels <= MAX_CHANNELS:
        raise MediaError(f"{path} claims {stream.codec_context.channels} channels: it is damaged")
    return stream


def _decode_chunks(container: InputContainer, path: Path, rate: int, start: float) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (position in samples at ``rate``, (channels, n) float32), without holes from the first one on."""
    stream = select_audio_stream(container, path)
    origin = _read_origin(container)
    if start > SEEK_MARGIN_S and origin is not None and container.format.name.split(",")[0] in EXACT_SEEKING:
        container.seek(round((start - SEEK_MARGIN_S + origin) * av.time_base), backward=True)
    layout = stream.codec_context.layout.name
    channels = stream.codec_context.channels
    resampler = AudioResampler("flt", layout, rate)
    damage = DamageCounter()
    position: float | None = None  # samples at ``rate`` that were handed to the resampler so far
    emitted = 0
    for frame in _decode_audio(container, stream, damage, path):
        time = frame.time
        if origin is None:
            origin = time or 0.0
        start_position = None if time is None else (time - origin) * rate
        if position is None:
            position = start_position or 0.0
            emitted = round(position)
            if start == 0.0 and 0 < position < MAX_GAP_S * rate:
                yield 0, np.zeros((channels, emitted), np.float32)
        elif start_position is not None and GAP_S * rate < start_position - position < MAX_GAP_S * rate:
            for chunk in _convert(resampler, None):
                yield emitted, chunk
                emitted += chunk.shape[1]
            resampler = AudioResampler("flt", layout, rate)
            hole = round(start_position) - emitted
            if hole > 0:
                yield emitted, np.zeros((channels, hole), np.float32)
                emitted += hole
            position = start_position
        if frame.layout.name != layout or frame.rate <= 0:
            damage.packets += 1
            continue
        position += frame.samples * rate / frame.rate
        frame.pts = None
        try:
            chunks = _convert(resampler, frame)
        except ValueError:  # the stream changes its rate or format on the way
            chunks = _convert(resampler, None)
            resampler = AudioResampler("flt", layout, rate)
            chunks += _convert(resampler, frame)
        for chunk in chunks:
            yield emitted, chunk
            emitted += chunk.shape[1]
    if position is None:
        raise MediaError(f"no sound of {path} can be decoded: it is damaged or cut short; copy or record it again")
    for chunk in _convert(resampler, None):
        yield emitted, chunk
        emitted += chunk.shape[1]


def _convert(resampler: AudioResampler, frame: AudioFrame | None) -> list[np.ndarray]:
    arrays = []
    with contextlib.suppress(EOFError):
        for out in resampler.resample(frame):
            # Interleaved: PyAV reads beyond the memory of a frame whose eight channels are planes of their own.
            array = out.to_ndarray().reshape(-1, out.layout.nb_channels).T.astype(np.float32)
            arrays.append(np.clip(np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0))
    return arrays


def _cut_chunks(chunks: Iterator[tuple[int, np.ndarray]], first: int, last: int | None) -> Iterator[np.ndarray]:
    """Cut positioned chunks to samples ``first`` up to ``last``."""
    for position, chunk in chunks:
        if last is not None and position >= last:
            return
        low = max(0, first - position)
        high = chunk.shape[1] if last is None else min(chunk.shape[1], last - position)
        if low < high:
            yield chunk[:, low:high]


def _decode_audio(
    container: InputContainer, stream: AudioStream, damage: DamageCounter, path: Path
) -> Iterator[AudioFrame]:
    """Yield every frame of sound that decodes, in order."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            return
        except OSError as error:
            raise make_storage_error(path, error) from error
        except EOFError:
            return
        except FFmpegError:
            damage.packets += 1
            if damage.packets > MAX_DAMAGED:
                raise MediaError(f"the sound of {path} is damaged: copy or record it again") from None
            continue
        yield from (frame for frame in frames if isinstance(frame, AudioFrame))


def _read_origin(container: InputContainer) -> float | None:
    """Seconds of the container's clock that are the file's zero; None where it is the first sample's."""
    pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if container.format.name.split(",")[0] in ARBITRARY_CLOCKS:
        starts = [
            float(s.start_time * s.time_base)
            for s in (*pictures, *container.streams.audio)
            if s.start_time is not None and s.time_base is not None
        ]
        return min(starts, default=0.0)
    return 0.0 if pictures else None
