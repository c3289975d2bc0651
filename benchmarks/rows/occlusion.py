"""Row: whether what is before a face is told from the face."""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.rows.row import Result, Setting
from effigie.evaluate.protocols.occlusion import SIDE, Overlap, Stretch, holes, last_stretch, mean, overlaps
from effigie.evaluate.report.figures import Figure
from effigie.execution.pipeline import shared_cores
from effigie.occlusion.predictor import Visibility
from effigie.occlusion.synthetic.occluders import KINDS, UNSEEN
from effigie.progress import Progress
from effigie.training.device import tuned

FRAMES = 24  # of each clip, its last


def occlusion(setting: Setting) -> Result:
    """Occluders of every kind over the ends of clips of people that the network has not seen; and nothing over them."""
    visibility = Visibility()
    clips = {
        clip.name: clip
        for pair in setting.material.pairs()
        for name in pair
        for clip in setting.material.actor(name).test
    }
    clips |= {clip.name: clip for clip in setting.material.heads().held_out_films}
    stretches, notes = [], []
    for clip in clips.values():
        stretch = last_stretch(clip, 8 if setting.quick else FRAMES)
        if stretch is None or stretch.glasses:
            why = "shows nobody at its end" if stretch is None else "shows glasses"
            notes.append(f"{clip.name} is left out: it {why}")
            continue
        stretches.append(stretch)
    kinds = [*list(KINDS)[:2], UNSEEN[0]] if setting.quick else list(KINDS)
    found: dict[str, list[Overlap]] = {kind: [] for kind in kinds}
    with tuned(torch.device("cpu"), 1):
        clean = {stretch.clip: holes(stretch, visibility) for stretch in stretches}
        cost = milliseconds(stretches[0], visibility)
        for number, kind in enumerate(kinds):
            setting.progress(Progress("occlusion", number, len(kinds), "kinds", kind))
            for stretch in stretches:
                setting.cancel.check()
                found[kind] += overlaps(stretch, kind, visibility)
    learned = [one for kind in kinds if kind not in UNSEEN for one in found[kind]]
    unseen = [one for kind in kinds if kind in UNSEEN for one in found[kind]]
    worst = max(clean, key=lambda name: clean[name])
    figures = [
        Figure("what is seen, IoU", mean([one.seen for one in learned]), at_least=0.93),
        Figure(
            "what is seen, IoU, kinds never trained on", mean([one.seen for one in unseen]), at_least=0.93
        ),
        Figure("what covers, IoU", mean([one.covered for one in learned])),
        Figure("what covers, IoU, kinds never trained on", mean([one.covered for one in unseen])),
        Figure("false holes in clean faces", 100 * mean(list(clean.values())), "%", at_most=1),
        Figure("the same, of the worst clip", 100 * clean[worst], "%"),
        Figure("cost of a face, one core", cost, "ms", at_most=5),
    ]
    table = {
        kind: {"seen": mean([o.seen for o in found[kind]]), "covered": mean([o.covered for o in found[kind]])}
        for kind in kinds
    }
    each = ", ".join(f"{kind} {of['seen']:.3f} / {of['covered']:.2f}" for kind, of in table.items())
    notes += [
        f"{len(stretches)} clips of people never trained on, {len(learned) + len(unseen)} painted frames; the worst "
        f"for false holes is {worst}",
        f"IoU of what is seen / of what covers, by kind: {each}; never trained on: {', '.join(UNSEEN)}",
    ]
    return Result("What covers a face", figures, notes=notes, details={"kinds": table, "holes": clean})


def milliseconds(stretch: Stretch, visibility: Visibility) -> float:
    """Of the processor, for one face, mask at the size of a made face: the middle of nine rounds of ten."""
    rounds = []
    with shared_cores():
        for _ in range(10):
            begun = time.process_time()
            for _ in range(10):
                visibility(stretch.frames[0].image, stretch.faces[0], SIDE)
            rounds.append(100 * (time.process_time() - begun))
    return float(np.median(rounds[1:]))
