"""Row: people in real clips say something else; are they still themselves, and do their mouths do what is heard?"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.fixtures.material import Actor
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.consent import new_consent
from effigie.evaluate import DubScores, evaluate_dub
from effigie.evaluate.report.figures import Figure
from effigie.media import probe

TEXT = "Please help me pack the box. My brother will be back before noon, and maybe Pamela will bring the apples."
FRAMES, QUICK_FRAMES = 150, 20


def dubbing(context: RowContext) -> RowResult:
    """Every actor says a text in a stock voice, or, where another clip of theirs has sound, what is heard there."""
    names = list(dict.fromkeys(name for pair in context.material.pairs() for name in pair))
    scores: list[DubScores] = []
    figures: list[Figure] = []
    columns: list[str] = []
    for name in names:
        found = _dub(context.with_progress_name(f"dubbing {name}"), context.material.actor(name))
        scores.append(found)
        measured = found.figures()
        figures += measured
        columns += [name] * len(measured)
    notes = [
        f"{len(names)} people, {FRAMES} frames of each at most, a text by a stock voice or a sentence of another clip",
        "flicker by the footage's motion counts a mouth that moves where the footage's rests, and so has no limit here",
    ]
    return RowResult("Dubbing", figures, {"clip": columns}, notes, {"clips": [vars(one) for one in scores]})


def _dub(context: RowContext, actor: Actor) -> DubScores:
    from effigie.dubbing import DubSettings, dub

    folder = context.work / "dubbing" / actor.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    clip, output = actor.test[0], folder / "out.mp4"
    settings = DubSettings(masks=folder / "masks", overrun="cut", max_frames=QUICK_FRAMES if context.quick else FRAMES)
    others = [other for other in actor.test[1:] if probe(other).audio]
    words = {"speech": others[0]} if others else {"text": TEXT, "voice": "kumo"}
    report = dub(
        clip,
        output,
        settings,
        consent=_consent(actor, clip, folder),
        progress=context.progress,
        cancel=context.cancel,
        **words,
    )
    assert report.mouth is not None
    return evaluate_dub(output, clip, folder / "masks", report.mouth, progress=context.progress, cancel=context.cancel)


def _consent(actor: Actor, clip: Path, folder: Path) -> Path:
    path = folder / "consent.json"
    new_consent(actor.name, [clip], ("animate",), basis=actor.terms, evidence=[clip]).save(path)
    return path
