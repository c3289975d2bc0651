"""`effigie.swap_clip`: photos or clips of a person and a clip in, the swapped clip out, at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from effigie.arrays import Image
from effigie.consent.gate import ConsentLike
from effigie.errors import FaceSetError, MediaError
from effigie.extraction import ExtractSettings, extract
from effigie.faceset import FaceSet
from effigie.faceset.plots.drawing import write_png
from effigie.io.atomic_write import discard
from effigie.media.inputs import digest_files, expand_paths
from effigie.media.pictures.reader import is_picture
from effigie.progress import CancelToken, ProgressCallback, format_count, ignore_progress
from effigie.provenance import plan_signed_output, verify
from effigie.swap.config import ConvertSettings, SwapSettings
from effigie.swap.geometry_model import build_swap
from effigie.swap.inference.comparison_sheet import write_comparison_sheet
from effigie.swap.inference.conversion import ConvertReport
from effigie.swap.inference.convert import convert
from effigie.swap.inference.source.check import (
    SIDE_ON,
    check_single_person,
    describe_source,
    explain_missing_face,
    measure_least_yaw,
)
from effigie.swap.person_frames import MIN_FACES
from effigie.swap.trainer import TrainReport, train


@dataclass(frozen=True)
class SwapClipReport:
    """The result of :func:`effigie.swap_clip`.

    Attributes:
        preview: the first made frame, a PNG, marked and signed as every output; None where the best portrait of the
            target is turned too far for the source.
        sheet: a PNG of frames of the clip above and of the output below.
        model: the model's folder, for ``effigie convert`` and for more training.
        training: what training reported; None without.
        lines: what :func:`effigie.verify` finds in the output.
        notes: what the source never shows and is made up, and what is soft for want of pixels, a line each;
            ``conversion.notes`` says in how many frames.
    """

    output: Path
    preview: Path | None
    sheet: Path
    model: Path
    training: TrainReport | None
    conversion: ConvertReport
    lines: tuple[str, ...]
    notes: tuple[str, ...]


def swap_clip(
    source: str | Path | Sequence[str | Path],
    clip: str | Path,
    output: str | Path,
    settings: ConvertSettings | None = None,
    *,
    training: SwapSettings | None = None,
    work: str | Path | None = None,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
    on_preview: Callable[[Path], None] | None = None,
) -> SwapClipReport:
    """Put a person's face into a clip: extract, train if asked to, convert, verify.

    Without training geometry alone makes the face, from a single photo if need be: seconds until the first frame. What
    was extracted, built and trained stays in ``work``; the same call again goes on from there.

    Args:
        source: photos, clips, folders of them, or a face set of the person whose face will be shown.
        clip: the target's footage.
        output: ``.mp4``, ``.mov`` or ``.mkv``, or a folder for PNG frames.
        settings: of the conversion; ``person`` chooses a face of the clip by size (0 = the largest, the default).
        training: settings of training, such as ``SwapSettings(minutes=5)``; None does not train.
            ``source_person`` chooses among several people of the source.
        work: a folder for face sets and model; None puts it beside the output, ``OUT.swap``.
        consent: records (files or ids) of the source; None looks for one that fits in the stores.
        purpose: what it is for, where a record is limited to one purpose.
        on_preview: called with the preview as soon as it is written.

    Raises:
        RefusedError: no valid consent for the source's face, or the footage is intimate.
        FaceSetError: no face in the source, several people and none chosen, or too few faces to train on.
        MediaError: a file cannot be read, or the clip shows no face.
        CancelledError: asked to stop; what was done until then is kept.
    """
    settings, output, clip = settings or ConvertSettings(), Path(output), Path(clip)
    work = Path(work) if work is not None else output.with_name(f"{output.stem}.swap")
    plan_signed_output(
        clip, output, settings.encode, settings.trust, max_frames=settings.max_frames, layers=settings.layers
    )
    inputs = [Path(source)] if isinstance(source, (str, Path)) else [Path(one) for one in source]
    faces = _extract_source(inputs, work, progress, cancel)
    swap_settings = training or SwapSettings()
    check_single_person(faces, _list_names(inputs), swap_settings.source_person, work / "people.png")
    trains = training is not None and (training.minutes is not None or training.steps is not None)
    if trains and (count := len(FaceSet.open(faces))) < MIN_FACES:
        raise FaceSetError(
            f"{_list_names(inputs)} shows {format_count(count, 'face')} and training needs {MIN_FACES}: "
            "bring a clip, or do not train"
        )
    person = settings.person or 0
    variant = f"{person} {swap_settings.preset} {swap_settings.source_person}"
    model = work / f"model-{digest_files(inputs, [clip], extra=variant)}"
    frame = build_swap(
        faces,
        clip,
        model,
        swap_settings,
        person=person,
        consent=consent,
        purpose=purpose,
        progress=progress,
        cancel=cancel,
    )
    source_person = swap_settings.source_person or 0
    notes = describe_source(faces, source_person, frame.image)
    options: dict[str, Any] = {"consent": consent, "purpose": purpose, "cancel": cancel}
    of_preview = replace(settings, layers=None)
    preview = _write_preview(frame.image, model, output, work, partial(convert, settings=of_preview, **options))
    if on_preview is not None and preview is not None:
        on_preview(preview)
    trained = None
    if trains:
        target = work / f"target-{digest_files([clip])}.faces"
        extract([clip], target, progress=progress, cancel=cancel)
        trained = train(
            faces, target, model, swap_settings, consent=consent, purpose=purpose, progress=progress, cancel=cancel
        )
    try:
        report = convert(model, clip, output, settings, progress=progress, **options)
    except MediaError as error:
        if (turned := measure_least_yaw(faces, source_person)) <= SIDE_ON:
            raise
        raise MediaError(
            f"{_list_names(inputs)} shows the head from the side only, turned by {turned:.0f} degrees: bring a picture "
            f"that faces the camera, or swap all the same with --turned make"
        ) from error
    sheet = output.with_name(f"{output.stem}.sheet.png")
    write_comparison_sheet(sheet, clip, output)
    return SwapClipReport(output, preview, sheet, model, trained, report, tuple(verify(output).lines), tuple(notes))


def _write_preview(
    image: Image, model: Path, output: Path, work: Path, convert: Callable[[Path, Path, Path], ConvertReport]
) -> Path | None:
    """The first made frame, of the target's best portrait; None where that is turned too far for this source."""
    preview, input_picture = output.with_name(f"{output.stem}.preview.png"), work / "preview-input.png"
    write_png(input_picture, image)
    try:
        convert(model, input_picture, preview)
    except MediaError:  # other frames of the clip may be turned less
        return None
    finally:
        discard(input_picture)
    return preview


def _extract_source(inputs: list[Path], work: Path, progress: ProgressCallback, cancel: CancelToken | None) -> Path:
    """The source's face set: the one that was named, or one made in ``work``."""
    if len(inputs) == 1 and inputs[0].is_dir() and FaceSet.exists(inputs[0]):
        return inputs[0]
    files = expand_paths(inputs)
    if not files:
        raise MediaError(f"{_list_names(inputs)}: no picture or clip there")
    faces = work / f"source-{digest_files(files)}.faces"
    photos = all(is_picture(path) for path in files)
    # Photos are read in this process: starting another would take longer.
    settings = ExtractSettings(stills=photos, engine="inline" if photos else "local")
    extract(files, faces, settings, progress=progress, cancel=cancel)
    if not FaceSet.exists(faces):
        raise FaceSetError(explain_missing_face(files, _list_names(inputs), settings.min_face_size))
    return faces


def _list_names(inputs: Sequence[Path]) -> str:
    return str(inputs[0]) if len(inputs) == 1 else f"{inputs[0]} and {len(inputs) - 1} more"
