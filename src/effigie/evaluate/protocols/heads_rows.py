"""The methods in the table's rows, from copying one of T shots to a fine-tuned network.

A maker is given a run of consecutive moments and makes a picture of each, at the size of the shots. Every row is
judged at that size: what a smaller network makes is enlarged, and what it took from the bent shots gets their detail
back, as in an animation.
"""

from __future__ import annotations

import copy
import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from effigie.errors import UsageError
from effigie.evaluate.protocols.heads_config import COPIED, OURS_FF, OURS_FT, ROWS, TUNED, WARPED, HeadsSettings
from effigie.evaluate.protocols.heads_protocol import RATE, TargetFrame
from effigie.heads.checkpoint import HeadsModel, load_heads
from effigie.heads.finetune.config import TuneSettings
from effigie.heads.finetune.reference_set import ReferenceSet, resize_shot
from effigie.heads.finetune.task import TuneTask, compute_embedding
from effigie.heads.inference.neural_renderer import FaceGenerator, paste_face
from effigie.heads.meta_learning.dataset import prior_to_uint8
from effigie.heads.meta_learning.identity_dataset import ReferenceShot
from effigie.heads.meta_learning.trainer import build_perceptual_loss
from effigie.heads.network.generator import Generator
from effigie.progress import CancelToken, ProgressCallback
from effigie.training import train
from effigie.training.export import load_ema_weights

Renderer = Callable[[Sequence[TargetFrame]], list[np.ndarray]]
"""A run of moments -> a picture of each, (S, S, 3) uint8 RGB, S being the size of the shots."""


def copy_nearest(album: ReferenceSet, run: Sequence[TargetFrame]) -> list[np.ndarray]:
    """The shots that are nearest to the targets."""
    layers = [album.find_nearest(moment.geometry, moment.blendshapes)["face"] for moment in run]
    return [album.shots[next(iter(layer))].picture for layer in layers]


def warp_shots(album: ReferenceSet, run: Sequence[TargetFrame]) -> list[np.ndarray]:
    """The shots warped to the targets: geometry, and no network."""
    return [prior[..., :3] for prior in render_priors(album, run)]


class GeneratorRenderer:
    """Renders with a generator and a person's parameters; onto the warped shots, as animation does, if it takes them.

    Args:
        generator: of any size up to the shots'.
        psi: (1, P) the person's.
        shots: bent for a generator that takes them; of one that does not, only their size counts.
    """

    def __init__(self, generator: Generator, psi: Tensor, shots: Sequence[ReferenceShot], device: str) -> None:
        self._maker = FaceGenerator(generator, psi, device)
        self._side = shots[0].picture.shape[0]
        self._album = ReferenceSet(shots, self._side) if generator.prior else None

    def __call__(self, run: Sequence[TargetFrame]) -> list[np.ndarray]:
        targets = [moment.geometry.landmarks for moment in run]
        if self._album is None:
            pictures = [self._maker(points, self._side, None, None) for points in targets]
        else:
            pictures = []
            for points, stored in zip(targets, render_priors(self._album, run), strict=True):
                prior = stored / np.float32(255)
                output = self._maker(points, self._side, prior[..., :3], prior[..., 3])
                pictures.append(paste_face(output, prior[..., :3], points))
        return [np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8) for picture in pictures]


def render_priors(album: ReferenceSet, run: Sequence[TargetFrame]) -> list[np.ndarray]:
    """(S, S, 4) uint8 picture and validity of each moment, the shots chosen in order."""
    choose = album.build_selector(RATE)
    rendered = []
    for moment in run:
        layers = choose(album.features(moment.geometry, moment.blendshapes))
        rendered.append(prior_to_uint8(album.render(layers, moment.geometry.landmarks)))
    return rendered


class RendererFactory:
    """Creates the renderers of the rows.

    Args:
        heads: a model that takes the bent shots; None for the one that ships.
        bare: one that does not, the paper's form; None leaves its rows out.
    """

    def __init__(
        self, heads: str | Path | None, bare: str | Path | None, settings: HeadsSettings, cancel: CancelToken
    ) -> None:
        self._settings, self._cancel = settings, cancel
        rows = [row for row in ROWS if bare or not row.startswith("paper")]
        self.rows = tuple(row for row in rows if row in settings.rows)
        self._ours = load_heads(heads) if {OURS_FF, OURS_FT} & set(self.rows) else None
        self._bare = load_heads(bare) if any(row.startswith("paper") for row in self.rows) else None
        if self._ours is not None and not self._ours.prior:
            raise UsageError(f"{heads} was trained with --prior none: give it with --bare")
        if self._bare is not None and self._bare.prior:
            raise UsageError(f"{bare} was trained with --prior mesh: give it with --heads")

    def create_renderer(self, row: str, shots: Sequence[ReferenceShot], progress: ProgressCallback) -> Renderer:
        """Create a row's renderer for a person's T shots; a fine-tuned row is trained now."""
        if row in (COPIED, WARPED):
            album = ReferenceSet(shots, shots[0].picture.shape[0])
            return functools.partial(copy_nearest if row == COPIED else warp_shots, album)
        model = self._ours if row in (OURS_FF, OURS_FT) else self._bare
        assert model is not None
        if row in TUNED:
            return self._finetune(model, shots, progress)
        embedding = compute_embedding(model, [resize_shot(shot, model.preset.size) for shot in shots])
        with torch.no_grad():
            psi = model.networks.generator.project_embedding(embedding[None])
        return GeneratorRenderer(model.networks.generator, psi, shots, self._settings.device)

    def _finetune(
        self, model: HeadsModel, shots: Sequence[ReferenceShot], progress: ProgressCallback
    ) -> GeneratorRenderer:
        """Fine-tune as ``effigie tune`` does, without writing anything."""
        settings = self._settings
        tuning = TuneSettings(steps=settings.tune_steps, device=settings.device, seed=settings.seed)
        loss = build_perceptual_loss(settings.content)
        task = TuneTask(model, shots, tuning.examples(model.preset.name), perceptual_loss=loss)
        with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
            train(task, Path(folder), tuning.training(len(shots)), progress, self._cancel)
            best = load_ema_weights(Path(folder))["tuned"]
        tuned = copy.deepcopy(task.tuned).cpu()
        tuned.load_state_dict(best)
        return GeneratorRenderer(tuned.generator, tuned.psi, shots, settings.device)
