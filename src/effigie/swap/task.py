"""What the training loop trains when it trains a swap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.faces.loss_mask import WEIGHT
from effigie.faces.regions import REGIONS, face_regions
from effigie.nn.images import to_float, to_uint8
from effigie.nn.structural_error import face_errors
from effigie.swap.auxiliary_losses import Teachers
from effigie.swap.cross_identity_dataset import Exchange, Exchanged
from effigie.swap.dataset import Example, Studio, distort
from effigie.swap.loss_weights import Shares
from effigie.swap.losses import Truth, WeightedLosses, default_losses
from effigie.swap.network import Made, SwapNet
from effigie.training.data.sample_cache import Pool
from effigie.training.data.sample_key import Slot

PEOPLE = ("source", "target")
HELD_OUT_FRAMES = 24
PREVIEW_ROWS = 4
POOL = 1200  # examples kept of a person, four of each frame at most
FRESH = 2  # made anew a step: rendering costs a tenth of what training on a picture does


@dataclass
class _HeldOut:
    pictures: Tensor
    priors: Tensor
    regions: np.ndarray


class SwapTask:
    """Trains ``network`` to restore either person from a distorted picture (and the prior).

    Args:
        network: to be trained.
        studios: ``source`` and ``target``.
        batch: pictures a step, half of each person.
        losses: weighted terms.
        teachers: what else is asked of the pictures; None asks for nothing else.
    """

    def __init__(
        self,
        network: SwapNet,
        studios: Mapping[str, Studio],
        batch: int,
        losses: WeightedLosses | None = None,
        teachers: Teachers | None = None,
    ) -> None:
        self._network = network
        self._studios = studios
        self._losses = losses or default_losses()
        self._teachers = teachers or Teachers(Shares())
        self.examples, self.parts, self._swaps = batch, batch // 2, 0
        if self._teachers.of_swaps:
            # A part then holds two pairs and a swap. A batch that is no multiple of such is one part.
            self._swaps = max(1, batch // 4)
            self.parts = 1 if batch % 4 else batch // 4
        pairs = batch // 2
        self._pools = {person: _pool(studio, pairs) for person, studio in studios.items()}
        exchange = Exchange.between(studios["source"], studios["target"])
        rows = studios["target"].footage.training
        self._exchanges = Pool(
            lambda random: exchange.make(int(random.choice(rows)), random),
            max(1, self._swaps),
            min(POOL, 4 * len(rows)),
            1,
        )
        self._swap = _previewed(exchange)
        self._held_out = {person: _held_out(studio) for person, studio in studios.items()}

    def networks(self) -> Mapping[str, nn.Module]:
        return {"swap": self._network, **self._teachers.networks()}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self._network.parameters())}, *self._teachers.parameter_groups()]

    def batch(self, slots: Sequence[Slot]) -> dict[str, dict[str, np.ndarray]]:
        """Half of each person, and a quarter of swaps where somebody looks at them; uint8, channels last."""
        drawn: dict[str, list[Example]] = {person: [] for person in PEOPLE}
        inputs: dict[str, list[np.ndarray]] = {person: [] for person in PEOPLE}
        swaps: list[Exchanged] = []
        for slot in slots:
            random = slot.random()
            for lane in _lanes(slot.number, self.examples // 2, self.parts):
                for person in PEOPLE:
                    example = self._pools[person].draw(lane, slot, random)
                    drawn[person].append(example)
                    inputs[person].append(distort(example.picture[None], random)[0])
            lanes = _lanes(slot.number, self._swaps, self.parts)
            swaps += [self._exchanges.draw(lane, slot, random) for lane in lanes]
        batch = {}
        for person, examples in drawn.items():
            batch[person] = {
                "input": np.stack(inputs[person]),
                "picture": np.stack([example.picture for example in examples]),
                "prior": np.stack([joined(example) for example in examples]),
                "mask": np.stack([example.mask for example in examples])[..., None],
                "weight": np.stack([example.weight for example in examples])[..., None],
            }
        if swaps:
            batch["swap"] = _stacked(swaps)
        return batch

    def losses(self, batch: dict[str, dict[str, Tensor]], step: int) -> dict[str, Tensor]:
        """Named weighted terms, the mean of both people, and what the teachers say."""
        total: dict[str, Tensor] = {}
        made_of = self._network.both(
            {person: to_float(batch[person]["input"]) for person in PEOPLE},
            {person: self._prior(batch[person]["prior"], person) for person in PEOPLE},
        )
        for person, made in made_of.items():
            arrays = batch[person]
            truth = Truth(
                to_float(arrays["picture"]),
                to_float(arrays["mask"]),
                arrays["weight"].permute(0, 3, 1, 2) / WEIGHT,
            )
            terms = self._losses(made, truth)
            if person == "source":
                known = torch.stack([term for name, term in terms.items() if name != "mask"]).sum()
                taught = self._teachers.terms(
                    step, made.picture, arrays, known / len(PEOPLE), lambda: self._swapped(batch["swap"])
                )
            for name, term in terms.items():
                total[name] = total.get(name, torch.zeros((), device=term.device)) + term / len(PEOPLE)
        return total | taught

    def _swapped(self, arrays: dict[str, Tensor]) -> tuple[Made, dict[str, Tensor]]:
        prior = self._prior(arrays["prior"], "source")
        return self._network(to_float(arrays["picture"]), prior, "source"), arrays

    def _prior(self, priors: Tensor, person: str) -> Tensor | None:
        return to_float(priors) if self._studios[person].prior else None

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """``error``: 1 - SSIM within the face mask on held-out frames, mean of both people.

        Also ``error_eyes``, ``error_mouth`` and ``error_skin``; and each person's: ``source``, ``source_eyes``, ...
        """
        network = networks["swap"]
        found: dict[str, dict[str, float]] = {}
        for person, held_out in self._held_out.items():
            made = self._run(network, held_out.pictures, held_out.priors, person).picture
            pictures = made.float().cpu().permute(0, 2, 3, 1).numpy()
            truth = to_float(held_out.pictures).permute(0, 2, 3, 1).numpy()
            found[person] = face_errors(pictures, truth, held_out.regions, REGIONS)
        names = dict.fromkeys(name for errors in found.values() for name in errors)
        both = {name: float(np.mean([e[name] for e in found.values() if name in e])) for name in names}
        each = {
            name.replace("error", person): value
            for person, errors in found.items()
            for name, value in errors.items()
        }
        return {**both, **each}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of target, prior, swap | source, source restored."""
        network = networks["swap"]
        swap = _stack(self._swap[:PREVIEW_ROWS])
        swapped = self._run(network, swap[0], swap[1], "source")
        held_out = self._held_out["source"]
        count = min(PREVIEW_ROWS, len(self._swap), len(held_out.pictures))
        restored = self._run(network, held_out.pictures[:count], held_out.priors[:count], "source")
        columns = [
            swap[0].numpy(),
            swap[1][..., :3].numpy(),
            to_uint8(swapped.picture),
            held_out.pictures.numpy(),
            to_uint8(restored.picture),
        ]
        return np.concatenate([np.concatenate(list(column[:count]), axis=0) for column in columns], axis=1)

    def _run(self, network: nn.Module, pictures: Tensor, priors: Tensor, person: str) -> Made:
        device = next(network.parameters()).device
        return network(to_float(pictures).to(device), self._prior(priors.to(device), person), person)


