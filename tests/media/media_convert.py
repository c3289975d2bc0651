"""Converts a clip with the reader and the writer."""

from __future__ import annotations

from effigie.media import EncodeSettings, VideoReader, VideoWriter

FAST = EncodeSettings(preset="ultrafast", crf=12, threads=1)


def convert(source, target, settings=FAST, span=None):
    """Read everything, write everything; what was read, what came out, and the writer."""
    with VideoReader(source) as reader, VideoWriter(target, reader.info, settings, span) as writer:
        given = []
        for frame in reader:
            if span is None or (frame.time >= span[0] and (span[1] is None or frame.time < span[1])):
                writer.write(frame.image, frame.time, frame.duration)
                given.append(frame)
    with VideoReader(target) as reader:
        return given, list(reader), writer
