"""`effigie.heads.meta_train`: meta-learns talking heads from many people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effigie._version import __version__
from effigie.errors import FaceSetError, ModelError
from effigie.heads.checkpoint import (
    CONFIG,
    MANIFEST,
    Networks,
    load_config,
    save_config,
    save_motions,
    save_networks,
)
from effigie.heads.meta_learning.config import MetaSettings
from effigie.heads.meta_learning.dataset import ExampleSampler, HeadsExample
from effigie.heads.meta_learning.identity_dataset import IdentityDataset
from effigie.heads.meta_learning.motion_bank import MotionBank
from effigie.heads.meta_learning.task import HeadsTask, LossWeights, PerceptualDistance
from effigie.heads.presets import preset
from effigie.io.atomic_write import require_empty_folder, write_json
from effigie.io.locks import with_output_lock
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    pass

PATIENCE = 10  # evaluations of the held-out error without gain after which an unlimited run ends
HELD_OUT_EXAMPLES = 36
MIN_PEOPLE = 4  # people; of fewer nothing can be learned about a new one


@dataclass(frozen=True)
class MetaReport:
    """The result of meta-learning.

    Attributes:
        output: the model folder.
        people: trained on, and held out.
        steps, seconds: of all and of this call.
        examples_per_second: trained on.
        held_out_error: lowest 1 - SSIM in the face of people held out.
        improving: False once it has stopped improving.
        stopped_because: ``steps``, ``minutes`` or ``no improvement``.
        curve: rows of the held-out curve.
        notes: what went wrong and was put right.
        processes: how many trained together.
    """

    output: Path
    people: tuple[int, int]
    steps: int
    seconds: float
    examples_per_second: float
    held_out_error: float | None
    improving: bool
    stopped_because: str
    curve: list[Any]
    notes: tuple[str, ...]
    processes: int = 1


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
    from effigie.training import TrainingSettings
    from effigie.training import train as run
    from effigie.training.config import default_patience
    from effigie.training.device import isolate_rng
    from effigie.training.process_group import join_process_group

    settings, output = settings or MetaSettings(), Path(output)
    with join_process_group() as process_group:
        size = preset(settings.preset)
        dataset = IdentityDataset(faces, progress)
        training, validation = split_identities(dataset, settings.held_out, settings.seed)
        people = len(dataset.identities)
        if process_group.is_leader:
            check_output(output, settings, people)
        progress(Progress("motions", 0, 1, "sets"))
        motions = MotionBank.from_dataset(dataset)
        sampler = ExampleSampler(dataset, size.size, settings.max_shots, motions, settings.prior == "mesh")
        held_out = sample_held_out(dataset, sampler, validation)
        with isolate_rng(settings.seed):
            networks = Networks.build(size, settings.prior == "mesh", people)
        task = HeadsTask(
            networks,
            sampler,
            {number: dataset.identities[number] for number in training},
            settings.examples,
            held_out,
            loss_weights(settings),
            build_perceptual_loss(settings.content),
            discriminator_learning_rate=settings.discriminator_learning_rate,
            paired=settings.paired,
        )
        if process_group.is_leader:
            save_config(output, size, settings.prior == "mesh", people)
            if motions is not None:
                save_motions(output, motions)
        result = run(
            task,
            output,
            TrainingSettings(
                minutes=settings.minutes,
                steps=settings.steps,
                patience=default_patience(settings.minutes, settings.steps, PATIENCE),
                learning_rate=settings.generator_learning_rate,
                betas=(0.0, 0.999),
                ema_decay=0.998,
                clip_gradient=None,
                precision=settings.precision,
                device=settings.device,
                seed=settings.seed,
            ),
            progress,
            cancel,
            callback,
        )
        if process_group.is_leader:
            save_averaged(output, networks)
        report = MetaReport(
            output,
            (len(training), len(validation)),
            result.steps,
            result.seconds,
            result.steps_per_second * settings.examples,
            result.best_error,
            result.plateau.improving,
            result.stopped_because,
            result.curve,
            result.notes,
            result.processes,
        )
        if process_group.is_leader:
            _write_manifest(output, settings, dataset, report)
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


def sample_held_out(
    dataset: IdentityDataset, sampler: ExampleSampler, validation: Sequence[int]
) -> list[HeadsExample]:
    """Examples of held-out people, each made from one shot; the same in every run."""
    random = np.random.default_rng(0)
    return [
        sampler.sample(validation[number % len(validation)], random) for number in range(HELD_OUT_EXAMPLES)
    ]


def loss_weights(settings: MetaSettings) -> LossWeights:
    """The loss weights for some settings."""
    if settings.adversary == "none":
        return LossWeights(adversary=0, match=0)
    return LossWeights(match=settings.match)


def build_perceptual_loss(kind: str) -> PerceptualDistance | None:
    """The content loss by its name in the settings; None for ``none``.

    Raises:
        AssetError: its network cannot be fetched.
    """
    if kind == "none":
        return None
    from effigie.nn.perceptual import PerceptualLoss

    return PerceptualLoss(depth=3, halve=True) if kind == "light" else PerceptualLoss()


def check_output(output: Path, settings: MetaSettings, people: int) -> None:
    """Refuse an output folder that holds another model or anything else.

    Raises:
        ModelError: another model lies there.
        UsageError: something else does.
    """
    if (output / CONFIG).is_file():
        config = load_config(output)
        same = config["prior"] == (settings.prior == "mesh") and config["preset"] == asdict(
            preset(settings.preset)
        )
        if not same or config["people"] != people:
            raise ModelError(
                f"{output} holds a model of another preset, prior or other people: choose another folder"
            )
    else:
        require_empty_folder(output)


def save_averaged(output: Path, networks: Networks) -> None:
    """Export the averaged weights: the newest, for an adversary improves what the held-out error calls worse."""
    from effigie.training.export import load_ema_weights

    for name, tensors in load_ema_weights(output).items():
        networks.by_name()[name].load_state_dict(tensors)
    save_networks(output, networks.by_name())


def _write_manifest(
    output: Path, settings: MetaSettings, dataset: IdentityDataset, report: MetaReport
) -> None:
    sets = [
        {
            "clips": {name: info.sha256 for name, info in faceset.sources.items()},
            "faces": len(faceset),
            "consents": faceset.consents,
        }
        for faceset in dataset.facesets
    ]
    write_json(
        output / MANIFEST,
        {
            "effigie": __version__,
            "kind": "heads",
            "settings": asdict(settings),
            "trained_on": sets,
            "people": list(report.people),
            "steps": report.steps,
            "held_out_error": report.held_out_error,
            "notes": list(report.notes),
        },
    )
