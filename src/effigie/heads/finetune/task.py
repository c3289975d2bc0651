"""The training task of fine-tuning to one person (arXiv 1905.08233, section 3.3).

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
from effigie.heads.finetune.reference_set import resize_shot
from effigie.heads.meta_learning.dataset import HeadsExample, bend_still, build_example
from effigie.heads.meta_learning.identity_dataset import ReferenceShot
from effigie.heads.meta_learning.task import (
    BATCH_ARRAYS,
    DISCRIMINATOR_EPS,
    LossWeights,
    PerceptualDistance,
    batch_to_float,
    compute_losses,
    mean_face_error,
)
from effigie.heads.network.discriminator import Discriminator
from effigie.heads.network.generator import Generator, GeneratorOutput
from effigie.heads.network.landmark_image import draw_landmarks
from effigie.nn.gan import DiscriminatorOutput, GanLoss
from effigie.nn.images import to_uint8
from effigie.training.data.collate import collate
from effigie.training.data.sample_cache import SampleCache
from effigie.training.data.sample_key import SampleKey

HOLD_OUT_INTERVAL = 4  # every so many shots one is not trained on
MAX_HELD_OUT = 6
MIMICRY_SAMPLES = 12  # changes of expression that mimicry is judged by
MIMICRY_TOLERANCE = 1.1  # times the landmark error of the start that still counts as following
CACHE_SIZE = 160  # examples kept


class PersonGenerator(nn.Module):
    """A generator with one person's parameters."""

    def __init__(self, generator: Generator, psi: Tensor) -> None:
        super().__init__()
        self.generator = generator
        self.psi = nn.Parameter(psi.clone())

    def forward(self, drawing: Tensor, prior: Tensor) -> GeneratorOutput:
        """See :meth:`effigie.heads.network.generator.Generator.forward`."""
        return self.generator(drawing, None, prior if self.generator.prior else None, psi=self.psi)


class PersonDiscriminator(nn.Module):
    """A discriminator with one person's column."""

    def __init__(self, discriminator: Discriminator, column: Tensor) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.column = nn.Parameter(column.clone())

    def forward(self, picture: Tensor, drawing: Tensor) -> DiscriminatorOutput:
        """See :meth:`effigie.heads.network.discriminator.Discriminator.forward`."""
        return self.discriminator(picture, drawing, column=self.column)


@torch.no_grad()
def compute_embedding(model: HeadsModel, shots: Sequence[ReferenceShot]) -> Tensor:
    """(N,) the mean embedding of the shots, which are of the model's size."""
    size = model.preset.size
    pictures = np.stack([shot.picture for shot in shots])
    drawings = np.stack([draw_landmarks(shot.geometry.landmarks, size) for shot in shots])
    both = [torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255 for part in (pictures, drawings)]
    mean: Tensor = model.networks.embedder(*both).mean(0)
    return mean


@torch.no_grad()
def compute_parameters(model: HeadsModel, shots: Sequence[ReferenceShot]) -> tuple[Tensor, Tensor]:
    """The shots' (N,) embedding and the person's (1, P) parameters before any tuning; shots of any size."""
    embedding = compute_embedding(model, [resize_shot(shot, model.preset.size) for shot in shots])
    return embedding, model.networks.generator.project_embedding(embedding[None])


