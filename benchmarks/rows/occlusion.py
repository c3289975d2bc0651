"""Row: accuracy of the occlusion network."""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.occlusion_protocol import (
    SIDE,
    ClipSegment,
    Overlap,
    false_occlusion_share,
    measure_overlaps,
    nan_mean,
    read_last_segment,
)
from effigie.evaluate.report.figures import Figure
from effigie.execution.pipeline import shared_cores
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.occlusion.synthetic.occluders import HELD_OUT_KINDS, OCCLUDERS
from effigie.progress import Progress
from effigie.training.device import configure_backend

FRAMES = 24  # of each clip, its last


def occlusion(context: RowContext) -> RowResult:
    """Occluders of every kind over the ends of clips of held-out people, and the same clips without."""
    visibility = VisibilityPredictor()
    clips = {
        clip.name: clip
        for pair in context.material.pairs()
        for name in pair
        for clip in context.material.actor(name).test
    }
    clips |= {clip.name: clip for clip in context.material.heads().held_out_films}
    stretches, notes = [], []
    for clip in clips.values():
        stretch = read_last_segment(clip, 8 if context.quick else FRAMES)
        if stretch is None or stretch.glasses:
            why = "shows nobody at its end" if stretch is None else "shows glasses"
            notes.append(f"{clip.name} is left out: it {why}")
            continue
        stretches.append(stretch)
    kinds = [*list(OCCLUDERS)[:2], HELD_OUT_KINDS[0]] if context.quick else list(OCCLUDERS)
    found: dict[str, list[Overlap]] = {kind: [] for kind in kinds}
    with configure_backend(torch.device("cpu"), 1):
        clean = {stretch.clip: false_occlusion_share(stretch, visibility) for stretch in stretches}
        cost = milliseconds(stretches[0], visibility)
        for number, kind in enumerate(kinds):
            context.progress(Progress("occlusion", number, len(kinds), "kinds", kind))
            for stretch in stretches:
                context.cancel.check()
                found[kind] += measure_overlaps(stretch, kind, visibility)
    learned = [one for kind in kinds if kind not in HELD_OUT_KINDS for one in found[kind]]
    unseen = [one for kind in kinds if kind in HELD_OUT_KINDS for one in found[kind]]
    worst = max(clean, key=lambda name: clean[name])
    figures = [
        Figure("what is seen, IoU", nan_mean([one.visible for one in learned]), at_least=0.93),
        Figure("what is seen, IoU, kinds never trained on", nan_mean([one.visible for one in unseen]), at_least=0.93),
        Figure("what covers, IoU", nan_mean([one.covered for one in learned])),
        Figure("what covers, IoU, kinds never trained on", nan_mean([one.covered for one in unseen])),
        Figure("false holes in clean faces", 100 * nan_mean(list(clean.values())), "%", at_most=1),
        Figure("the same, of the worst clip", 100 * clean[worst], "%"),
        Figure("cost of a face, one core", cost, "ms", at_most=5),
    ]
    table = {
        kind: {
            "seen": nan_mean([o.visible for o in found[kind]]),
            "covered": nan_mean([o.covered for o in found[kind]]),
        }
        for kind in kinds
    }
    each = ", ".join(f"{kind} {of['seen']:.3f} / {of['covered']:.2f}" for kind, of in table.items())
    notes += [
        f"{len(stretches)} clips of people never trained on, {len(learned) + len(unseen)} painted frames; the worst "
        f"for false holes is {worst}",
        f"IoU of what is seen / of what covers, by kind: {each}; never trained on: {', '.join(HELD_OUT_KINDS)}",
    ]
    return RowResult("What covers a face", figures, notes=notes, details={"kinds": table, "holes": clean})


def milliseconds(stretch: ClipSegment, visibility: VisibilityPredictor) -> float:
    """Of the processor, for one face, mask at the size of a made face: the middle of nine rounds of ten."""
    rounds = []
    with shared_cores():
        for _ in range(10):
            begun = time.process_time()
            for _ in range(10):
                visibility(stretch.frames[0].image, stretch.faces[0], SIDE)
            rounds.append(100 * (time.process_time() - begun))
    return float(np.median(rounds[1:]))
