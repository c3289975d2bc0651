"""Old names of modules, functions and classes: importing or reading one raises an error that says the new name.

The table is read only once something is not found; it costs an ordinary import nothing.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import FrameType
from typing import Any

# "OLD_PACKAGE NEW_PACKAGE: NAME OLD=NEW ..." below effigie ("." is effigie itself), for modules and public names.
_TABLE = """\
. .: compose=compositing load=load_swap scale=execution
. faceset: cleaning=review
. io: files=atomic_write locks storage tensors
cleaning faceset.review: Finding Lack=CoverageGap Review coverage findings lacks=find_gaps looks=appearance
    review sheet
compose compositing: BLENDS=BLEND_METHODS COLOURS=COLOR_METHODS ColourSmoother=ColorSmoother
    ColourStatistics=ColorStatistics ComposeSettings Compositor GrainSettings MaskSettings
    MotionCompensated=MotionCompensatedFilter Region blend build_mask
    calm=temporal colour=color colour_global=color_global colour_local=color_local grain mask
    motion=motion_blur paste=compositor region smooth=temporal transfer=transfer_color
compositing compositing: smoothing=temporal
evaluate evaluate.metrics: container covers=occlusion_preservation crowd=frechet exchange=identity
    expression=geometry flicker frechet gaze geometry identity lpips=mobilenet mobilenet
    outside=background_psnr pose=geometry regions seam settling=cut_stability sharpness ssim
evaluate.metrics evaluate.metrics: distribution=frechet expression=geometry identity_swaps=identity
    perceptual_distance=mobilenet pose=geometry
evaluate evaluate.protocols: alongside=paired_reader comparison face_comparison heads
    heads_judge=heads_metrics heads_protocol heads_rows heads_settings=heads_config person swap
evaluate evaluate.report: figures frames heads_sheet heads_table scores sheet summary worst
extraction extraction: mirror=remote_copy run=extractor settings=config size=plan crop_size=plan
faces faces: analyse=analyzer blendshapes=landmarker cuts=shot_detector detect=detector emphasis=mask
    identity=recognizer landmarks=landmarker loss_mask=mask quality=crop regions=mask
    repeat=duplicate_frames roi=crop smooth=smoothing track=tracker
faces io: wire=protobuf
faceset faceset: Coverage=PoseCoverage Dropped=DropReport Exported=ExportReport Info=FaceSetSummary
    Person=PersonCluster Sheet=ContactSheet cluster=clustering coverage=pose_coverage info=summarize
    measured=load_measures order=sorting part=part_file reading=reader select=filter
    sheet=draw_contact_sheet sort=sort_faces sources=index
faceset faceset.plots: contact_sheet drawing pose_coverage
heads heads: model=checkpoint person=person_checkpoint settings=config
heads heads.finetune: album=reference_set few_shot=trainer tuning=task
heads heads.inference: animation batch finding=face_search framing=subject painter=subject portrait
    repaint=neural_renderer sitter=subject
heads heads.meta_learning: closeup=random_crops examples=dataset losses meta=trainer meta_settings=config
    mirror=hflip people=identity_dataset stills=motion_bank task
heads faces: follow=person_matcher
heads heads.motion: controls features retarget template
heads.inference heads.inference: framing=subject renderer=subject
heads.motion faces: person_matcher
heads heads.network: discriminator drawing=landmark_image embedder generator layers
heads heads.warp: apertures=eye_mouth background face_warp interior=mouth_interior scene surround=head_warp
media media: Audio=AudioInfo Colour=ColorSpace Reader=VideoReader Writer=VideoWriter addresses=inputs
    decoder=container decoding=container expand=expand_paths opening=container settings=config sources=inputs
media media.layers: layer_files=writer layer_picture=picture layer_plan=plan
media media.output: encoders output_place=place output_plan=plan stream_copy stream_plan subtitle_text
    passengers=stream_copy video_encoder videofile=video_encoder
media media.pictures: exr images=reader native_still picture_files=writer picture_formats=decoder signature
media media.samples: chroma color colour=color color_matrix native_convert native_picture pixel_formats pixel_layout
media media.sound: sound_track=track sound_writer=writer
occlusion occlusion: Visibility=VisibilityPredictor edges=upsample examples=dataset mask=predictor
    model=checkpoint settings=config train=trainer
occlusion occlusion.synthetic: canvas footage=augmentation hands natural=visibility_labels occluders
    things=objects worn=accessories
prior prior: bank=frame_bank
scale execution: Executor LocalProcesses=ProcessExecutor available_cores executor
    executor_for=create_executor job launch manifest overlap=pipeline processes ray_engine=ray report
    starting=spawn stop_requested worker
swap swap: Role=PersonAssignment convert_clip=convert data=dataset exchange=dataset
    layout=checkpoint_paths likeness=auxiliary_losses load_model=load_swap model=checkpoint networks=network
    person=person_frames settings=config shares=presets target=shape_retarget teachers=auxiliary_losses
