"""Training of a swap: two face sets in, a model folder out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effigie._version import __version__
from effigie.consent.face_matching import SubjectFaces
from effigie.consent.gate import ConsentLike, Permit, permit, save_consents
from effigie.errors import FaceSetError, ModelError
from effigie.faceset import FaceSet
from effigie.io.atomic_write import discard, require_empty_folder, sha256, write_json
from effigie.io.locks import with_output_lock
from effigie.io.stored_names import to_stored
from effigie.prior.frame_bank import FrameBank, compute_features, select_frames
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.swap.auxiliary_losses import AuxiliaryLosses
from effigie.swap.checkpoint import build_network, compute_penalty, load_config, save_bank, save_config
from effigie.swap.checkpoint_paths import BANK, CONFIG, MANIFEST, WEIGHTS
from effigie.swap.config import SwapSettings
from effigie.swap.dataset import SwapDataset
from effigie.swap.identity_loss import IdentityLoss
from effigie.swap.loss_weights import SwapLossWeights
from effigie.swap.person_frames import PersonFrames, load_person_frames
from effigie.swap.presets import get_preset
from effigie.swap.task import SwapTask
from effigie.training.device import isolate_rng

if TYPE_CHECKING:
    from effigie.training.best_checkpoint import BestCheckpoint
    from effigie.training.monitor.progress_summary import ProgressSummary

MAX_CANDIDATES = 1000  # source frames looked at closely for the bank
PATIENCE = 6  # looks at the held-out error without gain after which an unlimited run ends


@dataclass(frozen=True)
class TrainReport:
    """Report of a training run.

    Attributes:
        output: the model folder.
        steps, seconds: of all and of this call.
        images_per_second: pictures trained on a second, both people together.
        held_out_error: 1 - SSIM in the face mask on held-out frames, of the weights that the model has.
        improving: False once it has stopped improving.
        best: when those weights were evaluated; None where the newest are taken.
        progress_summary: the newest held-out error by regions, and how long until another percent is gained.
        stopped_because: ``steps``, ``minutes`` or ``no improvement``.
        curve: rows of the held-out curve.
        notes: what went wrong and was put right.
        processes: world size.
    """

    output: Path
    steps: int
    seconds: float
    images_per_second: float
    held_out_error: float | None
    improving: bool
    best: BestCheckpoint | None
    progress_summary: ProgressSummary
    stopped_because: str
    curve: list[Any]
    notes: tuple[str, ...]
    processes: int = 1


@dataclass(frozen=True)
class TrainingSetup:
    """Training data, ready for a network: a factory of the task, the people's frames, the rows of the source's bank."""

    task: Callable[[Any], SwapTask]
    footages: dict[str, PersonFrames]
    bank_rows: np.ndarray


@with_output_lock("output")
def train(
    source: str | Path,
    target: str | Path,
    output: str | Path,
    settings: SwapSettings | None = None,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
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
        purpose: what the model is for, where a record is limited to one purpose.
        callback: called after every step with a :class:`effigie.training.StepReport`.

    Raises:
        RefusedError: no valid consent for the source's face.
        FaceSetError: missing, mixed people and none chosen, too few faces.
        ModelError: ``output`` holds another model.
        CancelledError: asked to stop; the state is saved and the same call goes on.
    """
    from effigie.training import TrainingSettings, export
    from effigie.training import train as run
    from effigie.training.config import default_patience
    from effigie.training.process_group import join_process_group

    settings, output = settings or SwapSettings(), Path(output)
    with join_process_group() as world:
        size = get_preset(settings.preset)
        if world.is_leader:
            _check_output(output, settings)
        footages = load_people(source, target, settings, progress)
        permission = _permission(footages["source"], consent, purpose)
        prepared = prepare_training(footages, settings, progress)
        if world.is_leader:
            people = footages["source"].person, footages["target"].person
            save_config(output, size, settings.prior == "mesh", *people)
            save_consents(output, permission)
            if not _has_bank(output / BANK):
                discard(output / BANK)  # begun, never finished
                progress(Progress("keep source frames", 0, 1, "sets"))
                save_bank(output / BANK, footages["source"], prepared.bank_rows, FaceSet.open(source))
        with isolate_rng(settings.seed):
            task = prepared.task(build_network(size, settings.prior == "mesh"))
        batch = settings.batch or size.batch
        result = run(
            task,
            output,
            TrainingSettings(
                minutes=settings.minutes,
                steps=settings.steps,
                patience=default_patience(settings.minutes, settings.steps, PATIENCE),
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
        if world.is_leader:
            export(output, "fp16", ("swap",))  # the discriminator has done its work
        report = TrainReport(
            output,
            result.steps,
            result.seconds,
            result.steps_per_second * batch,
            result.best_error if result.best is None else result.best.error,
            result.plateau.improving,
            result.best,
            result.progress_summary,
            result.stopped_because,
            result.curve,
            result.notes,
            result.processes,
        )
        if world.is_leader:
            _write_manifest(output, settings, Path(source), Path(target), report, permission)
        return report


def _permission(footage: PersonFrames, consent: ConsentLike, purpose: str | None) -> Permit:
    return permit("swap", SubjectFaces.from_faces(footage.faces), consent, purpose=purpose)


def load_people(
    source: str | Path,
    target: str | Path,
    settings: SwapSettings,
    progress: ProgressCallback = ignore_progress,
) -> dict[str, PersonFrames]:
    """Load the frames of ``source`` and ``target``."""
    footages = {}
    for number, (role, path, person) in enumerate(
        (("source", source, settings.source_person), ("target", target, settings.target_person))
    ):
        progress(Progress("load faces", number, 2, "face sets", str(path)))
        footages[role] = load_person_frames(str(path), role, person, settings.held_out)
    progress(Progress("load faces", 2, 2, "face sets"))
    return footages


def prepare_training(
    footages: dict[str, PersonFrames],
    settings: SwapSettings,
    progress: ProgressCallback = ignore_progress,
    shares: SwapLossWeights | None = None,
) -> TrainingSetup:
    """Select the banks' frames, and set up the datasets to train on.

    Args:
        shares: of the auxiliary losses; None takes those of the settings.
    """
    size = get_preset(settings.preset).size
    shapes = {role: footage.person.shape for role, footage in footages.items()}
    datasets, rows = {}, {}
    for number, (role, footage) in enumerate(footages.items()):
        progress(Progress("choose frames", number, 2, "people", role))
        other = shapes["target" if role == "source" else "source"]
        bank, rows[role] = build_bank(footage, settings.bank)
        found = compute_features(footage.geometries, footage.faces["blendshapes"], footage.person)
        datasets[role] = SwapDataset(
            footage, bank, rows[role], found, other - shapes[role], size, settings.prior == "mesh"
        )
    progress(Progress("choose frames", 2, 2, "people"))
    batch = settings.batch or get_preset(settings.preset).batch
    with isolate_rng(settings.seed):
        auxiliary_losses = _build_auxiliary_losses(shares or settings.shares, datasets["source"])
    return TrainingSetup(
        lambda network: SwapTask(network, datasets, batch, auxiliary_losses=auxiliary_losses),
        footages,
        rows["source"],
    )


def _build_auxiliary_losses(shares: SwapLossWeights, source: SwapDataset) -> AuxiliaryLosses:
    """The auxiliary losses of these shares, with the networks that they need fetched."""
    perceptual_loss = None
    if shares.perceptual:
        from effigie.nn.perceptual import PerceptualLoss

        perceptual_loss = PerceptualLoss()
    return AuxiliaryLosses(shares, IdentityLoss(source) if shares.identity else None, perceptual_loss)


def build_bank(footage: PersonFrames, max_frames: int) -> tuple[FrameBank, np.ndarray]:
    """Build a bank of a person's best and most different training frames; also their footage rows."""
    rows = footage.training
    rows = rows[np.linspace(0, len(rows) - 1, min(MAX_CANDIDATES, len(rows))).astype(int)]
    geometries = [footage.geometries[row] for row in rows]
    penalty = compute_penalty(
        lambda i: footage.crop(int(rows[i])), geometries, footage.person, footage.faces["sharpness"][rows]
    )
    found = compute_features(geometries, footage.faces["blendshapes"][rows], footage.person)
    kept = select_frames(found, penalty, max_frames)
    chosen = rows[kept]
    bank = FrameBank(
        lambda i: footage.crop(int(chosen[i])), [geometries[i] for i in kept], found[kept], penalty[kept]
    )
    return bank, chosen


def _has_bank(path: Path) -> bool:
    try:
        return len(FaceSet.open(path)) > 0
    except FaceSetError:
        return False


def _check_output(output: Path, settings: SwapSettings) -> None:
    """Check that the output is empty or holds a model of the same preset and prior."""
    if (output / CONFIG).is_file():
        config = load_config(output)
        same = config["prior"] == (settings.prior == "mesh") and config["preset"] == asdict(
            get_preset(settings.preset)
        )
        if not same:
            raise ModelError(f"{output} holds a model of another preset or prior: choose another folder")
    else:
        require_empty_folder(output)


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
            "settings": to_stored(settings),
            "consents": list(permission.ids),
            "trained_on": sets,
            "weights_sha256": sha256(output / WEIGHTS),
            "steps": report.steps,
            "held_out_error": report.held_out_error,
            "best_step": None if report.best is None else report.best.step,
            "notes": list(report.notes),
        },
    )
