"""Training of a swap: two face sets in, a model folder out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from effigie.consent.face_matching import SubjectFaces
from effigie.consent.gate import ConsentLike, Permit, permit, save_consents
from effigie.faceset import FaceSet
from effigie.io.atomic_write import discard, sha256
from effigie.io.locks import with_output_lock
from effigie.prior.frame_bank import FrameBank, compute_features, select_frames
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress
from effigie.swap.auxiliary_losses import AuxiliaryLosses, IdentityLoss
from effigie.swap.checkpoint import build_network, load_config, load_profiles, match_stored_preset, save_config
from effigie.swap.checkpoint_paths import BANK, WEIGHTS
from effigie.swap.config import SwapSettings
from effigie.swap.dataset import SwapDataset
from effigie.swap.mouth_visibility import MIN_MOUTH_VISIBILITY, measure_mouth_visibility
from effigie.swap.person_frames import PersonFrames, load_person_frames
from effigie.swap.presets import SwapLossWeights, get_preset
from effigie.swap.pretraining.checkpoint import WEIGHTS as START_WEIGHTS
from effigie.swap.pretraining.checkpoint import start_from_pretrained
from effigie.swap.source_bank import compute_penalty, has_bank, save_bank, save_penalty
from effigie.swap.task import SwapTask
from effigie.training.checkpoint import BestCheckpoint
from effigie.training.device import isolate_rng
from effigie.training.export import export, find_best
from effigie.training.model_folder import check_output
from effigie.training.monitor.progress_summary import ProgressSummary
from effigie.training.process_group import join_process_group
from effigie.training.stop import complete_start, save_on_stop
from effigie.training.trainer import TrainingReport, describe_facesets, fit, write_manifest

MAX_CANDIDATES = 1000  # source frames looked at closely for the bank
# So large a share of the frames is kept in the bank, however covered their mouths are.
MIN_BARE_SHARE = 0.25
PATIENCE = 6  # looks at the held-out error without gain after which an unlimited run ends


@dataclass(frozen=True, kw_only=True)
class TrainReport(TrainingReport):
    """Report of a training run.

    Attributes:
        images_per_second: pictures trained on a second, both people together.
        held_out_error: 1 - SSIM in the face mask on held-out frames, of the weights that the model has.
        improving: False once it has stopped improving.
        best: when those weights were evaluated; None where the newest are taken.
        progress_summary: the newest held-out error by regions, and how long until another percent is gained.
    """

    images_per_second: float
    held_out_error: float | None
    improving: bool
    best: BestCheckpoint | None
    progress_summary: ProgressSummary


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
        CancelledError: asked to stop; ``output`` is a model all the same, and the same call goes on.
    """
    settings, output = settings or SwapSettings(), Path(output)
    with join_process_group() as world:
        size, prior = match_stored_preset(output, get_preset(settings.preset)), settings.prior == "mesh"

        def start(_: CancelToken | None) -> tuple[TrainingSetup, Permit]:
            if world.is_leader:
                model_options = {"prior": prior, "preset": asdict(size)}
                check_output(output, load_config, model_options, "another preset or prior")
            footages = load_people(source, target, settings, progress)
            subject = SubjectFaces.from_faces(footages["source"].faces)
            permission = permit("swap", subject, consent, purpose=purpose)
            prepared = prepare_training(footages, settings, progress)
            if world.is_leader:
                people = footages["source"].person, footages["target"].person
                save_config(output, size, prior, *people)
                save_source(output, source, footages["source"], prepared.bank_rows, permission, progress)
            return prepared, permission

        def save(step: int, held_out_error: float | None = None, notes: Sequence[str] = ()) -> None:
            """Write the weights of the newest or best checkpoint, and the manifest."""
            export(output, "fp16", ("swap",))  # the discriminator has done its work
            best, facesets = find_best(output), describe_facesets(map(FaceSet.open, (source, target)))
            write_manifest(
                output,
                "swap",
                replace(settings, start=None),  # a path of this machine
                start_sha256=settings.start and sha256(Path(settings.start) / START_WEIGHTS),
                consents=list(permission.ids),
                trained_on=dict(zip(("source", "target"), facesets, strict=True)),
                weights_sha256=sha256(output / WEIGHTS),
                steps=step,
                held_out_error=held_out_error if best is None else best.error,
                best_step=None if best is None else best.step,
                notes=list(notes),
            )

        prepared, permission = complete_start(
            output, start, lambda: not world.is_leader or has_bank(output), progress, cancel
        )
        with save_on_stop(output, save if world.is_leader else None):
            with isolate_rng(settings.seed):
                network = build_network(size, prior)
                if settings.start is not None:
                    start_from_pretrained(network, size, settings.start)
                task = prepared.task(network)
            result = fit(
                task,
                output,
                settings,
                PATIENCE,
                progress,
                cancel,
                callback,
                learning_rate=settings.learning_rate,
                betas=(0.5, 0.99),
                ema_decay=0.995,
                # SSIM, by which weights are compared, prefers what an adversary sharpens as it was before.
                keep_best=not settings.shares.adversary,
                start_counts=settings.start is not None,
            )
        report = TrainReport.from_result(
            output,
            result,
            images_per_second=result.steps_per_second * task.examples,
            held_out_error=result.best_error if result.best is None else result.best.error,
            improving=result.plateau.improving,
            best=result.best,
            progress_summary=result.progress_summary,
        )
        if world.is_leader:
            save(report.steps, result.best_error, report.notes)
        return report


