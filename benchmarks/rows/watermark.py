"""Row: whether the watermark survives processing, is invisible, and causes no false alarms."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from benchmarks.attacks import ATTACKS, adjust_tone, chain, crop, resize
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.media.clip import ClipInfo, Image
from effigie.progress import Progress
from effigie.provenance.watermark import WatermarkEmbedder, detect, detect_file

OUTPUTS, SECONDS = 20, 3
SEGMENTS, SEGMENT_FRAMES = 1000, 8
EVERY = 15  # frames between two that are compared with what they were
REACH = {  # % of outputs, by kind of attack
    "H.264 CRF 28": 100,
    "half size": 100,
    "H.264 CRF 33": 99,
    "one frame as JPEG 80": 90,
    "HEVC CRF 28": None,
}
OTHERWISE = 95
AT_MOST_MS, AT_MOST_S = 4.0, 2.0
COST_SIZE = (360, 640)


@dataclass(frozen=True)
class Part:
    """``SECONDS`` of a clip, from frame ``start`` on."""

    clip: Path
    start: int
    frames: int
    info: ClipInfo


def watermark(context: RowContext) -> RowResult:
    """Mark clips as convert does, process each output in the usual ways, and search for the id.

    The clips are those with people of the material, in parts of three seconds, as many of every picture size as
    there are. Outputs are written by the encoder's defaults; every attack is encoded again and read as a file.
    """
    parts = list(itertools.islice(_parts(context), 2 if context.quick else OUTPUTS))
    folder = context.work / "watermark"
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    hits: dict[str, list[bool]] = defaultdict(list)
    wrong = 0
    psnr: list[float] = []
    ssim: list[float] = []
    seconds: list[float] = []
    details: list[dict[str, Any]] = []
    for number, part in enumerate(parts):
        context.progress(Progress("outputs", number, len(parts), "clips", part.clip.name))
        output_id = int(random.integers(1 << 48))
        output, likeness = _marked(part, output_id, folder)
        psnr.append(float(np.mean([one for one, _ in likeness])))
        ssim.append(float(np.mean([one for _, one in likeness])))
        frames = _read(output)
        read: dict[str, float | None] = {}
        for attack in ATTACKS:
            context.cancel.check()
            attacked = attack.apply(frames, _rate(part.info), folder / "attacked")
            begun = time.perf_counter()
            found = detect_file(attacked)
            seconds.append(time.perf_counter() - begun)
            wrong += found is not None and found.id != output_id
            hits[attack.kind].append(found is not None and found.id == output_id)
            read[attack.name] = None if found is None else round(found.agreement, 1)
            discard(attacked)
        size = f"{part.info.width}x{part.info.height}"
        details.append({"clip": part.clip.name, "start": part.start, "size": size, "agreement": read})
        discard(output)
    context.progress(Progress("outputs", len(parts), len(parts), "clips"))
    alarms, segments = _false_alarms(context, random)
    figures = [_share(kind, found) for kind, found in hits.items()]
    figures += [
        Figure("wrong ids", wrong, "", at_most=0),
        Figure(f"false alarms in {segments} unmarked segments", alarms, "", at_most=0),
        Figure("PSNR, least of any output", min(psnr), "dB", at_least=42),
        Figure("SSIM, least of any output", min(ssim), "", at_least=0.985),
        Figure("marking a frame of 640x360", _cost(context), "ms", at_most=AT_MOST_MS),
        Figure("finding, longest", max(seconds), "s", at_most=AT_MOST_S),
    ]
    sizes = sorted({entry["size"] for entry in details})
    notes = [
        f"{len(parts)} outputs of {SECONDS} s, {', '.join(sizes)}; attacks are encoded again (H.264 CRF 23 unless "
        "named), several attacks of a kind counted together",
        "PSNR and SSIM (7x7 windows, luma) of marked frames before they are encoded",
    ]
    return RowResult("Watermark", figures, notes=notes, details={"outputs": details, "psnr": psnr, "ssim": ssim})


def _share(kind: str, found: list[bool]) -> Figure:
    return Figure(kind, 100 * float(np.mean(found)), "%", at_least=REACH.get(kind, OTHERWISE))


def _parts(context: RowContext) -> Iterator[Part]:
    """Parts of clips with people, every picture size in turn, of every size every clip in turn."""
    by_size: dict[tuple[int, int], list[list[Part]]] = defaultdict(list)
    for labeled_clips in context.material.labeled_clips():
        info = probe(labeled_clips.path)
        length = round(SECONDS * _rate(info))
        whole = (info.frames or 0) // length if labeled_clips.people else 0
        parts = [Part(labeled_clips.path, number * length, length, info) for number in range(whole)]
        if parts:
            by_size[info.width, info.height].append(parts)
    turns = [
        [part for row in itertools.zip_longest(*clips) for part in row if part is not None]
        for clips in by_size.values()
    ]
    for row in itertools.zip_longest(*turns):
        yield from (part for part in row if part is not None)


def _rate(info: ClipInfo) -> Fraction:
    return (info.rate or Fraction(25)).limit_denominator(1001)


def _marked(part: Part, output_id: int, folder: Path) -> tuple[Path, list[tuple[float, float]]]:
    """The marked part as a file, and PSNR and SSIM of some of its frames."""
    output = folder / "output.mp4"
    marker = WatermarkEmbedder(output_id, (part.info.height, part.info.width), like=part.clip)
    likeness = []
    rate, plain = _rate(part.info), EncodeSettings(keep_audio=False)
    info = replace(part.info, time_base=1 / rate)
    with (
        VideoReader(part.clip, part.start, part.start + part.frames) as reader,
        VideoWriter(output, info, plain) as writer,
    ):
        for number, frame in enumerate(reader):
            marked = marker.embed(frame.image)
            if number % EVERY == 0:
                likeness.append(measure_likeness(marked, frame.image))
            writer.write(marked, number / rate)
    return output, likeness


def measure_likeness(marked: Image, plain: Image) -> tuple[float, float]:
    """PSNR in dB and SSIM of luma."""
    error = float(np.mean((marked.astype(np.float32) - plain) ** 2))
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (marked, plain)]
    return 10 * float(np.log10(255**2 / max(error, 1e-12))), float(structural_similarity(*gray))


def _read(path: Path) -> list[Image]:
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def _false_alarms(context: RowContext, random: np.random.Generator) -> tuple[int, int]:
    """How often a mark is found in segments of unmarked clips, as they are, cropped, scaled and toned at random."""
    clips = [labeled_clips.path for labeled_clips in context.material.labeled_clips()]
    wanted = 20 if context.quick else SEGMENTS
    alarms = 0
    for number in range(wanted):
        context.cancel.check()
        clip = clips[number % len(clips)]
        count = probe(clip).frames or SEGMENT_FRAMES
        start = int(random.integers(max(1, count - SEGMENT_FRAMES)))
        with VideoReader(clip, start, start + SEGMENT_FRAMES) as reader:
            frames = [frame.image for frame in reader]
        if random.random() < 0.5:
            change = chain(
                crop(*random.uniform((0, 0, 0), (0.4, 1, 1))),
                resize(random.uniform(0.4, 1.2)),
                adjust_tone(random.uniform(0.7, 1.3)),
            )
            frames, _ = change(frames, Fraction(25))
        alarms += detect(frames) is not None
        context.progress(Progress("unmarked", number + 1, wanted, "segments"))
    return alarms, wanted


def _cost(context: RowContext) -> float:
    """Milliseconds a frame of the least of some runs over 50 frames, on one core."""
    clip = context.material.short_clips()[0]
    with VideoReader(clip, 0, 10) as reader:
        frames = [
            np.asarray(cv2.resize(frame.image, COST_SIZE[::-1], interpolation=cv2.INTER_AREA), np.uint8)
            for frame in reader
        ]
    mask = np.zeros(COST_SIZE, np.uint8)
    mask[90:270, 220:420] = 255
    marker = WatermarkEmbedder(0, COST_SIZE)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        runs = []
        for _ in range(5):
            begun = time.perf_counter()
            for frame in frames * 5:
                marker.embed(frame, mask)
            runs.append((time.perf_counter() - begun) / (5 * len(frames)))
    finally:
        cv2.setNumThreads(threads)
    return 1000 * min(runs)