swap swap.editing: paint=mask_clip project shots=shot_settings
swap.preview swap.preview: lone_frame=single_frame made_faces=face_cache
dubbing dubbing: rest=resting_face
swap swap.inference: batch conversion convert fast=convert mouth=mouth_transfer reach=pose_limits swapper
swap swap.inference.people: cast=state finish=state roles=assignment
swap swap.inference.source: hairline=visibility
swap faces: pick=person_matcher
swap.inference faces: person_matcher
swap.inference swap.editing: mask_clip project shot_settings strokes timeline
swap.inference swap.inference: fast_mode=convert
swap.inference swap.inference.people: cast compositing=state face_planner=planner face_track=track
    person_assignment=assignment person_state=state
swap.inference swap.inference.source: source_check=check source_eyewear=eyewear source_visibility=visibility
training nn: adversary=gan balance=gradient_balancing content=perceptual critic=discriminator
    face_error=ssim pictures=images recogniser=recognizer
training training: average=state best=checkpoint checkpoints=checkpoint guard=nan_guard
    keeper=checkpoint_manager pace=timer plateau=detect_plateau settings=config together=distributed
    world=process_group
training training.data: pool=sample_cache prefetch=prefetcher slots=sample_key
training training.monitor: curve forecast journal=logger plot previews standing=progress_summary
trust consent: Consent ConsentStore canonical default_store gate grant intimate=nsfw_detector keys
    match=face_matching new_consent record references request_consent revoke samples shown=face_matching
    signature signed=document store terms
trust io: home
trust media: sampling
trust provenance: TrustSettings label outgoing=signed_writer settings=config verification=report verify
    watermark wording=report
trust provenance.c2pa: authority certificate containers credentials findings reading=reader
    seal=strict_check
trust provenance.ledger: fingerprint ledger
trust.watermark provenance.watermark: Found=DetectedMark Marker=WatermarkEmbedder
    detection=detector embed=embedder geometry hiding=jnd_mask pattern payload residual sampling=frames
"""
# Packages that were divided or left.
_DIVIDED = {
    "trust": "effigie.consent (new_consent, ConsentStore, ...) and effigie.provenance (verify, TrustSettings, ...)",
    "cli.bench": "benchmarks, beside the package: python -m benchmarks",
    "evaluate.attacks": "benchmarks.attacks",
    "evaluate.face_error": "benchmarks.face_error",
    "evaluate.metrics.face_error": "benchmarks.face_error",
    "evaluate.occlusion": "benchmarks.occlusion_protocol",
    "evaluate.protocols.occlusion": "benchmarks.occlusion_protocol",
    "evaluate.bench": "benchmarks.bench",
    "evaluate.bench_rows": "benchmarks.rows",
}


@functools.cache
def _new_names() -> dict[str, str]:
    """Old dotted name -> new one, both with ``effigie``."""
    names = {f"effigie.{old}": new for old, new in _DIVIDED.items()}
    for line in _TABLE.replace("\n    ", " ").splitlines():
        packages, _, pairs = line.partition(": ")
        old, new = ("effigie" if name == "." else f"effigie.{name}" for name in packages.split())
        for pair in pairs.split():
            before, _, after = pair.partition("=")
            names[f"{old}.{before}"] = f"{new}.{after or before}"
    return names


def new_name(name: str) -> str | None:
    """What an old dotted name is called today; None if it is no old name."""
    return _new_names().get(name)


def explain_renamed(package: str, getattr_: Callable[[str], Any] | None = None) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package: ``getattr_``, whose AttributeError of an old name says the new one."""

    def __getattr__(name: str) -> Any:
        try:
            if getattr_ is None:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            return getattr_(name)
        except AttributeError:
            new = new_name(f"{package}.{name}")
            if new is None:
                raise
            raise AttributeError(f"{package}.{name} is now {new}", name=name) from None

    return __getattr__


class RenamedModuleFinder:
    """The last finder of imports: raises ImportError for old names below ``effigie``, which no other finder knows."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not name.startswith("effigie."):
            return None
        new = new_name(name)
        if new is None:
            return None
        wanted = _requested_module(name)
        if wanted != name and (found := new_name(wanted)) is not None:
            name, new = wanted, found
        raise ImportError(f"{name} is now {new}", name=name)


def _requested_module(name: str) -> str:
    """The module whose import made Python look for its package ``name`` first."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        wanted = frame.f_locals.get("name")
        if "importlib" in frame.f_code.co_filename and isinstance(wanted, str) and wanted.startswith(f"{name}."):
            name = wanted
        frame = frame.f_back
    return name


def install() -> None:
    """Append the finder, once."""
    if RenamedModuleFinder not in sys.meta_path:
        sys.meta_path.append(RenamedModuleFinder)
