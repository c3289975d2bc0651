"""Row: how far the mark is read after what people and platforms do to a picture.

Outputs are swaps without training and animations, made once without a mark, then marked as `convert` marks. Each goes
through every edit, encoded again, and is read as anybody reads it and as whoever has the ledger does.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from benchmarks.attacks import (
    GIF,
    HEVC,
    JPEG,
    VP8,
    VP9,
    Attack,
    add_borders,
    add_caption,
    add_sticker,
    adjust_tone,
    blur,
    chain,
    change_frame_rate,
    change_speed,
    crop,
    crop_to,
    denoise,
    distort,
    mirror,
    refilm,
    resize,
    resize_to,
    show_in_picture,
    single_frame,
    stretch,
    trim,
    turn,
)
from benchmarks.fixtures.made_outputs import FRAMES, Output, make_outputs, mark_cases
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.watermark import measure_likeness
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard
from effigie.progress import Progress
from effigie.provenance.watermark import WatermarkEmbedder, detect_file

OUTPUTS = 12  # swaps of clips, of photos, and animations in turn
LEDGER = 100  # ids, the right one among them
UNMARKED_STEP = 4  # one edit in so many is also done to outputs without a mark
EVERY = 6  # frames between two that are compared with what they were
AT_MOST_S = 4.0
SMALL = 300  # lines of a picture that counts as small


def edits_of(output: Output) -> list[Attack]:
    """The edits, those around the face where this output has it."""
    place, head = output.middle, output.head
    across, down = place
    upright, square = crop_to(9 / 16, *place), crop_to(1, *place)
    alone = chain(crop_to(1, across, down, head), resize_to(160))
    eye = add_sticker(across - 0.14 * head, down - 0.14 * head, 0.1 * head)
    edits: list[tuple[str, Any, int]] = [
        ("cut to 9:16", upright, 28),
        ("cut to 4:5", crop_to(4 / 5, *place), 28),
        ("cut to 1:1", square, 28),
        ("5 % off every side", crop(0.1), 30),
        ("15 % off every side", crop(0.3), 30),
        ("25 % off every side", crop(0.5), 30),
        ("mirrored", mirror, 28),
        *[(f"turned by {angle} degrees", turn(angle), 28) for angle in (-10, -2, 2, 10, 20)],
        ("10 % wider", stretch(1.1, 1), 28),
        ("10 % narrower", stretch(0.9, 1), 28),
        ("10 % taller", stretch(1, 1.1), 28),
        *[(f"filmed at an angle, corners by {100 * by:.0f} %", distort(by), 28) for by in (0.03, 0.06, 0.1)],
        ("face alone, 160 px high, CRF 33", alone, 33),
        ("half size, CRF 28", resize(0.5), 28),
        ("half size, CRF 33", resize(0.5), 33),
        *[(f"picture in picture, {share:.2f}", show_in_picture(share), 28) for share in (0.5, 1 / 3)],
        ("caption over the lower quarter", add_caption(), 28),
        ("sticker over an eye", eye, 28),
        ("borders of 10 %", add_borders(0.1), 28),
        *[(f"H.264 CRF {crf}", chain(), crf) for crf in (18, 28, 33, 36, 39)],
        ("blur, 1 px", blur(1), 28),
        ("blur, 2 px", blur(2), 28),
        ("denoised", denoise(25), 28),
        ("filmed off a screen", refilm(), 28),
        ("brighter by 20 %", adjust_tone(lift=0.2), 28),
        ("contrast -20 %", adjust_tone(gain=0.8), 28),
        ("10 % faster", change_speed(1.1), 28),
        ("4 of 5 frames", change_frame_rate(Fraction(4, 5)), 28),
        ("one second", trim(1, 0.5), 28),
        ("9:16 and mirrored", chain(upright, mirror), 28),
        ("9:16 and turned by 2 degrees", chain(upright, turn(2)), 28),
        ("1:1 and caption", chain(square, add_caption()), 28),
        ("mirrored and 0.7 times", chain(mirror, resize(0.7)), 28),
        ("15 % off every side and mirrored", chain(crop(0.3), mirror), 30),
    ]
    encoded = [Attack(name, name, change, crf=crf) for name, change, crf in edits]
    stills = [Attack(name, name, change, JPEG) for name, change in _stills(upright)]
    others = [("HEVC CRF 28", HEVC, 28), ("GIF", GIF, 28), ("WebM, VP8", VP8, 20), ("WebM, VP9", VP9, 34)]
    return encoded + stills + [Attack(name, name, codec=codec, crf=crf) for name, codec, crf in others]


def _stills(upright: Any) -> Iterator[tuple[str, Any]]:
    yield "one frame as JPEG 80", single_frame(0.61)
    yield "one frame, 9:16, as JPEG 80", chain(single_frame(0.61), upright)


def edits(context: RowContext) -> RowResult:
    """Mark every output, edit and encode it, and search for the id; and some of the same without a mark."""
    random = np.random.default_rng(0)
    outputs = list(make_outputs(context, mark_cases(context.material)[: 1 if context.quick else OUTPUTS]))
    ledger = [(int(random.integers(1 << 48)), int(random.integers(1 << 12))) for _ in range(LEDGER - 1)]
    anybody: dict[str, list[bool]] = defaultdict(list)
    holder: dict[str, list[bool]] = defaultdict(list)
    wrong, alarms, tries = 0, 0, 0
    seconds: list[float] = []
    likeness: list[tuple[float, float]] = []
    details: list[dict[str, Any]] = []
    folder = context.work / "edits"
    for number, output in enumerate(outputs):
        output_id = int(random.integers(1 << 48))
        marker = WatermarkEmbedder(output_id, output.frames[0].shape[:2], like=output.clip)
        known = [*ledger, (output_id, marker.free_bits)]
        marked = [marker.embed(frame, None, faces) for frame, faces in zip(output.frames, output.anchors, strict=True)]
        pairs = zip(marked[::EVERY], output.frames[::EVERY], strict=True)
        compared = [measure_likeness(after, before) for after, before in pairs]
        likeness.append((float(np.mean([one for one, _ in compared])), float(np.mean([one for _, one in compared]))))
        agreements: dict[str, str] = {}
        for place, attack in enumerate(edits_of(output)):
            context.cancel.check()
            context.progress(Progress("edits", number, len(outputs), "outputs", f"{output.name}, {attack.name}"))
            path = attack.apply(marked, output.rate, folder / "edited")
            begun = time.perf_counter()
            found = detect_file(path, known_marks=known)
            seconds.append(time.perf_counter() - begun)
            right = found is not None and found.id == output_id
            anybody[attack.name].append(right and found is not None and not found.is_known)
            holder[attack.name].append(right)
            wrong += found is not None and not right
            agreements[attack.name] = "-" if found is None else f"{found.agreement:.1f}{'L' * found.is_known}"
            if place % UNMARKED_STEP == 0:
                found = detect_file(attack.apply(output.frames, output.rate, folder / "edited"), known_marks=ledger)
                alarms, tries = alarms + (found is not None), tries + 1
            discard(path)
        height, width = output.frames[0].shape[:2]
        details.append({"output": output.name, "size": f"{width}x{height}", "agreement": agreements})
    figures = [Figure(name, 100 * float(np.mean(hits)), "%") for name, hits in anybody.items()]
    figures += [
        Figure("wrong ids", wrong, "", at_most=0),
        Figure(f"ids in {tries} edited clips without a mark", alarms, "", at_most=0),
        Figure("PSNR, least of any output", min(one for one, _ in likeness), "dB", at_least=43),
        Figure("SSIM, least of any output", min(one for _, one in likeness), "", at_least=0.989),
        Figure("finding, longest", max(seconds), "s", at_most=AT_MOST_S),
    ]
    small = [output.frames[0].shape[0] <= SMALL for output in outputs]
    columns = {
        f"anybody, up to {SMALL} lines": [_count(hits, small) for hits in anybody.values()] + ["-"] * 5,
        f"with the ledger, up to {SMALL} lines": [_count(hits, small) for hits in holder.values()] + ["-"] * 5,
        "anybody, all": [_count(hits) for hits in anybody.values()] + ["-"] * 5,
        "with the ledger, all": [_count(hits) for hits in holder.values()]
        + [figure.value_text for figure in figures[-5:]],
    }
    names = ", ".join(f"{output.name} ({output.frames[0].shape[1]}x{output.frames[0].shape[0]})" for output in outputs)
    notes = [
        f"{len(outputs)} swaps without training and animations, {FRAMES} frames each: {names}",
        "H.264 CRF 28 unless named",
        f"the ledger holds {LEDGER} outputs",
    ]
    return RowResult("Edits of marked outputs", figures, columns, notes, {"outputs": details})


def _count(hits: list[bool], which: list[bool] | None = None) -> str:
    counted = hits if which is None else [hit for hit, one in zip(hits, which, strict=True) if one]
    return f"{sum(counted)} of {len(counted)}"
