"""Carries clips of the corpus through reader and writer, and compares every property in with the property out.

``python tests/media/corpus_check.py`` prints the table of ``docs/reliability.md``.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.format import VideoFormat
from clip_corpus import list_recipes, make_clip
from media_clips import number

from effigie.media import EncodeSettings, VideoReader, VideoWriter, plan_output, probe

os.environ.setdefault("SVT_LOG", "1")
FAST = EncodeSettings(preset="ultrafast", crf=6, threads=1)
TICK = Fraction(1, 1000)  # Matroska's; what is rounded to it is said

# What a note about each property says; a property that changed without one is lost in silence.
NOTES = {
    "frames": r"damaged packet",
    "times": r"milliseconds|rounded|moved on",
    "start": r"begin|earlier|later",
    "size": r"extended",
    "aspect": r"pixel aspect",
    "fields": r"interlaced",
    "rotation": r"turned",
    "depth": r"\d+ bits",
    "sampling": r"color detail|RGB was written|\d+ bits",
    "range": r"range",
    "matrix": r"matrix|RGB was written",
    "primaries": r"primaries",
    "transfer": r"transfer",
    "alpha": r"transparen",
    "sound": r"[Ss]ound",
    "subtitles": r"[Ss]ubtitles",
    "chapters": r"[Cc]hapters",
    "timecode": r"timecode",
    "reel": r"reel",
    "attachments": r"attachment",
    "data": r"data stream",
    "title": r"title",
}


def describe(path):
    """Every property of a clip; times and samples read with PyAV alone."""
    info = probe(path)
    form = VideoFormat(info.pixel_format, 16, 16)
    is_rgb = form.is_rgb or form.has_palette
    colors = [part for part in form.components if not part.is_alpha]
    found = {
        "size": (info.width, info.height),
        "aspect": info.pixel_aspect,
        "fields": info.field_order,
        "depth": 8 if form.has_palette else max(part.bits for part in colors),
        "alpha": any(part.is_alpha for part in form.components) and not form.has_palette,
        "sampling": "rgb" if is_rgb else (form.chroma_width(16), form.chroma_height(16)) if len(colors) > 1 else "gray",
        "primaries": info.color.primaries,
        "transfer": info.color.transfer,
        "chapters": [],
        "timecode": info.timecode,
        "reel": info.reel,
    }
    if not is_rgb:
        found["range"], found["matrix"] = info.color.range, (info.color.matrix, info.color.matrix_declared)
    with av.open(str(path)) as container:
        found["title"] = container.metadata.get("title")
        for chapter in container.chapters():
            tick = chapter["time_base"]
            found["chapters"].append((chapter["metadata"].get("title"), chapter["start"] * tick, chapter["end"] * tick))
        found["attachments"] = [(one.name, bytes(one.data)) for one in container.streams.attachments]
        # The tracks of timecode and chapters are data to PyAV, and compared by what they say.
        kinds = [stream.name for stream in container.streams.data if "timecode" not in stream.metadata]
        found["data"] = [kind for kind in kinds if not (kind == "bin_data" and found["chapters"])]
        sounds = [stream.index for stream in container.streams.audio]
    found["sound"] = [_describe_sound(path, index, audio) for index, audio in zip(sounds, info.audio, strict=True)]
    found["subtitles"] = _read_subtitles(path) if info.subtitles else []
    return info, found


def _describe_sound(path, index, audio):
    """Rate, channels, layout, language and every packet; of AAC in a transport stream without its header."""
    with av.open(str(path)) as container:
        payloads = [bytes(packet) for packet in container.demux(container.streams[index]) if packet.size]
    if audio.codec == "aac":
        payloads = [payload[7:] if payload[:2] == b"\xff\xf1" else payload for payload in payloads]
    language = audio.language if audio.language not in (None, "und") else None
    # Uncompressed sound has no packets of its own: containers cut it as they like.
    whole = b"".join(payloads) if audio.codec.startswith("pcm_") else tuple(payloads)
    # MP4 has one number for all layers of MPEG audio.
    codec = "mpeg audio" if audio.codec in ("mp2", "mp3") else audio.codec
    return codec, audio.sample_rate, audio.channels, audio.layout, language, whole


def _read_subtitles(path):
    found = []
    with av.open(str(path)) as container:
        for stream in container.streams.subtitles:
            if stream.codec_context.codec_tag != "text":
                packets = [packet for packet in container.demux(stream) if packet.size > 2]
                texts = [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]
                found.append((stream.codec_context.name, stream.language, texts))
                break
    return found


def is_same(name, before, after):
    if name == "chapters":
        return [one[0] for one in before] == [one[0] for one in after] and all(
            abs(a - b) <= TICK
            for one, other in zip(before, after, strict=True)
            for a, b in zip(one[1:], other[1:], strict=True)
        )
    return before == after


@dataclass(frozen=True)
class Carried:
    """What became of a clip's properties."""

    compared: int
    silent: dict  # property -> before and after, of those that changed without a word
    said: set[str]  # properties that changed, and a note says so
    notes: list[str]
    unplanned: list[str]  # of the plan's notes those that nothing came of


