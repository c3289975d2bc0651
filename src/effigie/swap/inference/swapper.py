"""Makes the face of one person in one frame, with its mask and its place in the frame."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from effigie.arrays import AffineMatrix, Image, Landmarks
from effigie.compositing.color import STATISTICS_SIZE
from effigie.compositing.skin_tone import FeatureMasks
from effigie.faces.analyzer import Face
from effigie.faces.crop import apply_affine, crop, resize_matrix
from effigie.faces.mask import brow_mask, face_mask, feature_mask, lip_mask, moving_skin_mask
from effigie.faces.warp import MeshWarper
from effigie.nn.images import to_float
from effigie.occlusion.eyewear import find_eyewear
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.prior.detail import upscale, upscale_with_detail
from effigie.prior.frame_bank import FaceGeometry, compute_features
from effigie.prior.render import RenderedPrior, render
from effigie.prior.selector import FrameSelector, FrameWeights
from effigie.swap.checkpoint import SwapModel
from effigie.swap.inference.eye_transfer import transfer_eyes
from effigie.swap.inference.mouth_transfer import compute_mouth_share, transfer_mouth
from effigie.swap.inference.pose_limits import ExtremePoseLog, PoseLimiter, PoseState
from effigie.swap.inference.source.visibility import SourceVisibility
from effigie.swap.network import DecoderOutput
from effigie.swap.shape_retarget import MASK_MARGIN

SIDE_STEP = 32  # px; faces are made at multiples of it, so that sizes do not change with every movement
# Twice the blend weight less this is how much of the prior's fine detail is shown: where a network that took four
# fifths of the prior changed its colour, pores and lashes are still the prior's.
DETAIL_BIAS = 0.5
GLASSES_REACH = 0.04  # of the picture's side: how far rims may stand out beside the face


@dataclass(frozen=True)
class SwappedFace:
    """A face to be put into a frame.

    Attributes:
        picture: (S, S, 3) float32 RGB in [0, 1].
        mask: (S, S) float32 in [0, 1].
        matrix: (2, 3) frame pixels to the picture's pixels.
        opacity: 0..1, less than 1 while the face comes or goes.
        source_mask: (S, S) float32 in [0, 1], 0 where the source's frames show hair or a wall instead of the face; None
            where that was not looked for.
        features: where the brows, eyes and lips of the made face and of the footage's are.
        interior: (S, S, 4) float32 in [0, 1], the footage's eyeballs and mouth, and how much of each pixel they are.
        front: (S, S) float32 in [0, 1], the source's glasses, before whatever hangs over the footage's face; None where
            none are shown.
    """

    picture: Image
    mask: np.ndarray
    matrix: AffineMatrix
    opacity: float = 1.0
    source_mask: np.ndarray | None = None
    features: FeatureMasks | None = None
    interior: np.ndarray | None = None
    front: np.ndarray | None = None


@dataclass(frozen=True)
class FaceInputs:
    """Inputs of the network for one face, and what its output needs to become a :class:`SwappedFace`.

    Attributes:
        face: (s, s, 3) uint8, the target's face as the network sees it.
        prior: None where the network takes none.
        warper: to the made face's geometry, in the made picture's pixels, S to a side.
        geometry: of the target's face, in the same pixels.
        footage: (S, S, 3) uint8, the target's face in the made picture's place.
        unknown_mouth: 0..1, how far the wanted mouth is beyond what the source's frames show.
        matrix, source_mask: see :class:`SwappedFace`.
    """

    face: np.ndarray
    prior: RenderedPrior | None
    warper: MeshWarper
    geometry: FaceGeometry
    footage: Image
    unknown_mouth: float
    matrix: AffineMatrix
    source_mask: np.ndarray | None
    pose_state: PoseState


@dataclass(frozen=True)
class FacePlan:
    """What is decided of a face before a picture is looked at; decisions remember those of the frames before.

    Attributes:
        side: px of the made picture.
        layers: which source frames are warped, and how much of each is seen; None where the network takes none.
        unknown_mouth, pose_state: as of :class:`FaceInputs`.
    """

    side: int
    pose_state: PoseState
    layers: FrameWeights | None
    unknown_mouth: float


class Swapper:
    """Makes the source's face for every frame of one track, in order; :meth:`reset` starts another.

    The networks work at the preset's size. What the prior shows more finely than that is added back where the network
    relied on the prior, so that a small network does not blur a large face.

    Args:
        side_share: a made face's side as a share of what footage and source show; never less than the network's.
        source_visibility: says where the source's frames show no face; None does not look.
        take_interior: whether what shows between lids and lips is the footage's, with the source's iris color; else
            it is the source's own, and the footage's only in a mouth that the source never showed so open.
        is_cleaned: whether glasses were taken out of the source's frames; a network that learned them with glasses then
            makes only what the prior lacks.
        glasses: finds the source's glasses in made faces, which then are whole; None where none are shown.
        skip_extreme: whether a head turned too far is left as it is, see :class:`PoseLimiter`.

    Attributes:
        seconds: spent on each stage.
    """

    def __init__(
        self,
        model: SwapModel,
        device: torch.device,
        precision: str,
        rate: float = 25.0,
        side_share: float = 1.0,
        skip_extreme: bool = True,
        source_visibility: SourceVisibility | None = None,
        take_interior: bool = True,
        is_cleaned: bool = False,
        glasses: VisibilityPredictor | None = None,
    ) -> None:
        self._model, self._device, self._precision = model, device, precision
        self._selector = FrameSelector(model.bank, rate)
        self._pose_limiter = PoseLimiter(model.bank.geometries, rate, skip_extreme)
        self.pose_log = ExtremePoseLog()
        self._side_share, self._take_interior, self._is_cleaned = side_share, take_interior, is_cleaned
        self._source_visibility, self._glasses = source_visibility, glasses
        self._shows_shut_eyes = model.bank.shows_shut_eyes()
        self._largest = max(model.bank.read(0).shape[0], model.preset.size)
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def reset(self) -> None:
        """Forget the frames before."""
        self._selector.reset()
        self._pose_limiter.reset()

    def __call__(self, image: Image, face: Face, index: int = 0) -> SwappedFace | None:
        """Make the face that takes the place of ``face`` in the (H, W, 3) uint8 RGB frame number ``index``.

        None where the head is turned so far beyond what the source's footage shows that it is better left alone.
        """
        plan = self.plan(face, index)
        return None if plan is None else self.render_faces([self.prepare_inputs(image, face, plan)])[0]

    def plan(self, face: Face, index: int) -> FacePlan | None:
        """Decide how a face is made: the part of :meth:`__call__` that remembers earlier frames. None as there."""
        small = self._model.preset.size
        full = min(float(np.exp(face.placement[2])), self._largest)
        side = int(np.clip(round(self._side_share * full / SIDE_STEP) * SIDE_STEP, small, self._largest))
        geometry = FaceGeometry.from_frame_landmarks(face.landmarks, face.matrix(side))
        pose_state = self._pose_limiter(geometry)
        self.pose_log.add(index, pose_state)
        if pose_state.is_skipped:
            self._selector.reset()
            return None
        layers = None
        if self._model.prior:
            with self._time_stage("warp"):
                features = compute_features([geometry], face.blendshapes[None], self._model.target)
                layers = dict(self._selector(features))  # which goes on changing its own
        return FacePlan(side, pose_state, layers, compute_mouth_share(self._selector.distance["mouth"]))

    def prepare_inputs(self, image: Image, face: Face, plan: FacePlan) -> FaceInputs:
        """The inputs of one face in the frame that it was measured in."""
        small, side = self._model.preset.size, plan.side
        matrix = face.matrix(side)
        geometry = FaceGeometry.from_frame_landmarks(face.landmarks, matrix)
        with self._time_stage("warp"):
            prior = source_mask = None
            if plan.layers is not None:
                warper = MeshWarper(self._model.retarget(geometry), side)
                visibility = self._source_visibility
                sampler = None if visibility is None else visibility.warp_with_visibility(warper)
                prior = render(self._model.bank, plan.layers, warper, sampler)
                source_mask = None if visibility is None else visibility(prior, warper)
            else:
                warper = MeshWarper(geometry.landmarks, side)
            footage = crop(image, matrix, side)
        network_face = crop(image, face.matrix(small), small)
        return FaceInputs(
            network_face, prior, warper, geometry, footage, plan.unknown_mouth, matrix, source_mask, plan.pose_state
        )

    def render_faces(self, inputs_list: Sequence[FaceInputs]) -> list[SwappedFace]:
        """The faces for several inputs, the network run once: for several a face costs a third less.

        A model without a network makes them by geometry alone.
        """
        if self._model.network is None:
            return [self._finish_face(inputs, None, None) for inputs in inputs_list]
        with self._time_stage("network"):
            output = self._run_network(inputs_list)
            pictures = output.picture.permute(0, 2, 3, 1).float().cpu().numpy()
            blend_weights = output.blend_weight[:, 0].float().cpu().numpy()
        with self._time_stage("warp"):
            return [
                self._finish_face(inputs, picture, blend_weight)
                for inputs, picture, blend_weight in zip(inputs_list, pictures, blend_weights, strict=True)
            ]

    def _finish_face(self, inputs: FaceInputs, picture: Image | None, blend_weight: np.ndarray | None) -> SwappedFace:
        side, pose_state = inputs.warper.size, inputs.pose_state
        if picture is None or blend_weight is None:
            assert inputs.prior is not None
            picture = inputs.prior.picture / np.float32(255)
        elif inputs.prior is None:
            picture = upscale(picture, side)
        else:
            warped = inputs.prior.picture / np.float32(255)
            picture = upscale_with_detail(picture, np.clip(2 * blend_weight - DETAIL_BIAS, 0, 1), warped)
            geometry_weight = 1.0 if self._is_cleaned else pose_state.geometry_weight
            share = inputs.prior.visibility
            if geometry_weight < 1:
                share = share * np.maximum(_make_skin_mask(inputs.warper.target, side), np.float32(geometry_weight))
            picture += share[..., None] * (warped - picture)
        interior = np.zeros((side, side, 4), np.float32)
        footage = (inputs.footage, inputs.geometry.landmarks, inputs.warper)
        if self._take_interior:
            transfer_eyes(interior, picture, *footage, with_lashes=not self._shows_shut_eyes)
        if mouth_share := 1.0 if self._take_interior else inputs.unknown_mouth:
            transfer_mouth(interior, *footage, mouth_share)
        # Beside the mesh a network makes skin; geometry alone has the wall behind the source there.
        side_margin = 0.0 if self._model.network is None else MASK_MARGIN.side * pose_state.side_growth
        margin = replace(MASK_MARGIN, side=side_margin)
        mask = face_mask(inputs.warper.target, side, side, margin)
        front = None if self._glasses is None else _find_glasses(picture, inputs.warper.target, mask, self._glasses)
        placements = (inputs.warper.target, inputs.geometry.landmarks)
        shrink = resize_matrix(STATISTICS_SIZE, side)
        target_points, footage_points = (apply_affine(shrink, landmarks) for landmarks in placements)
        return SwappedFace(
            np.clip(picture, 0, 1),
            mask if front is None else np.maximum(mask, front),
            inputs.matrix,
            pose_state.opacity,
            inputs.source_mask,
            _mark_features(target_points, footage_points),
            interior,
            front,
        )

    def _run_network(self, inputs_list: Sequence[FaceInputs]) -> DecoderOutput:
        faces = to_float(torch.from_numpy(np.stack([inputs.face for inputs in inputs_list]))).to(self._device)
        size, prior_batch = faces.shape[-1], None
        if priors := [_resize_prior(inputs.prior, size) for inputs in inputs_list if inputs.prior is not None]:
            prior_batch = torch.from_numpy(np.stack(priors)).permute(0, 3, 1, 2).to(self._device)
            prior_batch = prior_batch.contiguous(memory_format=torch.channels_last)
        assert self._model.network is not None
        half = self._precision == "bf16"
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            return self._model.network(faces, prior_batch, "source")

    @contextlib.contextmanager
    def _time_stage(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - start


def _mark_features(target: Landmarks, footage: Landmarks) -> FeatureMasks:
    size = STATISTICS_SIZE
    return FeatureMasks(
        np.maximum(feature_mask(target, size), feature_mask(footage, size)),
        brow_mask(target, size),
        lip_mask(target, size),
        brow_mask(footage, size),
        lip_mask(footage, size),
    )


def _find_glasses(picture: Image, landmarks: Landmarks, mask: np.ndarray, predictor: VisibilityPredictor) -> np.ndarray:
    """(S, S) float32 in [0, 1]: how much of each pixel the glasses of a made face are, as far as it was filmed."""
    eyewear = find_eyewear(np.asarray(255 * np.clip(picture, 0, 1), np.uint8), landmarks, predictor)
    if not eyewear.is_worn:
        return np.zeros(mask.shape, np.float32)
    reach = 2 * round(GLASSES_REACH * mask.shape[0]) + 1
    return np.asarray(eyewear.cover * cv2.dilate(mask, np.ones((1, reach), np.uint8)), np.float32)


def _make_skin_mask(landmarks: Landmarks, side: int) -> np.ndarray:
    """(side, side) float32 in [0, 1]: 0 around eyes and lips, 1 elsewhere."""
    placed = apply_affine(resize_matrix(STATISTICS_SIZE, side), landmarks)
    moving = moving_skin_mask(placed, STATISTICS_SIZE)
    return 1 - cv2.resize(moving, (side, side), interpolation=cv2.INTER_LINEAR)


def _resize_prior(prior: RenderedPrior, size: int) -> np.ndarray:
    """(size, size, 4) picture and visibility in [0, 1], as the network takes them."""
    picture, visibility = (
        cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA) for each in (prior.picture, prior.visibility)
    )
    return np.clip(np.dstack([picture / np.float32(255), visibility]), 0, 1)