def split_shots(shots: Sequence[ReferenceShot]) -> tuple[list[ReferenceShot], list[ReferenceShot]]:
    """Shots to train on and, of four or more, held-out shots: every fourth, six at most."""
    if len(shots) < HOLD_OUT_INTERVAL:
        return list(shots), []
    held_out = range(HOLD_OUT_INTERVAL // 2, len(shots), HOLD_OUT_INTERVAL)[:MAX_HELD_OUT]
    return [shot for i, shot in enumerate(shots) if i not in held_out], [shots[i] for i in held_out]


class TuneTask:
    """Fine-tunes generator, psi and discriminator to a person.

    What tells the best weights is half the error on what was held out (shots, or with few the shots themselves made
    from warped ones), half mimicry: whether the made face takes the expressions it is asked to take. Over-tuned
    generators lose that first.

    Args:
        model: meta-learned.
        shots: T of them, at the model's size or larger.
        batch: examples a step.
        weights: of the losses.
        perceptual_loss: as for meta-learning.
    """

    def __init__(
        self,
        model: HeadsModel,
        shots: Sequence[ReferenceShot],
        batch: int,
        weights: LossWeights | None = None,
        perceptual_loss: PerceptualDistance | None = None,
    ) -> None:
        self._size, self._prior, self._motions = model.preset.size, model.prior, model.motions
        self._weights, self._perceptual_loss = weights or LossWeights(), perceptual_loss
        self.examples = self.parts = batch
        trained, held_out = split_shots(shots)
        self._shots = trained
        embedding, psi = compute_parameters(model, shots)
        generator = copy.deepcopy(model.networks.generator).requires_grad_(True).train()
        discriminator = copy.deepcopy(model.networks.discriminator).requires_grad_(True).train()
        discriminator.table.requires_grad_(False)
        self.embedding = embedding
        self.tuned = PersonGenerator(generator, psi)
        self._adversary = GanLoss(
            PersonDiscriminator(discriminator, discriminator.init_column(embedding)),
            self._weights.adversary,
            self._weights.features,
            paired=model.prior,
        )
        # Few pictures: made once and used again and again.
        self._cache = SampleCache(self._sample_example, batch, CACHE_SIZE, 1, replace_oldest=False)
        self._held_out = [self._example(shot, self._shots) for shot in held_out]
        if not held_out:
            self._held_out = self._build_reconstructions(MIMICRY_SAMPLES)
        self._expression_targets = self._build_expression_targets(MIMICRY_SAMPLES)
        self._landmarks = LandmarkModel()
        # Before anything is resumed: errors are shares of these, whichever call they are from.
        picture_error, mimicry_error = self._measure_errors(self.tuned.eval())
        self._initial_errors = max(picture_error, 1e-6), max(mimicry_error, 1e-6)
        self.tuned.train()

    def networks(self) -> Mapping[str, nn.Module]:
        return {"tuned": self.tuned, "judge": self._adversary.discriminator}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.tuned.parameters())}, self._adversary.parameter_group(eps=DISCRIMINATOR_EPS)]

    def batch(self, sample_keys: Sequence[SampleKey]) -> dict[str, np.ndarray]:
        """uint8 pictures, channels last."""
        return collate([self._cache.draw(key.number, key, key.random()) for key in sample_keys], BATCH_ARRAYS)

    def losses(self, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Weighted terms."""
        inputs = batch_to_float(batch)
        output = self.tuned(inputs["drawing"], inputs["prior"])
        return compute_losses(output.picture, inputs, self._weights, self._perceptual_loss, self._adversary)

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """``error``: of held-out pictures and mimicry, 1 at the start; both by themselves as well."""
        picture_error, mimicry_error = self._measure_errors(networks["tuned"])
        error = (
            picture_error / self._initial_errors[0] / 2
            + max(mimicry_error / self._initial_errors[1], 1 / MIMICRY_TOLERANCE) / 2
        )
        return {"error": error, "pictures": picture_error, "mimicry": mimicry_error}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of landmarks, prior, output, truth."""
        examples = self._held_out[:6]
        output = to_uint8(self._run(networks["tuned"], examples).picture)
        rows = [
            np.concatenate([e.drawing, e.prior[..., :3], picture, e.picture], axis=1)
            for e, picture in zip(examples, output, strict=True)
        ]
        return np.concatenate(rows)

    def _measure_errors(self, generator: nn.Module) -> tuple[float, float]:
        """Error on what was held out, and mimicry."""
        picture_error = mean_face_error(to_uint8(self._run(generator, self._held_out).picture), self._held_out)
        return picture_error, self._measure_mimicry(generator)

    @torch.no_grad()
    def _run(self, generator: nn.Module, examples: Sequence[HeadsExample]) -> GeneratorOutput:
        batch = collate(examples, BATCH_ARRAYS)
        device = next(generator.parameters()).device
        inputs = batch_to_float({name: torch.from_numpy(value).to(device) for name, value in batch.items()})
        output: GeneratorOutput = generator(inputs["drawing"], inputs["prior"])
        return output

    def _sample_example(self, random: np.random.Generator) -> HeadsExample:
        target = self._shots[int(random.integers(len(self._shots)))]
        candidates = [shot for shot in self._shots if shot is not target]
        if candidates and (self._motions is None or random.random() < 0.6):
            count = int(random.integers(1, len(candidates) + 1))
            indices = random.choice(len(candidates), count, replace=False)
            return self._example(target, [candidates[int(i)] for i in indices], random)
        shot = target if self._motions is None else bend_still(target, self._motions, self._size, random)
        return self._example(target, [shot], random)

    def _example(
        self, target: ReferenceShot, shots: Sequence[ReferenceShot], random: np.random.Generator | None = None
    ) -> HeadsExample:
        return build_example(0, target, shots, self._size, 1, self._prior, random)

    def _build_reconstructions(self, count: int) -> list[HeadsExample]:
        """Examples of the shots made from themselves, warped by changes that training draws differently."""
        random = np.random.default_rng(1)
        targets = [self._shots[number % len(self._shots)] for number in range(count)]
        motions = self._motions
        return [
            self._example(shot, [shot if motions is None else bend_still(shot, motions, self._size, random)])
            for shot in targets
        ]

    def _build_expression_targets(self, count: int) -> list[tuple[HeadsExample, np.ndarray]]:
        """Examples of the person with other people's expressions, and the wanted landmarks; no truth is known."""
        examples: list[tuple[HeadsExample, np.ndarray]] = []
        random = np.random.default_rng(2)
        if self._motions is None:
            return examples
        for number in range(count):
            shot = resize_shot(self._shots[number % len(self._shots)], self._size)
            geometry, blendshapes = self._motions.transfer_motion(shot.geometry, shot.blendshapes, random)
            example = self._example(ReferenceShot(shot.picture, geometry, blendshapes), self._shots)
            examples.append((example, geometry.landmarks))
        return examples

    def _measure_mimicry(self, generator: nn.Module) -> float:
        """Mean distance of the made faces' landmarks from the wanted ones, as a share of the eye distance."""
        if not self._expression_targets:
            return 0.0
        output = to_uint8(self._run(generator, [example for example, _ in self._expression_targets]).picture)
        middle = (self._size - 1) / 2
        whole = Roi(middle, middle, float(self._size), 0.0)
        errors = []
        for picture, (_, target) in zip(output, self._expression_targets, strict=True):
            landmarks = self._landmarks(picture, whole).landmarks
            distance = np.linalg.norm(landmarks[:, :2] - target[:, :2], axis=1)
            errors.append(float(distance.mean() / max(eye_distance(target), 1e-6)))
        return float(np.mean(errors))
