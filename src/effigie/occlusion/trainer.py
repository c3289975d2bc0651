"""`effigie.occlusion.train_occlusion`: trains the occlusion network on face sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effigie._version import __version__
from effigie.errors import FaceSetError, ModelError, UsageError
from effigie.execution.launch import read_rank_info
from effigie.faceset import FaceSet
from effigie.io.atomic_write import require_empty_folder, write_json
from effigie.io.locks import with_output_lock
from effigie.occlusion.checkpoint import CONFIG, MANIFEST, load_occlusion, save_occlusion
from effigie.occlusion.config import OcclusionSettings
from effigie.occlusion.dataset import OcclusionExample, OcclusionSampler, UncoveredFace, load_uncovered_faces
from effigie.occlusion.network import OcclusionNet
from effigie.occlusion.task import OcclusionTask
from effigie.progress import CancelToken, ProgressCallback, ignore_progress

PATIENCE = 10  # evaluations of the held-out error without gain after which an unlimited run ends
HELD_OUT_EXAMPLES = 160
MIN_CLIPS = 4  # clips or pictures


@dataclass(frozen=True)
class OcclusionReport:
    """The result of occlusion training.

    Attributes:
        output: the model folder.
        faces: trained on, held out, and left out because something covers them.
        steps, seconds: of all and of this call.
        held_out_error: lowest 1 - IoU, mean of what is seen and what is covered, on faces held out.
        stopped_because: ``steps``, ``minutes`` or ``no improvement``.
        curve: rows of the held-out curve.
        notes: what went wrong and was put right.
    """

    output: Path
    faces: tuple[int, int, int]
    steps: int
    seconds: float
    held_out_error: float | None
    stopped_because: str
    curve: list[Any]
    notes: tuple[str, ...]


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
    from effigie.training import TrainingSettings
    from effigie.training import train as run
    from effigie.training.config import default_patience
    from effigie.training.export import load_ema_weights

    if read_rank_info(os.environ).size > 1:
        raise UsageError("the occlusion network is small: train it on one device, without torchrun")
    settings, output = settings or OcclusionSettings(), Path(output)
    check_output(output)
    found, left_out = load_uncovered_faces(faces, progress, cancel)
    learned, kept = split_clips(found, settings.held_out, settings.seed)
    network = OcclusionNet()
    task = OcclusionTask(network, OcclusionSampler(learned), settings.batch, sample_held_out(kept))
    write_json(output / CONFIG, {"version": 1, "kind": "occlusion", "widths": list(network.widths)})
    result = run(
        task,
        output,
        TrainingSettings(
            minutes=settings.minutes,
            steps=settings.steps,
            patience=default_patience(settings.minutes, settings.steps, PATIENCE),
            learning_rate=settings.learning_rate,
            weight_decay=1e-4,
            precision=settings.precision,
            device=settings.device,
            threads=settings.threads,
            seed=settings.seed,
        ),
        progress,
        cancel,
        callback,
    )
    network.load_state_dict(load_ema_weights(output)["occlusion"])
    save_occlusion(output, network)
    report = OcclusionReport(
        output,
        (len(learned), len(kept), left_out),
        result.steps,
        result.seconds,
        result.best_error,
        result.stopped_because,
        result.curve,
        result.notes,
    )
    _write_manifest(output, settings, faces, report)
    return report


def split_clips(
    faces: Sequence[UncoveredFace], held_out: float, seed: int
) -> tuple[list[UncoveredFace], list[UncoveredFace]]:
    """Faces to learn from and those kept out, by whole clips.

    Raises:
        FaceSetError: too few clips.
    """
    clips = sorted({face.clip for face in faces})
    if len(clips) < MIN_CLIPS:
        raise FaceSetError(
            f"only {len(clips)} clips or pictures are fit to learn from: {MIN_CLIPS} or more are needed"
        )
    count = max(1, round(held_out * len(clips)))
    kept = set(np.random.default_rng(seed).choice(clips, count, replace=False).tolist())
    return [face for face in faces if face.clip not in kept], [face for face in faces if face.clip in kept]


def sample_held_out(kept: Sequence[UncoveredFace]) -> list[OcclusionExample]:
    """The held-out examples, the same in every run."""
    sampler, random = OcclusionSampler(kept), np.random.default_rng(0)
    return [sampler.sample(random) for _ in range(HELD_OUT_EXAMPLES)]


def check_output(output: Path) -> None:
    """Refuse an output folder that holds anything but a model of this kind, which may be trained further.

    Raises:
        ModelError: another model lies there.
        UsageError: something else does.
    """
    if (output / CONFIG).is_file():
        try:
            load_occlusion(output)
        except ModelError as error:
            if "not trained yet" not in str(error):
                raise
    else:
        require_empty_folder(output)


def _write_manifest(
    output: Path, settings: OcclusionSettings, faces: Sequence[str | Path], report: OcclusionReport
) -> None:
    sets = [FaceSet.open(folder) for folder in faces]
    write_json(
        output / MANIFEST,
        {
            "effigie": __version__,
            "kind": "occlusion",
            "settings": asdict(settings),
            "trained_on": [
                {
                    "clips": {name: info.sha256 for name, info in faceset.sources.items()},
                    "faces": len(faceset),
                    "consents": faceset.consents,
                }
                for faceset in sets
            ],
            "faces": list(report.faces),
            "steps": report.steps,
            "held_out_error": report.held_out_error,
            "notes": list(report.notes),
        },
    )
