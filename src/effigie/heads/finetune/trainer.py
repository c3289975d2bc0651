"""`effigie.heads.tune`: fine-tunes a meta-learned model to one person with T pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effigie.consent.gate import ConsentLike, Permit, permit, save_consents
from effigie.consent.nsfw_detector import check_images
from effigie.errors import ModelError, UsageError
from effigie.faceset import FaceSet
from effigie.heads.checkpoint import load_config, load_heads
from effigie.heads.finetune.config import MAX_SHOTS, TuneSettings
from effigie.heads.finetune.task import TuneTask, compute_parameters
from effigie.heads.inference.portrait import Portrait, read_portraits, to_subject_faces
from effigie.heads.meta_learning.identity_dataset import ReferenceShot
from effigie.heads.meta_learning.trainer import build_perceptual_loss
from effigie.heads.person_checkpoint import crop_shot, save_person
from effigie.heads.person_folder import BANK, GENERATOR
from effigie.io.atomic_write import discard, sha256
from effigie.io.folder_names import MANIFEST
from effigie.io.locks import with_output_lock
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.training import TrainingResult, train
from effigie.training.export import load_ema_weights
from effigie.training.model_folder import check_output
from effigie.training.process_group import join_process_group
from effigie.training.stop import complete_start, save_on_stop
from effigie.training.trainer import TrainingReport, write_manifest


@dataclass(frozen=True, kw_only=True)
class TuneReport(TrainingReport):
    """The result of fine-tuning.

    Its notes also say what to expect of difficult pictures.

    Attributes:
        shots: T.
        held_out: 1 - SSIM in the face, before and at the best, on what was held out.
        mimicry: landmark error as a share of the eye distance, likewise.
    """

    shots: int
    held_out: tuple[float, float]
    mimicry: tuple[float, float]


@with_output_lock("output")
def tune(
    heads: str | Path | None,
    pictures: str | Path | Sequence[str | Path],
    output: str | Path,
    settings: TuneSettings | None = None,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    callback: Callable[[Any], None] | None = None,
) -> TuneReport:
    """Tune a meta-learned model to one person.

    Of several processes that train together (torchrun, ``--devices``) the first alone needs and writes ``output``.

    Args:
        heads: folder of the meta-learned model; None takes the one that ships.
        pictures: pictures, clips or face sets of the person; the calmest look that faces the camera becomes the
            picture that moves.
        output: the person's model, a folder.
        consent: records (files or ids) of the person; None looks for one that fits in the stores.
        purpose: what it is for, where a record is limited to one purpose.
        callback: called after every step with a :class:`effigie.training.StepReport`.

    Raises:
        RefusedError: no valid consent of the person, or a picture is intimate.
        MediaError, UsageError, FaceSetError: as :func:`effigie.heads.inference.portrait.read_portraits`.
        ModelError: ``heads`` cannot be used, or ``output`` holds another model.
        CancelledError: asked to stop; ``output`` can be animated all the same, and the same call goes on.
    """
    settings, output = settings or TuneSettings(), Path(output)
    with join_process_group() as world:
        if world.is_leader:
            check_output(output, _require_unfinished, label="a person's model")
        model = load_heads(heads)
        if model.manifest_sha256 is None:
            raise ModelError(f"{heads} has no {MANIFEST}: it is not trained to the end")

        def start(cancel: CancelToken | None) -> tuple[list[Portrait], list[ReferenceShot], Permit]:
            portraits = read_portraits(
                pictures, settings.person, max_portraits=settings.shots, progress=progress, cancel=cancel
            )[:MAX_SHOTS]
            permission = permit("animate", to_subject_faces(portraits), consent, purpose=purpose)
            for portrait in portraits:
                check_images([portrait.image], portrait.name)
            shots = [crop_shot(portrait, 2 * model.preset.size) for portrait in portraits]
            if world.is_leader:
                save_consents(output, permission)
                # Before the first step the person is made by the meta-learned model, as from a portrait.
                embedding, psi = compute_parameters(model, shots)
                save_person(output, model.preset, model.prior, model.networks.generator, embedding, psi, portraits)
            return portraits, shots, permission

        portraits, shots, permission = complete_start(
            output, start, lambda: not world.is_leader or FaceSet.exists(output / BANK), progress, cancel
        )
        task: TuneTask | None = None

        def save(step: int = 0) -> None:
            """Write the best weights."""
            assert task is not None
            best = load_ema_weights(output)["tuned"]
            task.tuned.load_state_dict(best)
            save_person(output, model.preset, model.prior, task.tuned.generator, task.embedding, best["psi"], portraits)

        with save_on_stop(output, save if world.is_leader else None):
            task = TuneTask(
                model,
                shots,
                settings.examples(model.preset.name),
                perceptual_loss=build_perceptual_loss(settings.content),
            )
            result = train(task, output, settings.training(len(portraits)), progress, cancel, callback)
        first, last = _first_and_best(result)
        report = TuneReport.from_result(
            output,
            result,
            shots=len(portraits),
            held_out=(first["held_out_pictures"], last["held_out_pictures"]),
            mimicry=(first["held_out_mimicry"], last["held_out_mimicry"]),
            notes=(*(note for portrait in portraits for note in portrait.notes), *result.notes),
        )
        if world.is_leader:
            save()
            write_manifest(
                output,
                "person",
                settings,
                heads=model.manifest_sha256,
                consents=list(permission.ids),
                shots=[Path(portrait.name).name for portrait in portraits],
                weights_sha256=sha256(output / GENERATOR),
                steps=report.steps,
                held_out=list(report.held_out),
                mimicry=list(report.mimicry),
            )
            discard(output / "training")  # optimiser and checkpoints: ten times the model, and tuning is done
        return report


def _first_and_best(result: TrainingResult) -> tuple[dict[str, float], dict[str, float]]:
    """The rows of the curve before the first step and of the weights that are kept."""
    held_out = [point for point in result.curve if point.error is not None]
    best = held_out[-1].step if result.best is None else result.best.step
    return held_out[0].values, next(point.values for point in reversed(held_out) if point.step <= best)


def _require_unfinished(output: Path) -> dict[str, Any]:
    """The configuration of a person's model that was begun and never finished."""
    config = load_config(output, "person")
    if (output / MANIFEST).is_file():  # which is written last: a person without it was cut off by a kill
        raise UsageError(f"{output} is tuned already: choose another folder, or remove it")
    return config
