"""`effigie.pretrain`: learns from many people what training of a swap can start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import FaceSetError
from effigie.faceset import FaceSet
from effigie.io.locks import with_output_lock
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.swap.presets import get_preset
from effigie.swap.pretraining.checkpoint import build_pretrained_network, load_config, save_config
from effigie.swap.pretraining.config import PretrainSettings
from effigie.swap.pretraining.dataset import PeopleDataset
from effigie.swap.pretraining.task import PretrainingTask
from effigie.training import export
from effigie.training.device import isolate_rng
from effigie.training.model_folder import check_output
from effigie.training.process_group import join_process_group
from effigie.training.trainer import TrainingReport, describe_facesets, fit, write_manifest

PATIENCE = 10  # evaluations of the held-out error without gain after which an unlimited run ends
MIN_PEOPLE = 4  # of fewer nothing can be learned about a new one


@dataclass(frozen=True, kw_only=True)
class PretrainReport(TrainingReport):
    """The result of pretraining.

    Attributes:
        people: trained on, and held out.
        examples_per_second: trained on.
        held_out_error: lowest 1 - SSIM in the face of people held out.
    """

    people: tuple[int, int]
    examples_per_second: float
    held_out_error: float | None


@with_output_lock("output")
def pretrain(
    faces: Sequence[str | Path],
    output: str | Path,
    settings: PretrainSettings | None = None,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    callback: Callable[[Any], None] | None = None,
) -> PretrainReport:
    """Learn from many people what is the same for everybody, for ``train`` to start from.

    A folder that holds a half-trained model of the same preset is trained further; ``minutes`` then counts anew. No
    consent is asked for: the result shows nobody until it is trained on somebody.

    Args:
        faces: face sets; everybody with two faces or more counts.
        output: the model's folder.
        callback: called after every step with a :class:`effigie.training.StepReport`.

    Raises:
        FaceSetError: one cannot be read, or too few people are in them.
        ModelError: ``output`` holds another model.
        CancelledError: asked to stop; the state is saved and the same call goes on.
    """
    settings, output = settings or PretrainSettings(), Path(output)
    preset = get_preset(settings.preset)
    with join_process_group() as world:
        if world.is_leader:
            check_output(output, load_config, {"preset": asdict(preset)}, "another preset")
        dataset = PeopleDataset.load(faces, preset.size, progress)
        training, held_out = split_people(dataset, settings.held_out, settings.seed)
        with isolate_rng(settings.seed):
            network = build_pretrained_network(preset)
        task = PretrainingTask(network, dataset, training, held_out, settings.examples)
        if world.is_leader:
            save_config(output, preset)

        def save(step: int, **values: Any) -> None:
            """Write weights and manifest."""
            export(output, "fp16")
            write_manifest(
                output,
                "swap start",
                settings,
                trained_on=describe_facesets(map(FaceSet.open, faces)),
                people=[len(training), len(held_out)],
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
            save if world.is_leader else None,
            learning_rate=settings.learning_rate,
            betas=(0.5, 0.99),
            ema_decay=0.998,
            keep_best=True,
        )
        report = PretrainReport.from_result(
            output,
            result,
            people=(len(training), len(held_out)),
            examples_per_second=result.steps_per_second * settings.examples,
            held_out_error=result.best_error,
        )
        return report


def split_people(dataset: PeopleDataset, held_out: float, seed: int) -> tuple[list[int], list[int]]:
    """Indices of the training and the held-out people, of the filmed and the photographed alike.

    Raises:
        FaceSetError: too few people.
    """
    random = np.random.default_rng(seed)
    held_out_people: list[int] = []
    for group in (dataset.filmed, dataset.photographed):
        if len(group) >= MIN_PEOPLE:
            held_out_people += random.choice(group, max(1, round(held_out * len(group))), replace=False).tolist()
    training = [person for person in range(len(dataset.people)) if person not in set(held_out_people)]
    if len(training) < MIN_PEOPLE or not held_out_people:
        raise FaceSetError(
            f"only {len(dataset.people)} people with two faces or more: pretraining needs {MIN_PEOPLE + 1}"
        )
    return training, sorted(held_out_people)
