"""Row: held-out error after equal minutes of training, beside the textbook autoencoder."""

from __future__ import annotations

import json
import time

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.face_error import face_error
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.textbook import TextbookNet, TextbookTask, train_textbook
from effigie.evaluate.report.figures import Figure
from effigie.faces.mask import face_mask
from effigie.io.atomic_write import write_json
from effigie.nn.images import to_float
from effigie.progress import Progress
from effigie.swap.checkpoint import load_swap
from effigie.swap.config import SwapSettings
from effigie.swap.person_frames import PersonFrames
from effigie.swap.presets import get_preset
from effigie.swap.trainer import TrainingSetup, load_people, prepare_training
from effigie.training import choose_device
from effigie.training.device import configure_backend

MINUTES = 3.0
MOST = 100  # held-out frames of each person


def training_quality(context: RowContext) -> RowResult:
    """1 - SSIM within the face on frames that neither network was trained on, both people's mean."""
    source, target = map(context.material.actor, context.material.pairs()[0])
    minutes = 0.5 if context.quick else MINUTES
    model, trained = context.model(source, target, "training-quality", preset="tiny", prior="none", minutes=minutes)
    faces = context.faces(source), context.faces(target)
    size = get_preset("tiny")
    settings = SwapSettings(preset="tiny", prior="none")
    prepared = prepare_training(load_people(*faces, settings, context.progress), settings, context.progress)
    device = choose_device()
    network = load_swap(model, str(device)).network
    assert network is not None
    ours = held_out_error(network, prepared, size.size)
    textbook = _textbook(prepared, minutes, size.size, context)
    theirs = textbook["error"]
    figures = [
        Figure("held-out face error, over the textbook's", ours / theirs, "", at_most=0.7),
        Figure("effigie, tiny, --prior none", ours, "1 - SSIM"),
        Figure("textbook autoencoder of 2017", theirs, "1 - SSIM"),
    ]
    notes = [
        f"{minutes:g} minutes each: {trained['steps']} steps of {size.batch} pictures against "
        f"{textbook['steps']}; "
        f"{source.name} and {target.name}"
    ]
    return RowResult("Training quality, --prior none", figures, notes=notes, details={"textbook": textbook})


def _textbook(prepared: TrainingSetup, minutes: float, size: int, context: RowContext) -> dict[str, float]:
    """Train the textbook's network for so long, once: what came of it is kept for a rerun."""
    done = context.work / "training-quality" / "textbook.json"
    if done.is_file():
        record = json.loads(done.read_text(encoding="utf-8"))
        if record["minutes"] == minutes:
            return record
    device = choose_device()
    torch.manual_seed(0)
    network = TextbookNet(size).to(device)
    task = TextbookTask(prepared.task(network), network)
    begun = time.perf_counter()

    def keep_going(step: int) -> bool:
        context.cancel.check()
        passed = (time.perf_counter() - begun) / 60
        context.progress(Progress("train the textbook's network", min(passed, minutes), minutes, "min", f"step {step}"))
        return passed < minutes

    with configure_backend(device, None):
        steps = train_textbook(task, network, keep_going)
    record = {"minutes": minutes, "steps": steps, "error": held_out_error(network.eval(), prepared, size)}
    write_json(done, record)
    return record


def held_out_error(network: nn.Module, prepared: TrainingSetup, size: int) -> float:
    """Mean of :func:`face_error` over both people's held-out frames, each restored by its own decoder."""
    people = []
    device = next(network.parameters()).device
    for person, footage in prepared.footages.items():
        errors = []
        for picture, mask in held_out(footage, size):
            given = to_float(torch.from_numpy(picture[None])).to(device)
            with torch.inference_mode():
                made = network(given, None, person).picture[0].float().cpu().permute(1, 2, 0).numpy()
            errors.append(face_error(made, picture / 255.0, mask))
        people.append(float(np.mean(errors)))
    return float(np.mean(people))


def held_out(footage: PersonFrames, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures (S, S, 3) uint8 and face masks (S, S) of a person's held-out frames, evenly over them."""
    rows = footage.held_out
    rows = rows[np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int)]
    scale = size / footage.faces.crop_size
    found = []
    for row in rows:
        picture = cv2.resize(footage.crop(int(row)), (size, size), interpolation=cv2.INTER_AREA)
        landmarks = (footage.geometries[row].landmarks[:, :2] + 0.5) * scale - 0.5
        found.append((picture, face_mask(landmarks, size, size)))
    return found
