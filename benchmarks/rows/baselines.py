"""Row: our mark beside public ones, on the same clips, after the same edits and against the same adversaries.

Ours counts as read if the detector says the right id, at its stated chance of a false one. The others cannot tell a
mark from none, and have no code that corrects errors: they count as read if at most three of their 32 bits are wrong,
which only whoever knows what was written can tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.attacks import Attack, blur, chain, denoise, only_inside
from benchmarks.fixtures.made_outputs import UNMARKED, MadeCase, Output, make_outputs, mark_cases
from benchmarks.fixtures.other_marks import BITS, INSTALL, OtherMark, other_marks
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.edits import EVERY, OUTPUTS, edits_of
from benchmarks.rows.watermark import measure_likeness
from effigie.arrays import Image
from effigie.consent import new_consent
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard, read_json, write_json
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.progress import Progress
from effigie.provenance.watermark import WatermarkEmbedder, detect_file
from effigie.swap import ConvertSettings, swap_clip

OURS = "ours"
ENOUGH = 29 / 32  # of a message; one in 800,000 agrees as well by chance
FRAMES = 16  # of every output
EDITS = (
    *("H.264 CRF 18", "H.264 CRF 28", "H.264 CRF 33", "half size, CRF 33", "cut to 9:16", "25 % off every side"),
    *("mirrored", "turned by 2 degrees", "caption over the lower quarter", "face alone, 160 px high, CRF 33"),
    *("picture in picture, 0.33", "denoised", "one frame as JPEG 80"),
)
AVERAGED = 3  # outputs with marks of their own, of the same pictures
SWAPPED_AGAIN = 1  # of the outputs, the first ones: each takes a swap for every kind of mark
FACE_CM = 10.0  # radius of what is blurred or smoothed
ESTIMATE = 3.0  # pixels of the blur that a copier takes for the picture without its mark
CRF = 28
BLURRED, SMOOTHED = "face blurred, 3 px", "face denoised"
MEAN = f"{AVERAGED} outputs of the same pictures averaged: one of their marks is read"
FIRST, SECOND = "marked again: the first mark is read", "marked again: the second mark is read"
COPIED = "mark estimated and added to another clip: read there"
SWAPPED = "face swapped again, without a mark"


@dataclass(frozen=True)
class Kind:
    """A kind of mark: how an output is marked with a message that is drawn, and whether a file says a message.

    Attributes:
        name: what tables call it.
        draw: a message.
        mark: marked copies of an output's frames.
        reads: how much of a message a file says, 0 to 1, that was marked at a (height, width).
    """

    name: str
    draw: Callable[[np.random.Generator], Any]
    mark: Callable[[Output, list[Image], Any], list[Image]]
    reads: Callable[[Path, tuple[int, int], Any], float]


def baselines(context: RowContext) -> RowResult:
    """Every kind of mark in every output, each edited, attacked and read; what an output gave is kept beside it."""
    others = other_marks()
    kinds = [_ours(), *map(_other, others)]
    folder = context.work / "baselines"
    folder.mkdir(exist_ok=True)
    hits: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    quality: dict[str, list[tuple[float, float]]] = defaultdict(list)
    cases = mark_cases(context.material)[: 1 if context.quick else OUTPUTS]
    before: Output | None = None
    for number, output in enumerate(make_outputs(context, cases)):
        for kind in kinds:
            context.cancel.check()
            context.progress(Progress("marks", number, len(cases), "outputs", f"{output.name}, {kind.name}"))
            kept = folder / f"{output.name}, {kind.name}.json"
            if not kept.is_file():
                message, marked = _mark(kind, output, np.random.default_rng([19, number]))
                found = _edit(kind, output, marked, message, folder)
                found |= _attack(kind, output, before, marked, message, folder)
                if number < SWAPPED_AGAIN and not context.quick:
                    source = cases[(number + 1) % len(cases)]
                    found[SWAPPED] = _swap_again(context, kind, source, output, marked, message, folder)
                pairs = [measure_likeness(*both) for both in zip(marked[::EVERY], output.frames[::EVERY], strict=False)]
                write_json(kept, {"read": found, "quality": np.mean(pairs, axis=0).tolist()})
            record = read_json(kept)
            quality[kind.name].append(record["quality"])
            for name, read in record["read"].items():
                hits[name][kind.name].append(read)
        before = output
    return _table(kinds, hits, quality, len(cases), installed=bool(others))


def _mark(kind: Kind, output: Output, random: np.random.Generator) -> tuple[Any, list[Image]]:
    message = kind.draw(random)
    return message, kind.mark(output, output.frames[:FRAMES], message)


def _edit(kind: Kind, output: Output, marked: list[Image], message: Any, folder: Path) -> dict[str, float]:
    """How much of the message is read after each edit."""
    found = {}
    for attack in edits_of(output):
        if attack.name in EDITS:
            path = attack.apply(marked, output.rate, folder / "edited")
            found[attack.name] = kind.reads(path, output.size, message)
            discard(path)
    return found


def _ours() -> Kind:
    def mark(output: Output, frames: list[Image], message: int) -> list[Image]:
        marker = WatermarkEmbedder(message, output.size, like=output.clip)
        return [marker.embed(frame, None, faces) for frame, faces in zip(frames, output.anchors, strict=False)]

    def reads(path: Path, size: tuple[int, int], message: int) -> float:
        found = detect_file(path)
        return float(found is not None and found.id == message)

    return Kind(OURS, lambda random: int(random.integers(1 << 48)), mark, reads)


def _other(other: OtherMark) -> Kind:
    def reads(path: Path, size: tuple[int, int], message: Any) -> float:
        return max((float(np.mean(bits == message)) for bits in other.read(path, size)), default=0.0)

    return Kind(other.name, other.draw, lambda output, frames, message: other.mark(frames, message), reads)


def _attack(
    kind: Kind, output: Output, another: Output | None, marked: list[Image], message: Any, folder: Path
) -> dict[str, float]:
    """What holds of the adversaries that need no network."""

    def read(frames: list[Image], *messages: Any) -> list[float]:
        path = Attack("attacked", "attacked", crf=CRF).apply(frames, output.rate, folder / "attacked")
        found = [kind.reads(path, output.size, one) for one in messages]
        discard(path)
        return found

    random = np.random.default_rng(20)
    frames = output.frames[: len(marked)]
    around = [[(face.x, face.y, FACE_CM * face.scale) for face in faces] for faces in output.anchors]
    found = {}
    for name, change in ((BLURRED, blur(3)), (SMOOTHED, denoise(60))):
        found[name] = read(only_inside(around, change)(marked, output.rate)[0], message)[0]
    messages = [message, *(kind.draw(random) for _ in range(AVERAGED - 1))]
    every = [marked, *(kind.mark(output, frames, one) for one in messages[1:])]
    mean = [np.rint(np.mean(same, axis=0)).astype(np.uint8) for same in zip(*every, strict=True)]
    found[MEAN] = max(read(mean, *messages))
    second = kind.draw(random)
    found[FIRST], found[SECOND] = read(kind.mark(output, marked, second), message, second)
    if another is not None:
        found[COPIED] = read(_copy_mark(marked, another.frames[: len(marked)]), message)[0]
    return found


def _copy_mark(marked: list[Image], others: list[Image]) -> list[Image]:
    """Other frames with what all of the marked ones have in common beyond a blurred copy of themselves."""
    excess = [frame - cv2.GaussianBlur(frame.astype(np.float32), (0, 0), ESTIMATE) for frame in marked]
    mark = np.mean(excess, axis=0)
    height, width = marked[0].shape[:2]
    sized = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in others]
    return [np.clip(np.rint(frame + mark), 0, 255).astype(np.uint8) for frame in sized]


def _swap_again(
    context: RowContext, kind: Kind, source: MadeCase, output: Output, marked: list[Image], message: Any, folder: Path
) -> float:
    """How much of the mark is read once the made face was replaced by that of another source, without a mark."""
    clip, again, record = (folder / name for name in ("marked.mp4", "again.mp4", "consent.json"))
    info = replace(probe(output.clip), time_base=1 / output.rate)
    with VideoWriter(clip, info, EncodeSettings(crf=10, keep_audio=False)) as writer:
        for number, frame in enumerate(marked):
            writer.write(frame, number / output.rate, 1 / output.rate)
    for leftover in (again, folder / "again.swap", record):
        discard(leftover)
    shown = source.source
    new_consent(shown.stem, [shown], ("swap",), basis=source.terms, evidence=[shown]).save(record)
    settings = ConvertSettings(trust=UNMARKED)
    swap_clip(shown, clip, again, settings, consent=record, cancel=context.cancel)
    with VideoReader(again) as reader:
        frames = [frame.image for frame in reader]
    path = Attack("again", "again", chain(), crf=CRF).apply(frames, output.rate, folder / "attacked")
    return kind.reads(path, output.size, message)


def _table(
    kinds: list[Kind],
    hits: dict[str, dict[str, list[float]]],
    quality: dict[str, list[tuple[float, float]]],
    count: int,
    installed: bool,
) -> RowResult:
    def tell(found: list[float]) -> str:
        return f"{sum(share >= ENOUGH for share in found)} of {len(found)}"

    figures = [
        Figure(f"{name}, ours", 100 * float(np.mean(found[OURS])), "%") for name, found in hits.items() if found[OURS]
    ]
    named = [name for name, found in hits.items() if found[OURS]]
    means = {name: np.mean(values, axis=0) for name, values in quality.items()}
    columns = {
        kind.name: [tell(hits[name][kind.name]) for name in named]
        + [f"{value:.{digits}f}" for value, digits in zip(means[kind.name], (1, 3), strict=True)]
        for kind in kinds
    }
    figures += [
        Figure("PSNR, ours, mean", float(means[OURS][0]), "dB"),
        Figure("SSIM, ours, mean", float(means[OURS][1]), ""),
    ]
    notes = [
        f"{count} outputs of {FRAMES} frames: swaps of clips and of single photos, animations; H.264 CRF {CRF} unless "
        "named",
        f"the others: {round(ENOUGH * BITS)} of {BITS} bits right, told the size they were marked at; ours: all of "
        "48 bits, false in fewer than 10 of 10^9 clips",
    ]
    if not installed:
        notes.append(f"the others were left out: `{INSTALL}` beside effigie, and measure again")
    return RowResult("Marks beside each other", figures, columns, notes)
