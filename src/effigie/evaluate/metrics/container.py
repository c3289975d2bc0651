"""Container metrics: frame count, exact frame times, and audio compared bit for bit.

Units: counts, seconds, yes or no. Sound is compared as the packets' payload (SHA-256 of all of them in
order) and by the time of every packet.

What fools it: nothing much; a container whose clock is coarser than the input's (Matroska: 1 ms) cannot be
exact. MPEG program and transport streams start their clock anywhere; times count from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from effigie.media import probe
from effigie.media.container import open_container


@dataclass(frozen=True)
class TimeScores:
    """Frames that decode, and their times."""

    output_frames: int
    input_frames: int
    largest_error: float  # s, over the frames both have; 0.0 only if every time is exactly equal

    @property
    def exact(self) -> bool:
        return self.output_frames == self.input_frames and self.largest_error == 0


@dataclass(frozen=True)
class AudioScores:
    """Sound streams of two files."""

    streams: int  # of the input
    identical: bool  # the output has as many, with the same payload bits
    largest_error: float  # s, of the packets' times; infinite if their number differs
    exact: bool  # no packet is off by more than the coarser of the two clocks


@dataclass
class AudioTrack:
    """Identity of one audio stream: ``times`` in ticks of ``time_base``, SHA-256 of the payload."""

    codec: str
    time_base: Fraction
    times: list[int] = field(default_factory=list)
    digest: str = ""


def compare_times(
    output: Sequence[Fraction], reference: Sequence[Fraction], origin: Fraction = Fraction(0)
) -> TimeScores:
    """Compare frame times in seconds; ``origin`` is where the reference's clock begins."""
    errors = [abs(mine - (theirs - origin)) for mine, theirs in zip(output, reference, strict=False)]
    return TimeScores(len(output), len(reference), float(max(errors, default=Fraction(0))))


def read_audio_tracks(path: str | Path) -> list[AudioTrack]:
    """The sound streams of a file, in order; nothing is decoded."""
    with open_container(Path(path)) as container:
        tracks = {
            stream.index: AudioTrack(
                stream.codec_context.name if stream.codec_context else "unknown", stream.time_base or Fraction(1)
            )
            for stream in container.streams.audio
        }
        hashes = {index: hashlib.sha256() for index in tracks}
        for packet in container.demux(list(container.streams.audio)) if tracks else ():
            if packet.size:
                hashes[packet.stream.index].update(bytes(packet))
                if packet.pts is not None:
                    tracks[packet.stream.index].times.append(packet.pts)
    for index, track in tracks.items():
        track.digest = hashes[index].hexdigest()
    return list(tracks.values())


def compare_audio(output: str | Path, reference: str | Path) -> AudioScores:
    mine, theirs = read_audio_tracks(output), read_audio_tracks(reference)
    origin = probe(reference).clock_origin
    # Not the codec's name: MP4 has one label for all layers of MPEG audio, and the bits say which it is.
    identical = [track.digest for track in mine] == [track.digest for track in theirs]
    largest, exact = Fraction(0), len(mine) == len(theirs)
    for output_track, reference_track in zip(mine, theirs, strict=False):
        if len(output_track.times) != len(reference_track.times):
            return AudioScores(len(theirs), identical, float("inf"), False)
        errors = [
            abs(a * output_track.time_base - (b * reference_track.time_base - origin))
            for a, b in zip(output_track.times, reference_track.times, strict=True)
        ]
        worst = max(errors, default=Fraction(0))
        exact = exact and worst <= max(output_track.time_base, reference_track.time_base)
        largest = max(largest, worst)
    return AudioScores(len(theirs), identical, float(largest), exact)
