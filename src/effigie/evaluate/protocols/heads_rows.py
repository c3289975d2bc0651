"""The rows of the table: ways to make a person's picture from T shots, from copying one to a tuned network.

A maker is given a run of consecutive moments and makes a picture of each, at the size of the shots. Every row is
judged at that size: what a smaller network makes is enlarged, and what it took from the bent shots gets their detail
back, as in an animation.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from effigie.errors import UsageError
from effigie.evaluate.protocols.heads_config import BENT, COPIED, OURS_FF, OURS_FT, ROWS, TUNED, HeadsSettings
from effigie.evaluate.protocols.heads_protocol import RATE, Moment
from effigie.heads.checkpoint import HeadsModel, load_heads
from effigie.heads.finetune.reference_set import Album, resized
from effigie.heads.finetune.task import TuneTask, embedding_of
from effigie.heads.finetune.trainer import TuneSettings
from effigie.heads.inference.neural_renderer import FaceMaker, put_in
from effigie.heads.meta_learning.dataset import to_bytes
from effigie.heads.meta_learning.identity_dataset import Shot
from effigie.heads.meta_learning.trainer import content_loss
from effigie.heads.network.generator import Generator
from effigie.progress import Cancel, ProgressCallback
from effigie.training import train
from effigie.training.export import averaged

Maker = Callable[[Sequence[Moment]], list[np.ndarray]]
"""A run of moments -> a picture of each, (S, S, 3) uint8 RGB, S being the size of the shots."""


class Copied:
    """The shot that is nearest to what is wanted, as it is."""

    def __init__(self, shots: Sequence[Shot]) -> None:
        self._album = Album(shots, shots[0].picture.shape[0])

    def __call__(self, run: Sequence[Moment]) -> list[np.ndarray]:
        nearest = [self._album.nearest(moment.geometry, moment.blendshapes)["face"] for moment in run]
        return [self._album.shots[next(iter(layer))].picture for layer in nearest]


class Bent:
    """The shots bent into place: geometry, and no network."""

    def __init__(self, shots: Sequence[Shot]) -> None:
        self._album = Album(shots, shots[0].picture.shape[0])

    def __call__(self, run: Sequence[Moment]) -> list[np.ndarray]:
        return [prior[..., :3] for prior in priors(self._album, run)]


class Painted:
    """A generator with a person's parameters; within the bent shots, as an animation shows it, if it takes them.

    Args:
        generator: of any size up to the shots'.
        psi: (1, P) the person's.
        shots: bent for a generator that takes them; of one that does not, only their size counts.
        device: torch device.
    """

    def __init__(self, generator: Generator, psi: Tensor, shots: Sequence[Shot], device: str) -> None:
        self._maker = FaceMaker(generator, psi, device)
        self._side = shots[0].picture.shape[0]
        self._album = Album(shots, self._side) if generator.prior else None

    def __call__(self, run: Sequence[Moment]) -> list[np.ndarray]:
        wanted = [moment.geometry.landmarks for moment in run]
        if self._album is None:
            pictures = [self._maker(points, self._side, None, None) for points in wanted]
        else:
            bent = [prior / np.float32(255) for prior in priors(self._album, run)]
            pictures = [
                put_in(self._maker(points, self._side, prior[..., :3], prior[..., 3]), prior[..., :3], points)
                for points, prior in zip(wanted, bent, strict=True)
            ]
        return [np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8) for picture in pictures]


def priors(album: Album, run: Sequence[Moment]) -> list[np.ndarray]:
    """(S, S, 4) uint8 picture and validity of each moment, the shots chosen in order."""
    choose = album.chooser(RATE)
    rendered = []
    for moment in run:
        layers = choose(album.features(moment.geometry, moment.blendshapes))
        rendered.append(to_bytes(album.render(layers, moment.geometry.landmarks)))
    return rendered


class Workshop:
    """Prepares the makers of the rows.

    Args:
        heads: a model that takes the bent shots; None for the one that ships.
        bare: one that does not, the paper's form; None leaves its rows out.
        settings: which rows, and how they are tuned.

    Raises:
        UsageError: a model is of the other kind.
        ModelError: one cannot be used.
    """

    def __init__(
        self,
        heads: str | Path | None,
        bare: str | Path | None,
        settings: HeadsSettings,
        cancel: Cancel,
    ) -> None:
        self._settings, self._cancel = settings, cancel
        self.rows = tuple(
            row for row in ROWS if row in settings.rows and (bare or not row.startswith("paper"))
        )
        self._ours = load_heads(heads) if {OURS_FF, OURS_FT} & set(self.rows) else None
        self._bare = load_heads(bare) if any(row.startswith("paper") for row in self.rows) else None
        if self._ours is not None and not self._ours.prior:
            raise UsageError(f"{heads} was trained with --prior none: give it with --bare")
        if self._bare is not None and self._bare.prior:
            raise UsageError(f"{bare} was trained with --prior mesh: give it with --heads")

    def maker(self, row: str, shots: Sequence[Shot], progress: ProgressCallback) -> Maker:
        """The row's maker for a person's T shots; a tuned row is tuned now."""
        if row == COPIED:
            return Copied(shots)
        if row == BENT:
            return Bent(shots)
        model = self._ours if row in (OURS_FF, OURS_FT) else self._bare
        assert model is not None
        if row in TUNED:
            return self._tuned(model, shots, progress)
        embedding = embedding_of(model, [resized(shot, model.preset.size) for shot in shots])
        with torch.no_grad():
            psi = model.networks.generator.parameters_for(embedding[None])
        return Painted(model.networks.generator, psi, shots, self._settings.device)

    def _tuned(self, model: HeadsModel, shots: Sequence[Shot], progress: ProgressCallback) -> Painted:
        """As ``effigie tune`` does it, nothing being kept."""
        settings = self._settings
        tuning = TuneSettings(steps=settings.tune_steps, device=settings.device, seed=settings.seed)
        task = TuneTask(
            model, shots, tuning.examples(model.preset.name), content=content_loss(settings.content)
        )
        with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
            train(
                task,
                Path(folder),
                tuning.training(len(shots)),
                progress,
                self._cancel,
            )
            best = averaged(Path(folder))["tuned"]
        tuned = copy.deepcopy(task.tuned).cpu()
        tuned.load_state_dict(best)
        return Painted(tuned.generator, tuned.psi, shots, settings.device)
