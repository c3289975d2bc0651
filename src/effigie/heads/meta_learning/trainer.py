"""`effigie.heads.meta_train`: meta-learns talking heads from many people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import FaceSetError
from effigie.heads.checkpoint import Networks, load_config, save_config, save_motions, save_networks
from effigie.heads.meta_learning.config import MetaSettings
from effigie.heads.meta_learning.dataset import ExampleSampler, HeadsExample
from effigie.heads.meta_learning.identity_dataset import IdentityDataset
from effigie.heads.meta_learning.motion_bank import MotionBank
from effigie.heads.meta_learning.task import HeadsTask, LossWeights, PerceptualDistance
from effigie.heads.presets import preset
from effigie.io.locks import with_output_lock
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.training.device import isolate_rng
from effigie.training.export import load_ema_weights
from effigie.training.model_folder import check_output
from effigie.training.process_group import join_process_group
from effigie.training.trainer import TrainingReport, describe_facesets, fit, write_manifest

PATIENCE = 10  # evaluations of the held-out error without gain after which an unlimited run ends
HELD_OUT_EXAMPLES = 36
MIN_PEOPLE = 4  # people; of fewer nothing can be learned about a new one


@dataclass(frozen=True, kw_only=True)
class MetaReport(TrainingReport):
    """The result of meta-learning.

    Attributes:
        people: trained on, and held out.
        examples_per_second: trained on.
        held_out_error: lowest 1 - SSIM in the face of people held out.
        improving: False once it has stopped improving.
    """

    people: tuple[int, int]
    examples_per_second: float
    held_out_error: float | None
    improving: bool


@with_output_lock("output")
def meta_train(
    faces: Sequence[str | Path],
    output: str | Path,
    settings: MetaSettings | None = None,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    callback: Callable[[Any], None] | None = None,
) -> MetaReport:
    """Learn talking heads from face sets of many people, filmed or photographed.

    A folder that holds a half-trained model of the same settings is trained further; ``minutes`` then counts anew.
    No consent is asked for: the result shows nobody until it is tuned to somebody or given a portrait. What the
    discriminator learned about single people is not exported. Of several processes that train together (torchrun,
    ``--devices``) the first alone needs and writes ``output``.

    Args:
        faces: face sets with crops of one size.
        output: the model's folder.
        callback: called after every step with a :class:`effigie.training.StepReport`.

    Raises:
        FaceSetError: one cannot be read, or too few people are in them.
        ModelError: ``output`` holds another model.
        CancelledError: asked to stop; the state is saved and the same call goes on.
    """
    settings, output = settings or MetaSettings(), Path(output)
    with join_process_group() as world:
        size, prior = preset(settings.preset), settings.prior == "mesh"
        dataset = IdentityDataset(faces, progress)
        training, validation = split_identities(dataset, settings.held_out, settings.seed)
        people = len(dataset.identities)
        if world.is_leader:
            config = {"prior": prior, "preset": asdict(size), "people": people}
            check_output(output, load_config, config, "another preset, prior or other people")
        progress(Progress("motions", 0, 1, "sets"))
        motions = MotionBank.from_dataset(dataset)
        sampler = ExampleSampler(dataset, size.size, settings.max_shots, motions, prior)
        held_out = sample_held_out(dataset, sampler, validation)
        with isolate_rng(settings.seed):
            networks = Networks.build(size, prior, people)
        without_adversary = settings.adversary == "none"
        task = HeadsTask(
            networks,
            sampler,
            {number: dataset.identities[number] for number in training},
            settings.examples,
            held_out,
            LossWeights(adversary=0, match=0) if without_adversary else LossWeights(match=settings.match),
            build_perceptual_loss(settings.content),
            discriminator_learning_rate=settings.discriminator_learning_rate,
            paired=settings.paired,
        )
        if world.is_leader:
            save_config(output, size, prior, people)
            if motions is not None:
                save_motions(output, motions)

        def save(step: int, **values: Any) -> None:
            """Write weights and manifest."""
            # The newest weights, for an adversary improves what the held-out error calls worse.
            for name, tensors in load_ema_weights(output).items():
                networks.by_name()[name].load_state_dict(tensors)
            save_networks(output, networks.by_name())
            write_manifest(
                output,
                "heads",
                settings,
                trained_on=describe_facesets(dataset.facesets),
                people=[len(training), len(validation)],
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
            learning_rate=settings.generator_learning_rate,
            betas=(0.0, 0.999),
            ema_decay=0.998,
            clip_gradient=None,
        )
        report = MetaReport.from_result(
            output,
            result,
            people=(len(training), len(validation)),
            examples_per_second=result.steps_per_second * settings.examples,
            held_out_error=result.best_error,
            improving=result.plateau.improving,
        )
        return report


def split_identities(dataset: IdentityDataset, held_out: float, seed: int) -> tuple[list[int], list[int]]:
    """Numbers of the training and the held-out identities, of the filmed and the photographed alike."""
    random = np.random.default_rng(seed)
    validation: list[int] = []
    for is_video in (True, False):
        numbers = [n for n, identity in enumerate(dataset.identities) if identity.is_video == is_video]
        if len(numbers) >= MIN_PEOPLE:
            count = max(1, round(held_out * len(numbers)))
            validation += random.choice(numbers, count, replace=False).tolist()
    training = [number for number in range(len(dataset.identities)) if number not in set(validation)]
    if len(training) < MIN_PEOPLE or not validation:
        raise FaceSetError(
            f"only {len(dataset.identities)} people: meta-learning needs {MIN_PEOPLE + 1} or more, best hundreds; "
            "extract more clips, or a folder of portraits with --stills"
        )
    return training, sorted(validation)


def sample_held_out(dataset: IdentityDataset, sampler: ExampleSampler, validation: Sequence[int]) -> list[HeadsExample]:
    """Examples of held-out people, each made from one shot; the same in every run."""
    random = np.random.default_rng(0)
    return [sampler.sample(validation[number % len(validation)], random) for number in range(HELD_OUT_EXAMPLES)]


def build_perceptual_loss(kind: str) -> PerceptualDistance | None:
    """The content loss by its name in the settings; None for ``none``."""
    if kind == "none":
        return None
    from effigie.nn.perceptual import PerceptualLoss

    return PerceptualLoss(depth=3, halve=True) if kind == "light" else PerceptualLoss()