def read_number(image, recipe):
    """The number of a frame, whose picture was made as it is stored, and is shown turned."""
    return number(np.rot90(image, -recipe.rotation // 90))


def carry(folder, recipe):
    """One clip through reader and writer."""
    source = make_clip(folder, recipe)
    target = folder / f"out-{recipe.name}{recipe.output}"
    plan = plan_output(target, probe(source), FAST)
    with VideoReader(source, native=True, fields=True) as reader, VideoWriter(target, reader.info, FAST) as writer:
        given = []
        for frame in reader:
            if frame.is_second_field:  # of a picture that is written already
                continue
            picture = frame.native if frame.native is not None else frame.image
            writer.write(picture, frame.time, frame.duration)
            given.append((read_number(frame.image, recipe), frame.time))
    with VideoReader(target) as reader:
        got = [(read_number(frame.image, recipe), frame.time) for frame in reader]
    assert [one[0] for one in given] == list(range(len(recipe.times)))
    info, before = describe(source)
    _, after = describe(target)
    if info.kind != "video":  # pictures become 4:2:0 video: that is what a video of them is
        for name in ("sampling", "alpha", "range", "matrix"):
            before.pop(name, None)
    before["frames"], after["frames"] = [one[0] for one in given], [one[0] for one in got]
    before["times"], after["times"] = [one[1] - given[0][1] for one in given], [one[1] - got[0][1] for one in got]
    before["start"], after["start"] = given[0][1], got[0][1]
    notes = [*reader.notes, *writer.notes]
    changed = {name for name in before if not is_same(name, before[name], after.get(name))}
    said = {name for name in changed if any(re.search(NOTES[name], note) for note in notes)}
    unplanned = [note for note in plan.notes if note not in notes]
    silent = {name: (before[name], after.get(name)) for name in changed - said}
    return Carried(len(before), silent, said, notes, unplanned)


def print_table():
    """The table of docs/reliability.md, in Markdown."""
    rows = defaultdict(lambda: [0, 0, 0, 0])
    sentences = set()
    begun = time.perf_counter()
    for recipe in list_recipes():
        with tempfile.TemporaryDirectory() as folder:
            found = carry(Path(folder), recipe)
        row = rows[recipe.group]
        row[0] += 1
        row[1] += found.compared - len(found.said) - len(found.silent)
        row[2] += len(found.said)
        row[3] += len(found.silent)
        sentences.update(re.sub(r"[\d.:]+", "N", note) for note in found.notes)
    print("| group | clips | properties kept | changed, and said | changed in silence |\n|---|---|---|---|---|")
    for group, row in rows.items():
        print(f"| {group} | {' | '.join(map(str, row))} |")
    print(f"| all | {' | '.join(str(sum(column)) for column in zip(*rows.values(), strict=True))} |")
    print(f"\n{time.perf_counter() - begun:.1f} s, {len(sentences)} different sentences", file=sys.stderr)


if __name__ == "__main__":
    print_table()
