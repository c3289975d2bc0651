"""Clips made of clips: a part of one, one after itself, two side by side."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from effigie.media import EncodeSettings, Reader, Writer, probe

CLEAN = EncodeSettings(crf=8)  # what is made here must not differ from the clip by its coding


def cut(clip: Path, output: Path, start: int, stop: int) -> Path:
    """Frames ``start`` to ``stop`` (excluded) of a clip as a clip of its own, with their sound; made once."""
    if output.is_file():
        return output
    with Reader(clip, start, stop) as reader:
        frames = iter(reader)
        first = next(frames)
        with Reader(clip, stop, stop + 1) as after:
            end = next((frame.time for frame in after), None)
        with Writer(output, reader.info, CLEAN, span=(first.time, end)) as writer:
            writer.write(first.image, first.time, first.duration)
            for frame in frames:
                writer.write(frame.image, frame.time, frame.duration)
    return output


def beside(left: Path, right: Path, output: Path) -> Path:
    """Two clips of the same height side by side, as long as the shorter, without sound; made once."""
    if output.is_file():
        return output
    settings = EncodeSettings(crf=CLEAN.crf, keep_audio=False)
    with Reader(left) as one, Reader(right) as other, Writer(output, one.info, settings) as writer:
        for a, b in zip(one, other, strict=False):
            writer.write(np.hstack([a.image, b.image]), a.time, a.duration)
    return output


def looped(clip: Path, output: Path, times: int) -> Path:
    """A clip that shows another ``times`` times over, without sound; made once."""
    if output.is_file():
        return output
    info = probe(clip)
    step = 1 / (info.rate or Fraction(25))
    offset = Fraction(0)
    with Writer(output, info, EncodeSettings(crf=CLEAN.crf, keep_audio=False)) as writer:
        for _ in range(times):
            end = Fraction(0)
            with Reader(clip) as reader:
                for frame in reader:
                    writer.write(frame.image, frame.time + offset, frame.duration)
                    end = frame.time + offset + (frame.duration or step)
            offset = end - info.clock_origin
    return output
