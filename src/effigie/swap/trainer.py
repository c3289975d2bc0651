"""`effigie.swap.train`: two face sets in, a model out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effigie import __version__
from effigie.consent.gate import ConsentLike, Permit, permit, save_consents
from effigie.consent.subject_faces import ShownFaces
from effigie.errors import FaceSetError, ModelError
from effigie.faceset import FaceSet
from effigie.io.atomic import discard, require_free, sha256, write_json
from effigie.io.locks import one_writer
from effigie.prior.frame_bank import choose, features
from effigie.prior.render import Bank
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.swap.auxiliary_losses import Teachers
from effigie.swap.checkpoint import build_network, load_config, poorness, save_bank, save_description
from effigie.swap.checkpoint_paths import BANK, CONFIG, MANIFEST, WEIGHTS
from effigie.swap.config import SwapSettings
from effigie.swap.dataset import Studio
from effigie.swap.identity_loss import Likeness
from effigie.swap.loss_weights import Shares
from effigie.swap.person_frames import Footage, load_footage
from effigie.swap.presets import preset
from effigie.swap.task import SwapTask
from effigie.training.device import seeded

if TYPE_CHECKING:
    from effigie.training.best_checkpoint import Best
    from effigie.training.monitor.progress_summary import Standing

CANDIDATES = 1000  # source frames looked at closely for the bank
PATIENCE = 6  # looks at the held-out error without gain after which an unlimited run ends


@dataclass(frozen=True)
class TrainReport:
    """What training did.

    Attributes:
        output: the model folder.
        steps, seconds: of all and of this call.
        images_per_second: pictures trained on a second, both people together.
        held_out_error: 1 - SSIM in the face mask on held-out frames, of the weights that the model has.
        improving: False once it has stopped improving.
        best: when those weights were evaluated; None where the newest are taken.
        standing: the newest held-out error by regions, and how long until another percent is gained.
        stopped_because: ``steps``, ``minutes`` or ``no improvement``.
        curve: rows of the held-out curve.
        notes: what went wrong and was put right.
        processes: how many trained together.
    """

    output: Path
    steps: int
    seconds: float
    images_per_second: float
    held_out_error: float | None
    improving: bool
    best: Best | None
    standing: Standing
    stopped_because: str
    curve: list[Any]
    notes: tuple[str, ...]
    processes: int = 1


@dataclass(frozen=True)
class Prepared:
    """Everything that the networks are trained on, before there are any networks."""

    task: Callable[[Any], SwapTask]
    footages: dict[str, Footage]
    bank_rows: np.ndarray


@one_writer("output")
def train(
    source: str | Path,
    target: str | Path,
    output: str | Path,
    settings: SwapSettings | None = None,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
    callback: Callable[[Any], None] | None = None,
) -> TrainReport:
    """Learn to put the source's face into the target's footage.

    A folder that holds a half-trained model of the same settings is trained further; ``minutes`` then counts anew.
    Of several processes that train together (torchrun, ``--devices``) the first alone needs and writes ``output``.

    Args:
        source: face set of the person whose face will be shown.
        target: face set of the person in the footage.
        output: the model's folder.
        consent: records (files or ids) of the source; None looks for one that fits in the stores.
        project: what the model is for, where a record is limited to a project.
        callback: called after every step with a :class:`effigie.training.StepReport`.

    Raises:
        RefusedError: no valid consent for the source's face.
        FaceSetError: missing, mixed people and none chosen, too few faces.
        ModelError: ``output`` holds another model.
        Cancelled: asked to stop; the state is saved and the same call goes on.
    """
    from effigie.training import TrainingSettings, export
    from effigie.training import train as run
    from effigie.training.config import patience_of
    from effigie.training.process_group import joined

    settings, output = settings or SwapSettings(), Path(output)
    with joined() as world:
        size = preset(settings.preset)
        if world.leader:
            _check_output(output, settings)
        footages = load_people(source, target, settings, progress)
        permission = _permission(footages["source"], consent, project)
        prepared = prepare(footages, settings, progress)
        if world.leader:
            people = footages["source"].person, footages["target"].person
            save_description(output, size, settings.prior == "mesh", *people)
            save_consents(output, permission)
            if not _has_bank(output / BANK):
                discard(output / BANK)  # begun, never finished
                progress(Progress("keep source frames", 0, 1, "sets"))
                save_bank(output / BANK, footages["source"], prepared.bank_rows, FaceSet.open(source))
        with seeded(settings.seed):
            task = prepared.task(build_network(size, settings.prior == "mesh"))
        batch = settings.batch or size.batch
        result = run(
            task,
            output,
            TrainingSettings(
                minutes=settings.minutes,
                steps=settings.steps,
                patience=patience_of(settings.minutes, settings.steps, PATIENCE),
                learning_rate=settings.learning_rate,
                betas=(0.5, 0.99),
                ema_decay=0.995,
                # SSIM, by which weights are compared, prefers what an adversary sharpens as it was before.
                keep_best=not settings.shares.adversary,
                precision=settings.precision,
                device=settings.device,
                seed=settings.seed,
            ),
            progress,
            cancel,
            callback,
        )
        if world.leader:
            export(output, "fp16", ("swap",))  # the critic has done its work
        report = TrainReport(
            output,
            result.steps,
            result.seconds,
            result.steps_per_second * batch,
            result.best_error if result.best is None else result.best.error,
            result.plateau.improving,
            result.best,
            result.standing,
            result.stopped_because,
            result.curve,
            result.notes,
            result.processes,
        )
        if world.leader:
            _write_manifest(output, settings, Path(source), Path(target), report, permission)
        return report


def _permission(footage: Footage, consent: ConsentLike, project: str | None) -> Permit:
    return permit("swap", ShownFaces.of(footage.faces), consent, project=project)


def load_people(
    source: str | Path, target: str | Path, settings: SwapSettings, progress: ProgressCallback = silent
) -> dict[str, Footage]:
    """The frames of ``source`` and ``target``."""
    footages = {}
    for number, (role, path, who) in enumerate(
        (("source", source, settings.source_who), ("target", target, settings.target_who))
    ):
        progress(Progress("load faces", number, 2, "face sets", str(path)))
        footages[role] = load_footage(str(path), role, who, settings.held_out)
    progress(Progress("load faces", 2, 2, "face sets"))
    return footages


def prepare(
    footages: dict[str, Footage],
    settings: SwapSettings,
    progress: ProgressCallback = silent,
    shares: Shares | None = None,
) -> Prepared:
    """Choose the bank, and set up the pictures to train on.

    Args:
        shares: of the teachers; None takes those of the settings.
    """
    size = preset(settings.preset).size
    shapes = {role: footage.person.shape for role, footage in footages.items()}
    studios, rows = {}, {}
    for number, (role, footage) in enumerate(footages.items()):
        progress(Progress("choose frames", number, 2, "people", role))
        other = shapes["target" if role == "source" else "source"]
        bank, rows[role] = make_bank(footage, settings.bank)
        found = features(footage.geometries, footage.faces["blendshapes"], footage.person)
        studios[role] = Studio(
            footage, bank, rows[role], found, other - shapes[role], size, settings.prior == "mesh"
        )
    progress(Progress("choose frames", 2, 2, "people"))
    batch = settings.batch or preset(settings.preset).batch
    with seeded(settings.seed):
        teachers = _teachers(shares or settings.shares, studios["source"])
    return Prepared(
        lambda network: SwapTask(network, studios, batch, teachers=teachers), footages, rows["source"]
    )


def _teachers(shares: Shares, source: Studio) -> Teachers:
    """Fetches what they need."""
    content = None
    if shares.perceptual:
        from effigie.nn.perceptual import Content

        content = Content()
    return Teachers(shares, Likeness(source) if shares.identity else None, content)


def make_bank(footage: Footage, most: int) -> tuple[Bank, np.ndarray]:
    """A bank of a person's best and most different training frames, and their footage rows."""
    rows = footage.training
    rows = rows[np.linspace(0, len(rows) - 1, min(CANDIDATES, len(rows))).astype(int)]
    geometries = [footage.geometries[row] for row in rows]
    penalty = poorness(
        lambda i: footage.crop(int(rows[i])), geometries, footage.person, footage.faces["sharpness"][rows]
    )
    found = features(geometries, footage.faces["blendshapes"][rows], footage.person)
    kept = choose(found, penalty, most)
    chosen = rows[kept]
    bank = Bank(
        lambda i: footage.crop(int(chosen[i])), [geometries[i] for i in kept], found[kept], penalty[kept]
    )
    return bank, chosen


