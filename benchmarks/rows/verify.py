"""Rows: time of `effigie verify`, accuracy of matching by fingerprints, false alarms of the intimate-content check."""

from __future__ import annotations

import csv
import itertools
import os
import shutil
import statistics
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.footprint import COMMAND
from effigie.consent.nsfw_detector import THRESHOLD, score_clip
from effigie.errors import EffigieError
from effigie.evaluate.report.figures import Figure
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.media.clip import Image
from effigie.progress import Progress
from effigie.provenance.ledger.fingerprint import FINGERPRINT_INTERVAL_S, Sample, compute_fingerprint, match_clips
from effigie.provenance.ledger.ledger import Ledger, LedgerEntry
from effigie.provenance.watermark import WatermarkEmbedder

SECONDS, RATE, SIZE = 60, 25, (720, 1280)
OUTPUTS = 1000  # in the ledger that is searched
REPETITIONS = 3
OUTPUT_ID = 0x0B5E7FEDC0DE
PICTURES = (".jpg", ".jpeg", ".png")
LONGEST_S = 60.0
DENSER = 4  # looks a second at the clip in question
CUT_S = 0.13  # by which its times are off


def verify(context: RowContext) -> RowResult:
    """Seconds of the command, its start included, for a minute of 720p with the mark and without, nothing cached."""
    home = context.work / "verify-home"
    shutil.rmtree(home, ignore_errors=True)
    random = np.random.default_rng(0)
    ledger = Ledger(home / "ledger.sqlite")
    for number in range(50 if context.quick else OUTPUTS):
        hashes = random.integers(1, 2**64, SECONDS, np.uint64).tolist()
        looks = tuple((float(second), value) for second, value in enumerate(hashes))
        ledger.add(LedgerEntry(f"{number:012x}", datetime.now(UTC), "convert", "other.mp4", fingerprints=looks))
    figures, details = [], {}
    for name, mark in (("with the mark", True), ("without", False)):
        clip = _minute(context, mark)
        times = []
        for number in range(1 if context.quick else REPETITIONS):
            context.progress(Progress(name, number, REPETITIONS, "repetitions"))
            context.cancel.check()
            times.append(_timed(clip, home, "made-by-effigie" if mark else "nothing-found"))
        figures.append(Figure(f"a minute of 720p, {name}", statistics.median(times), "s", at_most=5))
        details[name] = times
    notes = [f"the command with its start; a ledger of {OUTPUTS} outputs is searched by pictures, too"]
    return RowResult("Verify", figures, notes=notes, details=details)


def _minute(context: RowContext, mark: bool) -> Path:
    """A minute of 720p, made of the first seconds of the material's long clip."""
    output = context.work / f"minute-{'marked' if mark else 'plain'}.mp4"
    if output.is_file():
        return output
    source = context.material.long_clip()
    marker = WatermarkEmbedder(OUTPUT_ID, SIZE)
    with VideoReader(source, 0, 10 * RATE) as reader:
        frames = [cv2.resize(frame.image, SIZE[::-1], interpolation=cv2.INTER_CUBIC) for frame in reader]
    if mark:
        frames = [marker.embed(np.asarray(frame, np.uint8), None) for frame in frames]
    info = replace(probe(source), width=SIZE[1], height=SIZE[0], rate=Fraction(RATE), rotation=0, audio=())
    with VideoWriter(output, info, EncodeSettings(crf=20, keep_audio=False)) as writer:
        for index in range(SECONDS * RATE):
            context.cancel.check()
            writer.write(np.asarray(frames[index % len(frames)], np.uint8), Fraction(index, RATE), Fraction(1, RATE))
    return output