def load_people(
    source: str | Path, target: str | Path, settings: SwapSettings, progress: ProgressCallback = ignore_progress
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
        other_shape = shapes["target" if role == "source" else "source"]
        bank, rows[role] = build_bank(footage, settings.bank)
        features = compute_features(footage.geometries, footage.faces["blendshapes"], footage.person)
        datasets[role] = SwapDataset(
            footage, bank, rows[role], features, other_shape - shapes[role], size, settings.prior == "mesh"
        )
    progress(Progress("choose frames", 2, 2, "people"))
    batch = settings.batch or get_preset(settings.preset).batch
    with isolate_rng(settings.seed):
        auxiliary_losses = _build_auxiliary_losses(shares or settings.shares, datasets["source"])
    return TrainingSetup(
        lambda network: SwapTask(network, datasets, batch, auxiliary_losses=auxiliary_losses), footages, rows["source"]
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
    mouths = measure_mouth_visibility(lambda i: footage.crop(int(rows[i])), geometries)
    bare = mouths > min(MIN_MOUTH_VISIBILITY, float(np.quantile(mouths, 1 - MIN_BARE_SHARE)))
    if bare.any():
        rows, penalty = rows[bare], penalty[bare]
        geometries = [geometry for geometry, keep in zip(geometries, bare, strict=True) if keep]
    features = compute_features(geometries, footage.faces["blendshapes"][rows], footage.person)
    bank_indices = select_frames(features, penalty, max_frames)
    bank_rows = rows[bank_indices]
    bank = FrameBank(
        lambda i: footage.crop(int(bank_rows[i])),
        [geometries[i] for i in bank_indices],
        features[bank_indices],
        penalty[bank_indices],
    )
    return bank, bank_rows


def save_source(
    output: Path,
    source: str | Path,
    footage: PersonFrames,
    rows: np.ndarray,
    permission: Permit,
    progress: ProgressCallback = ignore_progress,
) -> None:
    """Write what a model keeps of its source: their consents, and the rows that are its frame bank."""
    save_consents(output, permission)
    if not has_bank(output):
        discard(output / BANK)  # begun, never finished
        progress(Progress("keep source frames", 0, 1, "sets"))
        save_bank(output / BANK, footage, rows, FaceSet.open(source))
    save_penalty(output / BANK, load_profiles(output)[0])  # as stored, rounded
