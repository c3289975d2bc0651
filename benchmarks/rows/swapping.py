"""Rows: a whole swap, from clips to a swapped clip, measured on held-out clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import effigie
from benchmarks.fixtures.material import Actor
from benchmarks.fixtures.row import RowContext, RowResult
from effigie.evaluate.protocols.swap import EvaluateSettings, evaluate_swap
from effigie.evaluate.report.figures import Figure, mean_figure
from effigie.evaluate.report.scores import SwapScores
from effigie.io.atomic_write import discard
from effigie.provenance import TrustSettings

MINUTES = 30.0


def swapping(context: RowContext, source_name: str, target_name: str) -> RowResult:
    """Train tiny for half an hour, convert the target's held-out clips, and measure them.

    The figures are means over the clips, weighted by their frames; what must hold, must hold in every clip.
    """
    source, target = context.material.actor(source_name), context.material.actor(target_name)
    name = row_name(source_name, target_name)
    model, trained = trained_model(context, source, target)
    found: dict[str, SwapScores] = {}
    marked: list[float] = []
    speed: dict[str, Any] = {}
    notes: dict[str, list[str]] = {}
    for clip in target.test:
        context.cancel.check()
        scores, report = convert_and_evaluate(context, model, clip, source, target, context.work / name)
        found[clip.name] = scores
        marked.append(_marked_similarity(context, model, clip, source, target, context.work / name))
        speed[clip.name] = {"frames": report.frames, "seconds": report.seconds, "stages": report.stages}
        for note in (*report.notes, *scores.notes):
            notes.setdefault(note, []).append(clip.name)
    columns = {clip: [figure.value_text for figure in scores.figures()] for clip, scores in found.items()}
    weights = [scores.presence.frames for scores in found.values()]
    figures = [mean_figure(list(each), weights) for each in zip(*(s.figures() for s in found.values()), strict=True)]
    figures.append(Figure("similarity to the source, with the mark", float(np.average(marked, weights=weights)), ""))
    for column, value in zip(columns.values(), marked, strict=True):
        column.append(f"{value:.3g}")
    details = {
        "training": trained,
        "conversion": speed,
        "scores": {clip: scores.to_json() for clip, scores in found.items()},
    }
    lines = [f"{trained['settings']['minutes']:g} minutes, {trained['steps']} steps"]
    for note, clips in notes.items():
        lines.append(note if len(clips) == len(found) else f"{', '.join(clips)}: {note}")
    return RowResult(f"Swap: {source.name} into {target.name}", figures, columns, lines, details)


def trained_model(context: RowContext, source: Actor, target: Actor) -> tuple[Path, dict[str, Any]]:
    """The model of a row, trained at first use, and what its training reported."""
    minutes = 0.5 if context.quick else MINUTES
    return context.model(source, target, row_name(source.name, target.name), preset="tiny", minutes=minutes)


def row_name(source: str, target: str) -> str:
    """The name of the row."""
    return f"swap-{source}-into-{target}"


def convert_and_evaluate(
    context: RowContext,
    model: Path,
    clip: Path,
    source: Actor,
    target: Actor,
    folder: Path,
    gallery: Sequence[Path] = (),
) -> tuple[SwapScores, effigie.ConvertReport]:
    """Convert a clip into ``folder`` and measure it; with a gallery, also among whom the made face is its source's."""
    output, masks = folder / f"{clip.stem}.mp4", folder / f"{clip.stem}-masks"
    for stale in (output, masks):
        discard(stale)
    # The swap is judged without the invisible mark, whose cost has rows of its own; one figure says what it does here.
    settings = effigie.ConvertSettings(masks=masks, trust=TrustSettings(watermark=False))
    report = effigie.convert(model, clip, output, settings, progress=context.progress, cancel=context.cancel)
    scores = evaluate_swap(
        output,
        clip,
        context.faces(source),
        context.faces(target),
        masks,
        sheet=folder / f"{clip.stem}.png",
        gallery=gallery,
        settings=EvaluateSettings(encode=settings.encode),
        progress=context.progress,
        cancel=context.cancel,
    )
    return scores, report


def _marked_similarity(
    context: RowContext, model: Path, clip: Path, source: Actor, target: Actor, folder: Path
) -> float:
    """Cosine to the source of the clip as it leaves by default, with the invisible mark in it."""
    output = folder / f"{clip.stem}-marked.mp4"
    discard(output)
    report = effigie.convert(model, clip, output, progress=context.progress, cancel=context.cancel)
    scores = evaluate_swap(
        report.output,
        clip,
        context.faces(source),
        context.faces(target),
        progress=context.progress,
        cancel=context.cancel,
    )
    return scores.identity.to_source
