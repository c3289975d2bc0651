"""What the training loop trains when it tunes to one person (arXiv 1905.08233, section 3.3).

psi' = P e becomes a parameter of its own, w' = w0 + e takes the place of the column of W, and generator, psi' and
discriminator are trained on the T shots with the same losses, the embedding match excepted.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.faces.crop import Roi
from effigie.faces.landmarker import LandmarkModel
from effigie.faces.mesh import eye_distance
from effigie.heads.checkpoint import HeadsModel
from effigie.heads.finetune.reference_set import resized
from effigie.heads.meta_learning.dataset import Example, bent, example
from effigie.heads.meta_learning.identity_dataset import Shot
from effigie.heads.meta_learning.stills import Motions
from effigie.heads.meta_learning.task import (
    CRITIC_EPS,
    LossWeights,
    Perceptual,
    as_floats,
    compared,
    mean_error,
    stacked,
)
from effigie.heads.network.discriminator import Discriminator
from effigie.heads.network.generator import Generator, Made
from effigie.heads.network.landmark_image import draw_landmarks
from effigie.nn.gan import Adversary, Judged
from effigie.nn.images import to_uint8
from effigie.training.data.sample_cache import Pool
from effigie.training.data.sample_key import Slot

HELD_OUT = 4  # every so many shots one is not trained on
MOST_HELD_OUT = 6
MIMICRY = 12  # changes of expression that mimicry is judged by
LOOSE = 1.1  # times the landmark error of the start that still counts as following
RATE = 1e-4
POOL = 160  # examples kept


class Tuned(nn.Module):
    """A generator with one person's parameters."""

    def __init__(self, generator: Generator, psi: Tensor) -> None:
        super().__init__()
        self.generator = generator
        self.psi = nn.Parameter(psi.clone())

    def forward(self, drawing: Tensor, prior: Tensor) -> Made:
        """See :meth:`effigie.heads.network.generator.Generator.forward`."""
        return self.generator(drawing, None, prior if self.generator.prior else None, psi=self.psi)


class Judge(nn.Module):
    """A discriminator with one person's column."""

    def __init__(self, discriminator: Discriminator, column: Tensor) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.column = nn.Parameter(column.clone())

    def forward(self, picture: Tensor, drawing: Tensor) -> Judged:
        """See :meth:`effigie.heads.network.discriminator.Discriminator.forward`."""
        return self.discriminator(picture, drawing, column=self.column)


@torch.no_grad()
def embedding_of(model: HeadsModel, shots: Sequence[Shot]) -> Tensor:
    """(N,) the mean embedding of the shots, which are of the model's size."""
    size = model.preset.size
    pictures = np.stack([shot.picture for shot in shots])
    drawings = np.stack([draw_landmarks(shot.geometry.landmarks, size) for shot in shots])
    both = [torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255 for part in (pictures, drawings)]
    mean: Tensor = model.networks.embedder(*both).mean(0)
    return mean


