"""Row: two people in one clip, each swapped by a model of their own, told apart by their faces."""

from __future__ import annotations

import os
from dataclasses import replace

import effigie
from benchmarks.rows.row import Result, Setting
from effigie.evaluate.protocols.swap import EvaluateSettings, Swapped, evaluate_cast
from effigie.evaluate.report.figures import Figure
from effigie.io.atomic import discard
from effigie.provenance import TrustSettings
from effigie.swap import Role

MINUTES = 5.0  # it asks who is swapped with whom, not how well: a short training does
LIMITED = (
    "own face: closer to the own source than to another's",
    "closer to the source than to the target",
    "face still found in the output",
    "outside the mask, PSNR",
    "same frames at the same times",
)
BESIDE = ("similarity to the source", "similarity to the target")


def people(setting: Setting) -> Result:
    """Train both models, convert the clip with both at once, and measure each person; is anybody mixed up?"""
    scene = setting.material.scene()
    folder = setting.work / "people"
    models, trained = [], {}
    for source, target in scene.roles:
        minutes = 0.5 if setting.quick else MINUTES
        name = f"people-{source.name}-into-{target.name}"
        model, trained[name] = setting.model(source, target, name, preset="tiny", minutes=minutes)
        models.append(Role(model))
    output, masks = folder / "scene.mp4", folder / "masks"
    discard(folder)
    folder.mkdir(parents=True)
    settings = effigie.ConvertSettings(masks=masks, trust=TrustSettings(watermark=False))
    report = effigie.convert(
        models, scene.clip, output, settings, progress=setting.progress, cancel=setting.cancel
    )
    scores = evaluate_cast(
        output,
        scene.clip,
        [Swapped(setting.faces(source), setting.faces(target)) for source, target in scene.roles],
        masks,
        sheet=folder / "scene.png",
        settings=EvaluateSettings(every=1, encode=settings.encode),
        progress=setting.progress,
        cancel=setting.cancel,
    )
    columns = {
        f"{source.name} into {target.name}": [figure.shown for figure in chosen(figures)]
        for (source, target), figures in zip(scene.roles, scores.columns(), strict=True)
    }
    notes = [f"{report.frames} frames; swapped: {', '.join(map(str, report.each.values()))}"]
    # Models are told by their folders, and where the bench lies is nobody's business.
    notes += [note.replace(f"{setting.work}{os.sep}", "") for note in report.notes]
    details = {"training": trained, "scores": scores.to_json()}
    return Result("Two people, two models", chosen(scores.figures()), columns, notes, details)


def chosen(figures: list[Figure]) -> list[Figure]:
    """Who is who, with its limits; likeness without, for it is measured elsewhere."""
    named = {figure.name: figure for figure in figures}
    return [
        *(named[name] for name in LIMITED),
        *(replace(named[name], at_least=None, at_most=None) for name in BESIDE),
    ]
