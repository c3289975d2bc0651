"""`effigie.heads.meta_train`: learning from many people what a face does, so that a new one needs few pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effigie import __version__
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
from effigie.heads.meta_learning.dataset import Example, ExampleMaker
from effigie.heads.meta_learning.identity_dataset import Gallery
from effigie.heads.meta_learning.stills import Motions
from effigie.heads.meta_learning.task import HeadsTask, LossWeights, Perceptual
from effigie.heads.presets import preset
from effigie.io.atomic import require_free, write_json
from effigie.io.locks import one_writer
from effigie.progress import Cancel, Progress, ProgressCallback, silent

if TYPE_CHECKING:
    pass

PATIENCE = 10  # looks at the held-out error without gain after which an unlimited run ends
HELD_OUT_EXAMPLES = 36
FEWEST = 4  # people; of fewer nothing can be learned about a new one


@dataclass(frozen=True)
class MetaReport:
    """What meta-learning did.

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


@one_writer("output")
def meta_train(
    faces: Sequence[str | Path],
    output: str | Path,
    settings: MetaSettings | None = None,
    *,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
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
        Cancelled: asked to stop; the state is saved and the same call goes on.
    """
    from effigie.training import TrainingSettings
    from effigie.training import train as run
    from effigie.training.config import patience_of
    from effigie.training.device import seeded
    from effigie.training.process_group import joined

    settings, output = settings or MetaSettings(), Path(output)
    with joined() as world:
        size = preset(settings.preset)
        gallery = Gallery(faces, progress)
        learned, kept = divided(gallery, settings.held_out, settings.seed)
        people = len(gallery.identities)
        if world.leader:
            check_output(output, settings, people)
        progress(Progress("motions", 0, 1, "sets"))
        motions = Motions.of(gallery)
        maker = ExampleMaker(gallery, size.size, settings.most_shots, motions, settings.prior == "mesh")
        held_out = held_out_examples(gallery, maker, kept)
        with seeded(settings.seed):
            networks = Networks.build(size, settings.prior == "mesh", people)
        task = HeadsTask(
            networks,
            maker,
            {number: gallery.identities[number] for number in learned},
            settings.examples,
            held_out,
            loss_weights(settings),
            content_loss(settings.content),
            critic_rate=settings.critic_rate,
            paired=settings.paired,
        )
        if world.leader:
            save_config(output, size, settings.prior == "mesh", people)
            if motions is not None:
                save_motions(output, motions)
        result = run(
            task,
            output,
            TrainingSettings(
                minutes=settings.minutes,
                steps=settings.steps,
                patience=patience_of(settings.minutes, settings.steps, PATIENCE),
                learning_rate=settings.rate,
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
        if world.leader:
            save_averaged(output, networks)
        report = MetaReport(
            output,
            (len(learned), len(kept)),
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
        if world.leader:
            _write_manifest(output, settings, gallery, report)
        return report


def divided(gallery: Gallery, held_out: float, seed: int) -> tuple[list[int], list[int]]:
    """Numbers of the identities to learn from and of those kept out: of the filmed and the photographed alike."""
    random = np.random.default_rng(seed)
    kept: list[int] = []
    for filmed in (True, False):
        numbers = [n for n, identity in enumerate(gallery.identities) if identity.filmed == filmed]
        if len(numbers) >= FEWEST:
            count = max(1, round(held_out * len(numbers)))
            kept += random.choice(numbers, count, replace=False).tolist()
    learned = [number for number in range(len(gallery.identities)) if number not in set(kept)]
    if len(learned) < FEWEST or not kept:
        raise FaceSetError(
            f"only {len(gallery.identities)} people: meta-learning needs {FEWEST + 1} or more, best hundreds; "
            "extract more clips, or a folder of portraits with --stills"
        )
    return learned, sorted(kept)


def held_out_examples(gallery: Gallery, maker: ExampleMaker, kept: Sequence[int]) -> list[Example]:
    """Moments of people that are never trained on, each made from one shot; the same in every run."""
    random = np.random.default_rng(0)
    return [maker.make(kept[number % len(kept)], random) for number in range(HELD_OUT_EXAMPLES)]


def loss_weights(settings: MetaSettings) -> LossWeights:
    """How much each term counts."""
    if settings.adversary == "none":
        return LossWeights(adversary=0, match=0)
    return LossWeights(match=settings.match)


def content_loss(kind: str) -> Perceptual | None:
    """The content loss by its name in the settings; None for ``none``.

    Raises:
        AssetError: its network cannot be fetched.
    """
    if kind == "none":
        return None
    from effigie.nn.perceptual import Content

    return Content(deepest=3, halve=True) if kind == "light" else Content()


def check_output(output: Path, settings: MetaSettings, people: int) -> None:
    """An existing model must be of the same shape; anything else in the way is not overwritten.

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
        require_free(output)


def save_averaged(output: Path, networks: Networks) -> None:
    """Export the averaged weights: the newest, for an adversary improves what the held-out error calls worse."""
    from effigie.training.export import averaged

    for name, tensors in averaged(output).items():
        networks.named()[name].load_state_dict(tensors)
    save_networks(output, networks.named())


def _write_manifest(output: Path, settings: MetaSettings, gallery: Gallery, report: MetaReport) -> None:
    sets = [
        {
            "clips": {name: info.sha256 for name, info in faceset.sources.items()},
            "faces": len(faceset),
            "consents": faceset.consents,
        }
        for faceset in gallery.facesets
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
