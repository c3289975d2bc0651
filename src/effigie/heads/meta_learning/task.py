"""The training task of meta-learning (arXiv 1905.08233, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.faces.mask import REGIONS, UNIT_WEIGHT
from effigie.heads.checkpoint import Networks
from effigie.heads.meta_learning.dataset import ExampleSampler, HeadsExample
from effigie.heads.meta_learning.identity_dataset import Identity
from effigie.heads.meta_learning.losses import embedding_match, pyramid_l1
from effigie.heads.meta_learning.random_crops import crop_and_resize, sample_crop_boxes
from effigie.heads.network.generator import Generator, GeneratorOutput
from effigie.nn.gan import GanLoss
from effigie.nn.images import to_float, to_uint8
from effigie.nn.ssim import masked_ssim_error, region_ssim_errors
from effigie.training.data.collate import collate
from effigie.training.data.sample_cache import SampleCache
from effigie.training.data.sample_key import SampleKey

PREVIEW_ROWS = 6
# With Adam's eps of 1e-5 the deep layers of a small discriminator hardly move (gradients of 1e-5).
DISCRIMINATOR_EPS = 1e-8
CACHE_BYTES = 600 << 20
FACE_WEIGHT = 0.9 * UNIT_WEIGHT  # pixel weight from which a pixel belongs to the face
BATCH_ARRAYS = ("shots", "shot_drawings", "drawing", "picture", "prior", "weight", "crop_boxes", "person")
"""What a batch holds of each :class:`effigie.heads.meta_learning.dataset.HeadsExample`."""
PerceptualDistance = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms.

    Measured at ``nano``, gradients at the made picture are then of one size: pixels 0.01, content 0.03, adversary 0.01
    once the discriminator has learned something (0.5 before weighting), features 0.01.

    Attributes:
        pixels: L1 over a pyramid, in the face above all. The paper has none; with little data it steadies.
        perceptual_loss: distance of perceptual features.
        adversary: hinge terms of generator and discriminator.
        features: distance of the discriminator's features.
        match: distance of embeddings and columns of W; only tuning profits from it.
    """

    pixels: float = 10.0
    perceptual_loss: float = 3.0
    adversary: float = 0.02
    features: float = 5.0
    match: float = 0.1


