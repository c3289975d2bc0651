"""What the training loop trains when it meta-learns talking heads (arXiv 1905.08233, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.faces.loss_mask import WEIGHT
from effigie.faces.regions import REGIONS
from effigie.heads.checkpoint import Networks
from effigie.heads.meta_learning.dataset import Example, ExampleMaker
from effigie.heads.meta_learning.identity_dataset import Identity
from effigie.heads.meta_learning.losses import embedding_match, pyramid_l1
from effigie.heads.meta_learning.random_crops import drawn, look_at
from effigie.heads.network.generator import Generator, Made
from effigie.nn.gan import Adversary
from effigie.nn.images import to_float, to_uint8
from effigie.nn.structural_error import face_error, face_errors
from effigie.training.data.sample_cache import Pool
from effigie.training.data.sample_key import Slot

PREVIEW_ROWS = 6
CRITIC_EPS = (
    1e-8  # with Adam's eps of 1e-5 the deep layers of a small discriminator hardly move (gradients of 1e-5)
)
POOL_BYTES = 600 << 20
FACE = 0.9 * WEIGHT  # pixel weight from which a pixel belongs to the face
Perceptual = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts.

    Measured at ``nano``, gradients at the made picture are then of one size: pixels 0.01, content 0.03, adversary 0.01
    once the critic has learned something (0.5 before weighting), features 0.01.

    Attributes:
        pixels: L1 over a pyramid, in the face above all. The paper has none; with little data it steadies.
        content: distance of perceptual features.
        adversary: hinge terms of generator and discriminator.
        features: distance of the discriminator's features.
        match: distance of embeddings and columns of W; only tuning profits from it.
    """

    pixels: float = 10.0
    content: float = 3.0
    adversary: float = 0.02
    features: float = 5.0
    match: float = 0.1


