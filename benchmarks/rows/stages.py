"""Row: at which stage of conversion a face loses likeness to its source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.rows.swapping import row_name, trained_model
from effigie.compositing import ComposeSettings, Compositor, GrainSettings
from effigie.evaluate.metrics.identity import cosines
from effigie.evaluate.protocols.person import person_embeddings
from effigie.evaluate.report.figures import Figure
from effigie.faces.analyzer import analyze
from effigie.faces.crop import apply_affine, invert_affine
from effigie.faces.recognizer import IdentityModel
from effigie.faces.tracker import Tracker
from effigie.media import VideoReader
from effigie.swap.checkpoint import load_swap
from effigie.swap.inference.swapper import Swapper

EVERY = 12  # frames; identity takes 23 ms
PLAIN = ComposeSettings(color="none", grain=GrainSettings(strength=0), temporal=0)
FINISHES = {
    "pasted, colours as they are": PLAIN,
    "colours matched": replace(PLAIN, color="local"),
    "finished": ComposeSettings(),
}


def stages(context: RowContext) -> RowResult:
    """Cosine to the source of the warped picture, of the network's output, and of the finished frame.

    The models are those of the rows of swaps, the clips the first of each target's held-out ones.
    """
    identity = IdentityModel()
    found: dict[str, dict[str, float]] = {}
    for pair in context.material.pairs():
        for source_name, target_name in (pair, pair[::-1]):
            source, target = context.material.actor(source_name), context.material.actor(target_name)
            model, _ = trained_model(context, source, target)
            known = person_embeddings(context.faces(source), identity)
            lost = {"the source's own frames": float(cosines(known, known).mean())}
            lost |= _measure_stages(context, model, target.test[0], known, identity)
            found[row_name(source_name, target_name).removeprefix("swap-")] = lost
    names = list(next(iter(found.values())))
    figures = [Figure(f"{name}, least of the directions", min(lost[name] for lost in found.values())) for name in names]
    columns = {way: [f"{lost[name]:.3f}" for name in names] for way, lost in found.items()}
    notes = [f"cosine of SFace to the source's mean, every {EVERY}th frame"]
    return RowResult("Where likeness is lost", figures, columns, notes, {"cosines": found})


def _measure_stages(
    context: RowContext, folder: Path, clip: Path, known: np.ndarray, identity: IdentityModel
) -> dict[str, float]:
    import torch

    model = load_swap(folder, "cpu")
    seen: dict[str, list[float]] = {}

    def look(stage: str, picture: np.ndarray, landmarks: np.ndarray) -> None:
        seen.setdefault(stage, []).append(float(cosines(identity.embed(picture, landmarks), known)))

    with VideoReader(clip) as reader:
        rate = float(reader.info.rate or 25)
        swapper = Swapper(model, torch.device("cpu"), "fp32", rate)
        compositors = {stage: Compositor(settings) for stage, settings in FINISHES.items()}
        for item in analyze(iter(reader), Tracker(), rate=rate):
            context.cancel.check()
            for face in item.faces[:1]:
                plan = swapper.plan(face, item.frame.index)
                if plan is None:
                    continue
                inputs = swapper.prepare_inputs(item.frame.image, face, plan)
                made = swapper.render_faces([inputs])[0]
                finished = {
                    stage: compositor.compose(item.frame.image, made.picture, made.mask, made.matrix, item.frame.time)
                    for stage, compositor in compositors.items()
                }
                if item.frame.index % EVERY:
                    continue
                if inputs.prior is not None:
                    look("bent alone", _bytes(inputs.prior.picture), inputs.warper.target)
                look("after the network", _bytes(255 * made.picture), inputs.warper.target)
                there = apply_affine(invert_affine(made.matrix), inputs.warper.target)
                for stage, picture in finished.items():
                    look(stage, picture, there)
    return {stage: float(np.mean(values)) for stage, values in seen.items()}


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).astype(np.uint8)