def _pool(studio: Studio, lanes: int) -> Pool[Example]:
    rows = studio.footage.training
    return Pool(
        lambda random: studio.make(int(random.choice(rows)), random), lanes, min(POOL, 4 * len(rows)), FRESH
    )


def _lanes(part: int, lanes: int, parts: int) -> range:
    """Numbers of the lanes that belong to a part."""
    return range(part * (lanes // parts), (part + 1) * (lanes // parts))


def _held_out(studio: Studio) -> _HeldOut:
    rows = studio.footage.held_out
    chosen = rows[np.linspace(0, len(rows) - 1, min(HELD_OUT_FRAMES, len(rows))).astype(int)]
    examples = [studio.make(int(row), None) for row in chosen]
    pictures, priors = _stack(examples)
    regions = [
        face_regions(studio.landmarks(int(row)), example.mask > 127)
        for row, example in zip(chosen, examples, strict=True)
    ]
    return _HeldOut(pictures, priors, np.stack(regions))


def _stack(examples: Sequence[Example | Exchanged]) -> tuple[Tensor, Tensor]:
    pictures = torch.from_numpy(np.stack([example.picture for example in examples]))
    return pictures, torch.from_numpy(np.stack([joined(example) for example in examples]))


def _previewed(exchange: Exchange) -> list[Exchanged]:
    """Held-out frames of the target with the source's prior."""
    rows = exchange.target.footage.held_out
    chosen = rows[np.linspace(0, len(rows) - 1, min(PREVIEW_ROWS, len(rows))).astype(int)]
    return [exchange.make(int(row), None) for row in chosen]


def _stacked(examples: list[Exchanged]) -> dict[str, np.ndarray]:
    return {
        "picture": np.stack([example.picture for example in examples]),
        "prior": np.stack([joined(example) for example in examples]),
        "share": np.stack([example.share for example in examples])[..., None],
        "chip": np.stack([example.chip for example in examples]),
    }


def joined(example: Example | Exchanged) -> np.ndarray:
    """(S, S, 4) uint8: prior and validity."""
    return np.concatenate([example.prior, example.validity[..., None]], axis=-1)