class HeadsTask:
    """Trains embedder, generator and discriminator on examples of many people.

    Args:
        networks: to be trained.
        maker: makes examples.
        identities: that are trained on, by number.
        batch: examples a step.
        held_out: examples of people not trained on.
        weights: of the losses.
        content: perceptual distance of two (B, 3, S, S) pictures in [0, 1]; None leaves it out.
        fresh: examples made anew a step; the rest are used again.
        critic_rate: learning rate of the discriminator.
        paired: see :class:`effigie.nn.gan.Adversary`.
    """

    def __init__(
        self,
        networks: Networks,
        maker: ExampleMaker,
        identities: Mapping[int, Identity],
        batch: int,
        held_out: Sequence[Example],
        weights: LossWeights | None = None,
        content: Perceptual | None = None,
        fresh: int = 3,
        critic_rate: float = 2e-4,
        paired: bool = False,
    ) -> None:
        self._networks, self._weights = networks, weights or LossWeights()
        self.examples = self.parts = batch
        self._adversary = Adversary(
            networks.discriminator, self._weights.adversary, self._weights.features, paired
        )
        self._content, self._critic_rate = content, critic_rate
        whom = Draw(identities)
        self._pool = Pool(
            lambda random: maker.make(whom(random), random),
            batch,
            lambda first: max(2 * batch, POOL_BYTES // nbytes(first)),
            fresh,
        )
        self._held_out = list(held_out)

    def networks(self) -> Mapping[str, nn.Module]:
        return self._networks.named()

    def parameter_groups(self) -> list[dict[str, Any]]:
        made = [*self._networks.embedder.parameters(), *self._networks.generator.parameters()]
        if not self._weights.adversary:
            return [{"params": made}]
        return [{"params": made}, self._adversary.parameter_group(self._critic_rate, CRITIC_EPS)]

    def batch(self, slots: Sequence[Slot]) -> dict[str, np.ndarray]:
        """uint8 pictures, channels last, and the numbers of the people."""
        return stacked([self._pool.draw(slot.number, slot, slot.random()) for slot in slots])

    def losses(self, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Weighted terms."""
        seen = as_floats(batch)
        embedding = embed(self._networks.embedder, seen)
        made = run(self._networks.generator, seen, embedding)
        weights = self._weights
        terms = compared(made.picture, seen, weights, self._content, self._adversary, batch["person"])
        if weights.match:
            columns = self._networks.discriminator.column(batch["person"])
            terms["match"] = weights.match * embedding_match(embedding, columns)
        return terms

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """``error``: 1 - SSIM within the face of people never trained on, and that of its regions.

        ``prior``: of geometry alone.
        """
        made = make(networks, self._held_out)
        priors = [example.prior[..., :3] for example in self._held_out]
        errors = face_errors(
            [picture / 255.0 for picture in to_uint8(made.picture)],
            [example.picture / 255.0 for example in self._held_out],
            [example.regions for example in self._held_out],
            REGIONS,
            [example.weight >= FACE for example in self._held_out],
        )
        return {**errors, "prior": mean_error(priors, self._held_out)}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of shot, landmarks, prior, made, how much of the prior was kept, truth."""
        spread = np.linspace(0, len(self._held_out) - 1, min(PREVIEW_ROWS, len(self._held_out)))
        examples = [self._held_out[int(index)] for index in spread]
        made = make(networks, examples)
        trust = to_uint8(made.trust.repeat(1, 3, 1, 1))
        rows = [
            np.concatenate([e.shots[0], e.drawing, e.prior[..., :3], picture, kept, e.picture], axis=1)
            for e, picture, kept in zip(examples, to_uint8(made.picture), trust, strict=True)
        ]
        return np.concatenate(rows, axis=0)


def compared(
    made: Tensor,
    seen: Mapping[str, Tensor],
    weights: LossWeights,
    content: Perceptual | None,
    adversary: Adversary,
    person: Tensor | None = None,
) -> dict[str, Tensor]:
    """Weighted terms of made pictures (B, 3, S, S) against what should have been made, whole and looked at closely."""
    real = seen["picture"]
    terms = {"pixels": weights.pixels * pyramid_l1(made, real, seen["weight"])}
    look = drawn(seen["looks"])
    close, truth = look_at(made, look), look_at(real, look)
    if content is not None:
        terms["content"] = weights.content * content(close, truth)
    if weights.adversary:
        conditions = {"drawing": look_at(seen["drawing"], look)}
        if person is not None:
            conditions["person"] = person
        terms |= adversary.losses(close, truth, **conditions)
    return terms


def mean_error(pictures: Sequence[np.ndarray] | np.ndarray, examples: Sequence[Example]) -> float:
    """1 - SSIM within the face, mean over (S, S, 3) uint8 pictures of examples."""
    return float(
        np.mean(
            [
                face_error(picture / 255.0, example.picture / 255.0, example.weight >= FACE)
                for picture, example in zip(pictures, examples, strict=True)
            ]
        )
    )


class Draw:
    """Chooses whom to learn from: the filmed, those with a few stills and those with one, each kind its share."""

    SHARES = (0.5, 0.2, 0.3)

    def __init__(self, identities: Mapping[int, Identity]) -> None:
        kinds: tuple[list[int], ...] = ([], [], [])
        for number, identity in identities.items():
            kinds[0 if identity.filmed else 1 if len(identity) > 1 else 2].append(number)
        self._kinds = [(kind, share) for kind, share in zip(kinds, self.SHARES, strict=True) if kind]

    def __call__(self, random: np.random.Generator) -> int:
        """Number of an identity."""
        shares = np.array([share for _, share in self._kinds])
        kind, _ = self._kinds[int(random.choice(len(shares), p=shares / shares.sum()))]
        return int(kind[int(random.integers(len(kind)))])


def nbytes(example: Example) -> int:
    """Memory of an example's pictures."""
    return sum(value.nbytes for value in vars(example).values() if isinstance(value, np.ndarray))


def stacked(examples: Sequence[Example]) -> dict[str, np.ndarray]:
    """Examples as one array for each of their pictures, and ``person`` (B,) int64."""
    names = ("shots", "shot_drawings", "drawing", "picture", "prior", "weight", "looks")
    batch = {name: np.stack([getattr(example, name) for example in examples]) for name in names}
    return {**batch, "person": np.array([example.person for example in examples], np.int64)}


def as_floats(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pictures of :func:`stacked` as floats in [0, 1], channels first; shots (B * K, 3, S, S); weight from 0."""
    shots = {name: to_float(batch[name].flatten(0, 1)) for name in ("shots", "shot_drawings")}
    plain = {name: to_float(batch[name]) for name in ("drawing", "picture", "prior")}
    weight = batch["weight"][:, None].float() / WEIGHT
    return {**shots, **plain, "weight": weight, "looks": batch["looks"]}


def embed(embedder: nn.Module, seen: Mapping[str, Tensor]) -> Tensor:
    """(B, N) embeddings, each the mean over a person's K shots."""
    each: Tensor = embedder(seen["shots"], seen["shot_drawings"])
    return each.reshape(seen["drawing"].shape[0], -1, each.shape[-1]).mean(1)


def run(generator: Generator, seen: Mapping[str, Tensor], embedding: Tensor) -> Made:
    """The generator on floats of :func:`as_floats`."""
    return generator(seen["drawing"], embedding, seen["prior"] if generator.prior else None)


@torch.no_grad()
def make(networks: Mapping[str, nn.Module], examples: Sequence[Example], at_once: int = 8) -> Made:
    """What the networks make of examples, on the CPU."""
    device = next(networks["generator"].parameters()).device
    pictures, trusts = [], []
    for first in range(0, len(examples), at_once):
        batch = stacked(examples[first : first + at_once])
        seen = as_floats({name: torch.from_numpy(value).to(device) for name, value in batch.items()})
        generator = networks["generator"]
        assert isinstance(generator, Generator)
        made = run(generator, seen, embed(networks["embedder"], seen))
        pictures.append(made.picture.float().cpu())
        trusts.append(made.trust.float().cpu())
    return Made(torch.cat(pictures), torch.cat(trusts))