def _timed(clip: Path, home: Path, verdict: str) -> float:
    begun = time.perf_counter()
    result = subprocess.run(
        [*COMMAND, "verify", str(clip), "--json"],
        env={**os.environ, "EFFIGIE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begun
    if result.returncode or f'"verdict": "{verdict}"' not in result.stdout:
        raise EffigieError(f"`effigie verify` did not find {clip} {verdict}: {result.stderr.splitlines()[-1:]}")
    return seconds


def picture_match(context: RowContext) -> RowResult:
    """Every clip, coarsely encoded at half the size and cut a moment later, against the fingerprints of all clips."""
    clips = context.material.labeled_clips()
    if context.quick:
        clips = clips[:4]
    known: dict[str, tuple[Sample, ...]] = {}
    asked: dict[str, tuple[Sample, ...]] = {}
    for number, clip in enumerate(clips):
        context.progress(Progress("look", number, len(clips), "clips", clip.path.name))
        context.cancel.check()
        known[clip.path.name], asked[clip.path.name] = _fingerprint_pair(clip.path)
    missed = [name for name in known if match_clips(asked[name], known[name]) is None]
    who = _load_people(clips[0].path.parent.parent)
    pairs = list(itertools.permutations(known, 2))
    alike = [(a, b) for a, b in pairs if match_clips(asked[a], known[b]) is not None]
    strangers = [(a, b) for a, b in alike if who.get(a, a) != who.get(b, b)]
    own = sum(who.get(a, a) == who.get(b, b) for a, b in pairs)
    figures = [
        Figure("found again at half size and JPEG 15", 100 * (1 - len(missed) / len(known)), "%", at_least=95),
        Figure(f"taken for a clip of somebody else, of {len(pairs) - own} pairs", len(strangers)),
        Figure(f"taken for another clip of the same person, of {own} pairs", len(alike) - len(strangers)),
    ]
    notes = ["Looking alike is a hint and gives no verdict: 64 bits a frame do not tell takes of one shot apart."]
    details = {"missed": missed, "strangers": strangers}
    return RowResult("Likeness by pictures", figures, notes=notes, details=details)


def _fingerprint_pair(path: Path) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """As the ledger keeps them, and as a poor copy gives them, four a second."""
    known: list[Sample] = []
    asked: list[Sample] = []
    with VideoReader(path) as reader:
        for frame in reader:
            seconds = float(frame.time)
            if not known or seconds >= known[-1][0] + FINGERPRINT_INTERVAL_S:
                known.append((seconds, compute_fingerprint(frame.image)))
            if not asked or seconds >= asked[-1][0] + CUT_S + FINGERPRINT_INTERVAL_S / DENSER:
                asked.append((seconds - CUT_S, compute_fingerprint(_degrade(frame.image))))
            if seconds > LONGEST_S:
                break
    return tuple(known), tuple(asked)


def _degrade(image: Image) -> Image:
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 15])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def _load_people(folder: Path) -> dict[str, str]:
    table = folder / "clips.tsv"
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as stream:
        return {row["file"]: row["person"] for row in csv.DictReader(stream, delimiter="\t")}


def intimate(context: RowContext) -> RowResult:
    """Every clip and portrait of a data folder, none of them intimate, through the gate."""
    clips = [clip.path for clip in context.material.labeled_clips()]
    folder = clips[0].parent.parent / "portraits"
    portraits = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if context.quick:
        clips, portraits = clips[:4], portraits[::100]
    reports = []
    begun = time.perf_counter()
    for number, path in enumerate([*clips, *portraits]):
        context.progress(Progress("judge", number, len(clips) + len(portraits), "files", path.name))
        context.cancel.check()
        reports.append(score_clip(path, context.cancel))
        if number + 1 == len(clips):
            seconds = time.perf_counter() - begun
    scores = np.array([score for report in reports for score in report.scores])
    refused = [Path(report.name).name for report in reports if report.is_refused]
    figures = [
        Figure(f"refused of {len(clips)} clips and {len(portraits)} portraits", len(refused), at_most=0),
        Figure(f"highest score of {len(scores)} frames; {THRESHOLD:g} counts as intimate", float(scores.max())),
        Figure("frames above 0.2, where the network's authors end what is safe", int((scores > 0.2).sum())),
        Figure("a clip takes", seconds / len(clips), "s"),
    ]
    highest = sorted(reports, key=lambda report: -report.max_score)[:10]
    details = {
        "refused": refused,
        "highest": {Path(report.name).name: report.max_score for report in highest},
        "histogram": np.histogram(scores, np.linspace(0, 1, 21))[0].tolist(),
    }
    return RowResult("Intimate-content gate", figures, details=details)
