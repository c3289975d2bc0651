"""`effigie.occlusion.train_occlusion`: trains the occlusion network on face sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import FaceSetError, UsageError
from effigie.execution.launch import read_rank_info
from effigie.faceset import FaceSet
from effigie.io.locks import with_output_lock
from effigie.occlusion.checkpoint import load_config, save_config, save_occlusion
from effigie.occlusion.config import OcclusionSettings
from effigie.occlusion.dataset import OcclusionExample, OcclusionSampler, UncoveredFace, load_uncovered_faces
from effigie.occlusion.network import OcclusionNet
from effigie.occlusion.task import OcclusionTask
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.training.export import load_ema_weights
from effigie.training.model_folder import check_output
from effigie.training.trainer import TrainingReport, describe_facesets, fit, write_manifest

PATIENCE = 10  # evaluations of the held-out error without gain after which an unlimited run ends
HELD_OUT_EXAMPLES = 160
MIN_CLIPS = 4  # clips or pictures


@dataclass(frozen=True, kw_only=True)
class OcclusionReport(TrainingReport):
    """The result of occlusion training.

    Attributes:
        faces: trained on, held out, and left out because something covers them.
        held_out_error: lowest 1 - IoU, mean of what is seen and what is covered, on faces held out.
    """

    faces: tuple[int, int, int]
    held_out_error: float | None


@with_output_lock("output")
def train_occlusion(
    faces: Sequence[str | Path],
    output: str | Path,
    settings: OcclusionSettings | None = None,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    callback: Callable[[Any], None] | None = None,
) -> OcclusionReport:
    """Train the occlusion network on face sets of many people, filmed or photographed.

    A folder that holds a half-trained model is trained further; ``minutes`` then counts anew. No consent is asked for:
    the result shows nobody. Faces with glasses are left out, and hair that cannot be told from skin counts as unknown.

    Args:
        faces: face sets.
        output: the model's folder.
        callback: called after every step with a :class:`effigie.training.StepReport`.

    Raises:
        FaceSetError: one cannot be read, or too few faces are in them.
        ModelError, UsageError: ``output`` holds something else; or several processes were started.
        CancelledError: asked to stop; the state is saved and the same call goes on.
    """
    if read_rank_info(os.environ).size > 1:
        raise UsageError("the occlusion network is small: train it on one device, without torchrun")
    settings, output = settings or OcclusionSettings(), Path(output)
    check_output(output, load_config)
    uncovered_faces, left_out = load_uncovered_faces(faces, progress, cancel)
    training_faces, test_faces = split_clips(uncovered_faces, settings.held_out, settings.seed)
    network = OcclusionNet()
    task = OcclusionTask(network, OcclusionSampler(training_faces), settings.batch, sample_held_out(test_faces))
    save_config(output, network)

    def save(step: int, **values: Any) -> None:
        """Write weights and manifest."""
        network.load_state_dict(load_ema_weights(output)["occlusion"])
        save_occlusion(output, network)
        write_manifest(
            output,
            "occlusion",
            settings,
            trained_on=describe_facesets(map(FaceSet.open, faces)),
            faces=[len(training_faces), len(test_faces), left_out],
            steps=step,
            **values,
        )

    result = fit(
        task,
        output,
        settings,
        PATIENCE,
        progress,
        cancel,
        callback,
        save,
        learning_rate=settings.learning_rate,
        weight_decay=1e-4,
        threads=settings.threads,
    )
    report = OcclusionReport.from_result(
        output, result, faces=(len(training_faces), len(test_faces), left_out), held_out_error=result.best_error
    )
    return report


def split_clips(
    faces: Sequence[UncoveredFace], held_out: float, seed: int
) -> tuple[list[UncoveredFace], list[UncoveredFace]]:
    """Faces to learn from and those kept out, by whole clips."""
    clips = sorted({face.clip for face in faces})
    if len(clips) < MIN_CLIPS:
        raise FaceSetError(f"only {len(clips)} clips or pictures are fit to learn from: {MIN_CLIPS} or more are needed")
    count = max(1, round(held_out * len(clips)))
    test_clips = set(np.random.default_rng(seed).choice(clips, count, replace=False).tolist())
    return [face for face in faces if face.clip not in test_clips], [face for face in faces if face.clip in test_clips]


def sample_held_out(faces: Sequence[UncoveredFace]) -> list[OcclusionExample]:
    """The held-out examples, the same in every run."""
    sampler, random = OcclusionSampler(faces), np.random.default_rng(0)
    return [sampler.sample(random) for _ in range(HELD_OUT_EXAMPLES)]
