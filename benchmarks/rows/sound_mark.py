"""Row: what the mark of sound withstands, and what it costs."""

from __future__ import annotations

import importlib
import time
from collections import defaultdict
from typing import Any

import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.sound_changes import Change, Samples, add_noise, encode, play, resample_to
from benchmarks.fixtures.voices import read_voices
from effigie.evaluate.report.figures import Figure
from effigie.progress import Progress
from effigie.provenance.sound_watermark import SoundMarker, detect
from effigie.provenance.sound_watermark.detector import MIN_AGREEMENT
from effigie.provenance.sound_watermark.spectrum import resample

RATE = 24000
LENGTHS_S = (5, 10, 20)
ATTACKS: dict[str, Change] = {
    "cut out, nothing else": lambda samples, rate: samples,
    "MP3, 32 kbit/s": encode("libmp3lame", 32, "mp3"),
    "AAC, 32 kbit/s": encode("aac", 32, "adts"),
    "Opus, 12 kbit/s": encode("libopus", 12, "ogg", 48000),
    "8 kHz": resample_to(8000),
    "noise 20 dB below": add_noise(20),
    "3 % faster": play(1.03),
    "3 % slower": play(0.97),
}
LEAST = {"noise 20 dB below": 95.0}
CUTS = 2  # of each person and length
UNMARKED = 400
QUALITY_RATE = 16000


def sound_mark(context: RowContext) -> RowResult:
    """Speech of every person, cut out of what was marked; each cut is changed in each way, by itself."""
    people = _read_people(context)
    exact: dict[tuple[int, str], list[bool]] = defaultdict(list)
    wrong, quality, embedding, reading = 0, [], [], []
    chance = np.random.default_rng(1)
    lengths = LENGTHS_S[:1] if context.quick else LENGTHS_S
    total = len(lengths) * len(people)
    for number, (length, samples) in enumerate((length, samples) for length in lengths for samples in people):
        context.cancel.check()
        context.progress(Progress("marks in sound", number, total, "voices"))
        if len(samples) < length * RATE:
            continue
        output_id = int(chance.integers(0, 2**48))
        begun = time.perf_counter()
        marked = _mark(samples, output_id)
        embedding.append((time.perf_counter() - begun) / (len(samples) / RATE))
        for start in chance.integers(0, len(samples) - length * RATE + 1, CUTS):
            cut = slice(int(start), int(start) + length * RATE)
            quality.append(_measure_quality(samples[cut], marked[cut]))
            for name, change in ATTACKS.items():
                changed = resample(change(marked[cut], RATE), RATE)
                begun = time.perf_counter()
                found = detect(changed)
                reading.append((time.perf_counter() - begun) / length)
                exact[length, name].append(found is not None and found.id == output_id)
                wrong += found is not None and found.id != output_id
    false = _count_false_alarms(people, 20 if context.quick else UNMARKED, chance)
    figures, seen = [], []
    for (length, name), values in exact.items():
        goal = LEAST.get(name, 99.0)
        figures.append(Figure(f"{name}, {length} s: id exact", 100 * float(np.mean(values)), "%", at_least=goal))
        seen.append(f"{sum(values)} of {len(values)}")
    figures += [
        Figure("wrong ids in all of these", wrong, "", at_most=0),
        Figure("ids in unmarked speech", false, "", at_most=0),
        Figure("PESQ (wide band), mean", float(np.nanmean(quality)) if quality else float("nan"), "", at_least=4.4),
        Figure("PESQ (wide band), least", float(np.nanmin(quality)) if quality else float("nan")),
        Figure("marking, share of the time that it takes to hear it", float(np.median(embedding)), ""),
        Figure("reading, the same, the slowest 5 %", float(np.percentile(reading, 95)), ""),
    ]
    seen += [
        f"{sum(map(len, exact.values()))} readings",
        f"{20 if context.quick else UNMARKED} cuts of 5 s",
        "",
        "",
        "",
        "",
    ]
    notes = [
        f"an id is believed from {MIN_AGREEMENT:.2f} standard deviations on; {len(people)} voices",
        "PESQ is measured where the package pesq is installed; effigie does not need it",
    ]
    return RowResult("The mark of sound", figures, {"seen": seen}, notes, {"quality": [float(one) for one in quality]})


def _read_people(context: RowContext) -> list[Samples]:
    """What each person says, clips joined; those of whom there is less than 5 s are joined to one."""
    joined = [np.concatenate(parts) for parts in read_voices(context, RATE).values()]
    long = [samples for samples in joined if len(samples) >= LENGTHS_S[0] * RATE]
    short = [samples for samples in joined if len(samples) < LENGTHS_S[0] * RATE]
    return [*long, *([np.concatenate(short)] if short else [])]


def _mark(samples: Samples, output_id: int) -> Samples:
    marker = SoundMarker(output_id, RATE)
    return np.concatenate([marker.write(samples[None]), marker.finalize()], axis=1)[0]


def _measure_quality(before: Samples, after: Samples) -> float:
    try:
        pesq: Any = importlib.import_module("pesq").pesq
    except ImportError:
        return float("nan")
    return float(pesq(QUALITY_RATE, resample(before, RATE, QUALITY_RATE), resample(after, RATE, QUALITY_RATE), "wb"))


def _count_false_alarms(people: list[Samples], count: int, chance: np.random.Generator) -> int:
    found = 0
    for _ in range(count):
        samples = people[int(chance.integers(len(people)))]
        start = int(chance.integers(0, max(1, len(samples) - 5 * RATE)))
        found += detect(resample(samples[start : start + 5 * RATE], RATE), any_speed=False) is not None
    return found