def _has_bank(path: Path) -> bool:
    try:
        return len(FaceSet.open(path)) > 0
    except FaceSetError:
        return False


def _check_output(output: Path, settings: SwapSettings) -> None:
    """An existing model must be of the same shape; anything else in the way is not overwritten."""
    if (output / CONFIG).is_file():
        config = load_config(output)
        same = config["prior"] == (settings.prior == "mesh") and config["preset"] == asdict(
            preset(settings.preset)
        )
        if not same:
            raise ModelError(f"{output} holds a model of another preset or prior: choose another folder")
    else:
        require_free(output)


def _write_manifest(
    output: Path,
    settings: SwapSettings,
    source: Path,
    target: Path,
    report: TrainReport,
    permission: Permit,
) -> None:
    sets = {}
    for role, path in (("source", source), ("target", target)):
        faceset = FaceSet.open(path)
        sets[role] = {
            "clips": {name: info.sha256 for name, info in faceset.sources.items()},
            "faces": len(faceset),
            "consents": faceset.consents,
        }
    write_json(
        output / MANIFEST,
        {
            "effigie": __version__,
            "kind": "swap",
            "settings": asdict(settings),
            "consents": list(permission.ids),
            "trained_on": sets,
            "weights_sha256": sha256(output / WEIGHTS),
            "steps": report.steps,
            "held_out_error": report.held_out_error,
            "best_step": None if report.best is None else report.best.step,
            "notes": list(report.notes),
        },
    )