class HeadsTask:
    """Trains embedder, generator and discriminator on examples of many people.

    Args:
        networks: to be trained.
        sampler: of examples.
        identities: that are trained on, by number.
        batch: examples a step.
        held_out: examples of people not trained on.
        weights: of the losses.
        perceptual_loss: distance of two (B, 3, S, S) pictures in [0, 1]; None leaves it out.
        fresh: examples made anew a step; the rest are used again.
        discriminator_learning_rate: learning rate of the discriminator.
        paired: see :class:`effigie.nn.gan.GanLoss`.
    """

    def __init__(
        self,
        networks: Networks,
        sampler: ExampleSampler,
        identities: Mapping[int, Identity],
        batch: int,
        held_out: Sequence[HeadsExample],
        weights: LossWeights | None = None,
        perceptual_loss: PerceptualDistance | None = None,
        fresh: int = 3,
        discriminator_learning_rate: float = 2e-4,
        paired: bool = False,
    ) -> None:
        self._networks, self._weights = networks, weights or LossWeights()
        self.examples = self.parts = batch
        self._adversary = GanLoss(networks.discriminator, self._weights.adversary, self._weights.features, paired)
        self._perceptual_loss = perceptual_loss
        self._discriminator_learning_rate = discriminator_learning_rate
        sample_identity = IdentitySampler(identities)
        self._cache = SampleCache(
            lambda random: sampler.sample(sample_identity(random), random),
            batch,
            lambda first: max(2 * batch, CACHE_BYTES // example_nbytes(first)),
            fresh,
        )
        self._held_out = list(held_out)

    def networks(self) -> Mapping[str, nn.Module]:
        return self._networks.by_name()

    def parameter_groups(self) -> list[dict[str, Any]]:
        output = [*self._networks.embedder.parameters(), *self._networks.generator.parameters()]
        if not self._weights.adversary:
            return [{"params": output}]
        discriminator = self._adversary.parameter_group(self._discriminator_learning_rate, DISCRIMINATOR_EPS)
        return [{"params": output}, discriminator]

    def batch(self, sample_keys: Sequence[SampleKey]) -> dict[str, np.ndarray]:
        """uint8 pictures, channels last, and the numbers of the people."""
        return collate([self._cache.draw(key.number, key, key.random()) for key in sample_keys], BATCH_ARRAYS)

    def losses(self, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Weighted terms."""
        inputs = batch_to_float(batch)
        embedding = embed_shots(self._networks.embedder, inputs)
        output = run_generator(self._networks.generator, inputs, embedding)
        weights = self._weights
        terms = compute_losses(output.picture, inputs, weights, self._perceptual_loss, self._adversary, batch["person"])
        if weights.match:
            columns = self._networks.discriminator.column(batch["person"])
            terms["match"] = weights.match * embedding_match(embedding, columns)
        return terms

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """``error``: 1 - SSIM within the face of people never trained on, and that of its regions.

        ``prior``: of geometry alone.
        """
        output = generate(networks, self._held_out)
        priors = [example.prior[..., :3] for example in self._held_out]
        errors = region_ssim_errors(
            [picture / 255.0 for picture in to_uint8(output.picture)],
            [example.picture / 255.0 for example in self._held_out],
            [example.regions for example in self._held_out],
            REGIONS,
            [example.weight >= FACE_WEIGHT for example in self._held_out],
        )
        return {**errors, "prior": mean_face_error(priors, self._held_out)}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of shot, landmarks, prior, output, blend weight, truth."""
        spread = np.linspace(0, len(self._held_out) - 1, min(PREVIEW_ROWS, len(self._held_out)))
        examples = [self._held_out[int(index)] for index in spread]
        output = generate(networks, examples)
        blend_weight = to_uint8(output.blend_weight.repeat(1, 3, 1, 1))
        rows = [
            np.concatenate([e.shots[0], e.drawing, e.prior[..., :3], picture, blend, e.picture], axis=1)
            for e, picture, blend in zip(examples, to_uint8(output.picture), blend_weight, strict=True)
        ]
        return np.concatenate(rows, axis=0)


def compute_losses(
    output: Tensor,
    inputs: Mapping[str, Tensor],
    weights: LossWeights,
    perceptual_loss: PerceptualDistance | None,
    adversary: GanLoss,
    person: Tensor | None = None,
) -> dict[str, Tensor]:
    """Weighted loss terms of made pictures (B, 3, S, S) against the truth, whole and in random crops."""
    real = inputs["picture"]
    terms = {"pixels": weights.pixels * pyramid_l1(output, real, inputs["weight"])}
    look = sample_crop_boxes(inputs["crop_boxes"])
    close, truth = crop_and_resize(output, look), crop_and_resize(real, look)
    if perceptual_loss is not None:
        terms["content"] = weights.perceptual_loss * perceptual_loss(close, truth)
    if weights.adversary:
        conditions = {"drawing": crop_and_resize(inputs["drawing"], look)}
        if person is not None:
            conditions["person"] = person
        terms |= adversary.losses(close, truth, **conditions)
    return terms


def mean_face_error(pictures: Sequence[np.ndarray] | np.ndarray, examples: Sequence[HeadsExample]) -> float:
    """1 - SSIM within the face, mean over (S, S, 3) uint8 pictures of examples."""
    errors = [
        masked_ssim_error(picture / 255.0, example.picture / 255.0, example.weight >= FACE_WEIGHT)
        for picture, example in zip(pictures, examples, strict=True)
    ]
    return float(np.mean(errors))


class IdentitySampler:
    """Samples identities to learn from: filmed, with a few stills and with one, each kind by its share."""

    SHARES = (0.5, 0.2, 0.3)

    def __init__(self, identities: Mapping[int, Identity]) -> None:
        kinds: tuple[list[int], ...] = ([], [], [])
        for number, identity in identities.items():
            kinds[0 if identity.is_video else 1 if len(identity) > 1 else 2].append(number)
        self._kinds = [(kind, share) for kind, share in zip(kinds, self.SHARES, strict=True) if kind]

    def __call__(self, random: np.random.Generator) -> int:
        """The number of a random identity."""
        shares = np.array([share for _, share in self._kinds])
        kind, _ = self._kinds[int(random.choice(len(shares), p=shares / shares.sum()))]
        return int(kind[int(random.integers(len(kind)))])


def example_nbytes(example: HeadsExample) -> int:
    """Bytes of an example's arrays."""
    return sum(value.nbytes for value in vars(example).values() if isinstance(value, np.ndarray))


def batch_to_float(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pictures of a batch as floats in [0, 1], channels first; shots (B * K, 3, S, S); weight from 0."""
    shots = {name: to_float(batch[name].flatten(0, 1)) for name in ("shots", "shot_drawings")}
    plain = {name: to_float(batch[name]) for name in ("drawing", "picture", "prior")}
    weight = batch["weight"][:, None].float() / UNIT_WEIGHT
    return {**shots, **plain, "weight": weight, "crop_boxes": batch["crop_boxes"]}


def embed_shots(embedder: nn.Module, inputs: Mapping[str, Tensor]) -> Tensor:
    """(B, N) embeddings, each the mean over a person's K shots."""
    embeddings: Tensor = embedder(inputs["shots"], inputs["shot_drawings"])
    return embeddings.reshape(inputs["drawing"].shape[0], -1, embeddings.shape[-1]).mean(1)


def run_generator(generator: Generator, inputs: Mapping[str, Tensor], embedding: Tensor) -> GeneratorOutput:
    """The generator on floats of :func:`batch_to_float`."""
    return generator(inputs["drawing"], embedding, inputs["prior"] if generator.prior else None)


@torch.no_grad()
def generate(networks: Mapping[str, nn.Module], examples: Sequence[HeadsExample], at_once: int = 8) -> GeneratorOutput:
    """The networks' outputs for examples, on the CPU."""
    device = next(networks["generator"].parameters()).device
    pictures, blend_weights = [], []
    for first in range(0, len(examples), at_once):
        batch = collate(examples[first : first + at_once], BATCH_ARRAYS)
        inputs = batch_to_float({name: torch.from_numpy(value).to(device) for name, value in batch.items()})
        generator = networks["generator"]
        assert isinstance(generator, Generator)
        output = run_generator(generator, inputs, embed_shots(networks["embedder"], inputs))
        pictures.append(output.picture.float().cpu())
        blend_weights.append(output.blend_weight.float().cpu())
    return GeneratorOutput(torch.cat(pictures), torch.cat(blend_weights))