def divided(shots: Sequence[Shot]) -> tuple[list[Shot], list[Shot]]:
    """Shots to train on and, of four or more, shots to watch: every fourth, six at most."""
    kept = set(range(HELD_OUT // 2, len(shots), HELD_OUT)) if len(shots) >= HELD_OUT else set()
    kept = set(sorted(kept)[:MOST_HELD_OUT])
    return [s for i, s in enumerate(shots) if i not in kept], [s for i, s in enumerate(shots) if i in kept]


class TuneTask:
    """Tunes generator, psi and discriminator to a person.

    What tells the best weights is half the error on what was held out (shots, or with few the shots themselves made
    from bent ones), half mimicry: whether the made face takes the expressions it is asked to take. Over-tuned
    generators lose that first.

    Args:
        model: meta-learned.
        shots: T of them, at the model's size or larger.
        batch: examples a step.
        weights: of the losses.
        content: as for meta-learning.
    """

    def __init__(
        self,
        model: HeadsModel,
        shots: Sequence[Shot],
        batch: int,
        weights: LossWeights | None = None,
        content: Perceptual | None = None,
    ) -> None:
        self._size, self._prior, self._motions = model.preset.size, model.prior, model.motions
        self._weights, self._content = weights or LossWeights(), content
        self.examples = self.parts = batch
        learned, kept = divided(shots)
        self._shots = learned
        embedding = embedding_of(model, [resized(shot, self._size) for shot in shots])
        with torch.no_grad():
            psi = model.networks.generator.parameters_for(embedding[None])
        generator = copy.deepcopy(model.networks.generator).requires_grad_(True).train()
        discriminator = copy.deepcopy(model.networks.discriminator).requires_grad_(True).train()
        discriminator.table.requires_grad_(False)
        self.embedding = embedding
        self.tuned = Tuned(generator, psi)
        self._adversary = Adversary(
            Judge(discriminator, discriminator.new_column(embedding)),
            self._weights.adversary,
            self._weights.features,
            paired=model.prior,
        )
        # Few pictures: made once and used again and again.
        self._pool = Pool(self._make, batch, POOL, 1, renewed=False)
        self._held_out = self._examples_of(kept) if kept else self._made_again(MIMICRY)
        self._asked = self._expressions(MIMICRY)
        self._landmarks = LandmarkModel()
        # Before anything is resumed: errors are shares of these, whichever call they are from.
        unlike, astray = self._measured(self.tuned.eval())
        self._start = max(unlike, 1e-6), max(astray, 1e-6)
        self.tuned.train()

    def networks(self) -> Mapping[str, nn.Module]:
        return {"tuned": self.tuned, "judge": self._adversary.discriminator}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [
            {"params": list(self.tuned.parameters())},
            self._adversary.parameter_group(eps=CRITIC_EPS),
        ]

    def batch(self, slots: Sequence[Slot]) -> dict[str, np.ndarray]:
        """uint8 pictures, channels last."""
        return stacked([self._pool.draw(slot.number, slot, slot.random()) for slot in slots])

    def losses(self, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Weighted terms."""
        seen = as_floats(batch)
        made = self.tuned(seen["drawing"], seen["prior"])
        return compared(made.picture, seen, self._weights, self._content, self._adversary)

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """``error``: of held-out pictures and mimicry, 1 at the start; both by themselves as well."""
        unlike, astray = self._measured(networks["tuned"])
        error = unlike / self._start[0] / 2 + max(astray / self._start[1], 1 / LOOSE) / 2
        return {"error": error, "pictures": unlike, "mimicry": astray}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of landmarks, prior, made, truth."""
        examples = self._held_out[:6]
        made = to_uint8(self._run(networks["tuned"], examples).picture)
        rows = [
            np.concatenate([e.drawing, e.prior[..., :3], picture, e.picture], axis=1)
            for e, picture in zip(examples, made, strict=True)
        ]
        return np.concatenate(rows)

    def _measured(self, tuned: nn.Module) -> tuple[float, float]:
        """Error on what was held out, and mimicry."""
        unlike = mean_error(to_uint8(self._run(tuned, self._held_out).picture), self._held_out)
        return unlike, self._astray(tuned)

    @torch.no_grad()
    def _run(self, tuned: nn.Module, examples: Sequence[Example]) -> Made:
        batch = stacked(examples)
        device = next(tuned.parameters()).device
        seen = as_floats({name: torch.from_numpy(value).to(device) for name, value in batch.items()})
        made: Made = tuned(seen["drawing"], seen["prior"])
        return made

    def _make(self, random: np.random.Generator) -> Example:
        wanted = self._shots[int(random.integers(len(self._shots)))]
        others = [shot for shot in self._shots if shot is not wanted]
        if others and (self._motions is None or random.random() < 0.6):
            count = int(random.integers(1, len(others) + 1))
            chosen = random.choice(len(others), count, replace=False)
            return self._example(wanted, [others[int(i)] for i in chosen], random)
        shot = wanted if self._motions is None else bent(wanted, self._motions, self._size, random)
        return self._example(wanted, [shot], random)

    def _example(
        self, wanted: Shot, shots: Sequence[Shot], random: np.random.Generator | None = None
    ) -> Example:
        return example(0, wanted, shots, self._size, 1, self._prior, random)

    def _examples_of(self, kept: Sequence[Shot]) -> list[Example]:
        return [self._example(shot, self._shots) for shot in kept]

    def _made_again(self, count: int) -> list[Example]:
        """The shots, made from themselves bent by changes that training draws differently."""
        random = np.random.default_rng(1)
        wanted = [self._shots[number % len(self._shots)] for number in range(count)]
        motions = self._motions
        return [
            self._example(shot, [shot if motions is None else bent(shot, motions, self._size, random)])
            for shot in wanted
        ]

    def _expressions(self, count: int) -> list[tuple[Example, np.ndarray]]:
        """The person asked to take other people's expressions, and the landmarks wanted; no truth is known."""
        asked = []
        random = np.random.default_rng(2)
        motions: Motions | None = self._motions
        for number in range(count if motions is not None else 0):
            assert motions is not None
            shot = resized(self._shots[number % len(self._shots)], self._size)
            wanted, shown = motions.bend(shot.geometry, shot.blendshapes, random)
            asked.append((self._example(Shot(shot.picture, wanted, shown), self._shots), wanted.landmarks))
        return asked

    def _astray(self, tuned: nn.Module) -> float:
        """Mean distance of the made faces' landmarks from those asked for, as a share of the eye distance."""
        if not self._asked:
            return 0.0
        made = to_uint8(self._run(tuned, [example for example, _ in self._asked]).picture)
        middle = (self._size - 1) / 2
        whole = Roi(middle, middle, float(self._size), 0.0)
        errors = []
        for picture, (_, wanted) in zip(made, self._asked, strict=True):
            found = self._landmarks(picture, whole).landmarks
            distance = np.linalg.norm(found[:, :2] - wanted[:, :2], axis=1)
            errors.append(float(distance.mean() / max(eye_distance(wanted), 1e-6)))
        return float(np.mean(errors))
