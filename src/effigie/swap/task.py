"""What the training loop trains when it trains a swap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.faces.emphasis import WEIGHT
from effigie.faces.regions import REGIONS, face_regions
from effigie.swap.data import Example, Studio, distort
from effigie.swap.losses import Truth, WeightedLosses, default_losses
from effigie.swap.networks import Made
from effigie.training.face_error import face_errors
from effigie.training.pictures import to_float, to_uint8
from effigie.training.pool import Pool

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
        network: called as ``network(picture, prior, person)``.
        studios: ``source`` and ``target``.
        batch: pictures a step, half of each person.
        losses: weighted terms.
        swap_examples: target frames with the source's prior, for the preview.
    """

    def __init__(
        self,
        network: nn.Module,
        studios: Mapping[str, Studio],
        batch: int,
        swap_examples: list[Example],
        losses: WeightedLosses | None = None,
    ) -> None:
        self._network = network
        self._studios = studios
        self._batch = batch
        self._losses = losses or default_losses()
        self._pools = {person: _pool(studio) for person, studio in studios.items()}
        self._swap = swap_examples
        self._held_out = {person: _held_out(studio) for person, studio in studios.items()}

    def networks(self) -> Mapping[str, nn.Module]:
        return {"swap": self._network}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self._network.parameters())}]

    def batch(self, random: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
        """Half a batch of each person, uint8, channels last."""
        batch = {}
        for person in PEOPLE:
            examples = self._pools[person].draw(self._batch // 2, random)
            pictures = np.stack([example.picture for example in examples])
            batch[person] = {
                "input": distort(pictures, random),
                "picture": pictures,
                "prior": np.stack([joined(example) for example in examples]),
                "mask": np.stack([example.mask for example in examples])[..., None],
                "weight": np.stack([example.weight for example in examples])[..., None],
            }
        return batch

    def losses(self, batch: dict[str, dict[str, Tensor]], step: int) -> dict[str, Tensor]:
        """Named weighted terms, the mean of both people."""
        total: dict[str, Tensor] = {}
        for person, arrays in batch.items():
            studio = self._studios[person]
            prior = to_float(arrays["prior"]) if studio.prior else None
            made = self._network(to_float(arrays["input"]), prior, person)
            truth = Truth(
                to_float(arrays["picture"]),
                to_float(arrays["mask"]),
                arrays["weight"].permute(0, 3, 1, 2) / WEIGHT,
            )
            for name, term in self._losses(made, truth).items():
                total[name] = total.get(name, torch.zeros((), device=term.device)) + term / len(batch)
        return total

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
        prior = to_float(priors).to(device) if self._studios[person].prior else None
        return network(to_float(pictures).to(device), prior, person)


def _pool(studio: Studio) -> Pool[Example]:
    rows = studio.footage.training
    return Pool(lambda random: studio.make(int(random.choice(rows)), random), min(POOL, 4 * len(rows)), FRESH)


def _held_out(studio: Studio) -> _HeldOut:
    rows = studio.footage.held_out
    chosen = rows[np.linspace(0, len(rows) - 1, min(HELD_OUT_FRAMES, len(rows))).astype(int)]
    examples = [studio.make(int(row), None) for row in chosen]
    pictures, priors = _stack(examples)
    regions = [
        face_regions(studio.upright(int(row)), example.mask > 127)
        for row, example in zip(chosen, examples, strict=True)
    ]
    return _HeldOut(pictures, priors, np.stack(regions))


def _stack(examples: list[Example]) -> tuple[Tensor, Tensor]:
    pictures = torch.from_numpy(np.stack([example.picture for example in examples]))
    return pictures, torch.from_numpy(np.stack([joined(example) for example in examples]))


def joined(example: Example) -> np.ndarray:
    """(S, S, 4) uint8: prior and validity."""
    return np.concatenate([example.prior, example.validity[..., None]], axis=-1)
