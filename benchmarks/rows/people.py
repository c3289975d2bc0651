"""Row: two people in one clip, each swapped by a model of their own, matched by identity."""

from __future__ import annotations

import os
from dataclasses import replace

import effigie
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.evaluate.protocols.swap import EvaluateSettings, SwappedPerson, evaluate_people
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic_write import discard
from effigie.provenance import TrustSettings
from effigie.swap import PersonAssignment

MINUTES = 5.0  # it asks who is swapped with whom, not how well: a short training does
LIMITED = (
    "own face: closer to the own source than to another's",
    "closer to the source than to the target",
    "face still found in the output",
    "outside the mask, PSNR",
    "same frames at the same times",
)
BESIDE = ("similarity to the source", "similarity to the target")


def people(context: RowContext) -> RowResult:
    """Train both models, convert the clip with both at once, and measure each person; is anybody mixed up?"""
    scene = context.material.scene()
    folder = context.work / "people"
    models, trained = [], {}
    for source, target in scene.roles:
        minutes = 0.5 if context.quick else MINUTES
        name = f"people-{source.name}-into-{target.name}"
        model, trained[name] = context.model(source, target, name, preset="tiny", minutes=minutes)
        models.append(PersonAssignment(model))
    output, masks = folder / "scene.mp4", folder / "masks"
    discard(folder)
    folder.mkdir(parents=True)
    settings = effigie.ConvertSettings(masks=masks, trust=TrustSettings(watermark=False))
    report = effigie.convert(models, scene.clip, output, settings, progress=context.progress, cancel=context.cancel)
    scores = evaluate_people(
        output,
        scene.clip,
        [SwappedPerson(context.faces(source), context.faces(target)) for source, target in scene.roles],
        masks,
        sheet=folder / "scene.png",
        settings=EvaluateSettings(interval=1, encode=settings.encode),
        progress=context.progress,
        cancel=context.cancel,
    )
    columns = {
        f"{source.name} into {target.name}": [figure.value_text for figure in select_figures(figures)]
        for (source, target), figures in zip(scene.roles, scores.columns(), strict=True)
    }
    notes = [f"{report.frames} frames; swapped: {', '.join(map(str, report.swapped_by_model.values()))}"]
    # Models are told by their folders, and where the bench lies is nobody's business.
    notes += [note.replace(f"{context.work}{os.sep}", "") for note in report.notes]
    details = {"training": trained, "scores": scores.to_json()}
    return RowResult("Two people, two models", select_figures(scores.figures()), columns, notes, details)


def select_figures(figures: list[Figure]) -> list[Figure]:
    """The figures of who is who, with limits; likeness without limits, since it is measured elsewhere."""
    named = {figure.name: figure for figure in figures}
    return [*(named[name] for name in LIMITED), *(replace(named[name], at_least=None, at_most=None) for name in BESIDE)]
