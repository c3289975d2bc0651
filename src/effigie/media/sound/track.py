"""Sound made for a video: encoded beside its pictures as they advance, in place of the footage's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

from effigie.errors import UsageError
from effigie.media.output.stream_plan import AAC_RATES
from effigie.media.sound.reader import Sound

BITS_PER_CHANNEL = 128_000  # a second, of AAC
LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class SoundStream:
    """Sound that comes by blocks; its first sample lies at the output's time 0.

    Attributes:
        blocks: (channels, n) float32 each, of any length; taken once.
        rate: samples a second.
        channels: 1 or 2.
    """

    blocks: Iterable[np.ndarray]
    rate: int
    channels: int = 1

    def __post_init__(self) -> None:
        if self.rate not in AAC_RATES:
            raise UsageError(f"a video's sound cannot have {self.rate} Hz: resample it to 48000")
        if self.channels not in LAYOUTS:
            raise UsageError(f"sound of {self.channels} channels cannot be written into a video: mix it to two")

    @classmethod
    def from_sound(cls, sound: Sound | SoundStream) -> SoundStream:
        """Sound in memory as a stream."""
        return sound if isinstance(sound, SoundStream) else cls([sound.samples], sound.rate, sound.channels)


class SoundTrack:
    """Encodes a stream of sound into an output as its pictures advance; holds one block of it."""

    def __init__(self, sound: SoundStream, output: OutputContainer) -> None:
        self._sound, self._output = sound, output
        self._blocks = iter(sound.blocks)
        self._position = 0
        stream = output.add_stream("aac", rate=sound.rate, layout=LAYOUTS[sound.channels])
        assert isinstance(stream, AudioStream)
        stream.bit_rate = BITS_PER_CHANNEL * sound.channels
        self._stream = stream

    def advance(self, end: Fraction | None) -> None:
        """Encode what begins before ``end`` (seconds in the output; None: all there is)."""
        while end is None or Fraction(self._position, self._sound.rate) < end:
            block = next(self._blocks, None)
            if block is None:
                return
            if block.ndim != 2 or block.shape[0] != self._sound.channels:
                raise UsageError(f"samples must be ({self._sound.channels}, n), not {block.shape}")
            if not block.shape[1]:
                continue
            samples = np.ascontiguousarray(np.clip(np.nan_to_num(block), -1, 1), np.float32)
            frame = AudioFrame.from_ndarray(samples, "fltp", LAYOUTS[self._sound.channels])
            frame.sample_rate, frame.pts = self._sound.rate, self._position
            frame.time_base = Fraction(1, self._sound.rate)
            self._position += block.shape[1]
            self._output.mux(self._stream.encode(frame))

    def finalize(self) -> None:
        """Encode the rest."""
        self.advance(None)
        self._output.mux(self._stream.encode(None))
