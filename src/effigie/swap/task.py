"""The training task of a swap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.faces.mask import REGIONS, UNIT_WEIGHT, face_regions
from effigie.nn.images import to_float, to_uint8
from effigie.nn.ssim import region_ssim_errors
from effigie.swap.auxiliary_losses import AuxiliaryLosses
from effigie.swap.dataset import CrossIdentityDataset, CrossIdentitySample, SwapDataset, SwapSample, random_warp
from effigie.swap.losses import GroundTruth, reconstruction_losses
from effigie.swap.network import DecoderOutput, SwapNet
from effigie.swap.presets import SwapLossWeights
from effigie.training.data.collate import collate
from effigie.training.data.sample_cache import SampleCache
from effigie.training.data.sample_key import SampleKey

PEOPLE = ("source", "target")
HELD_OUT_FRAMES = 24
PREVIEW_ROWS = 4
CACHE_SIZE = 1200  # examples kept of a person, four of each frame at most
NEW_PER_STEP = 2  # made anew a step: rendering costs a tenth of what training on a picture does


@dataclass
class _HeldOutFrames:
    pictures: Tensor
    priors: Tensor
    regions: np.ndarray


class SwapTask:
    """Trains ``network`` to restore either person from a distorted picture (and the prior).

    Args:
        network: to be trained.
        datasets: of ``source`` and ``target``.
        batch: pictures a step, half of each person.
        auxiliary_losses: beside reconstruction; None for none.
    """

    def __init__(
        self,
        network: SwapNet,
        datasets: Mapping[str, SwapDataset],
        batch: int,
        auxiliary_losses: AuxiliaryLosses | None = None,
    ) -> None:
        self._network = network
        self._datasets = datasets
        self._auxiliary_losses = auxiliary_losses or AuxiliaryLosses(SwapLossWeights())
        self.examples, self.parts, self._swaps = batch, batch // 2, 0
        if self._auxiliary_losses.needs_swaps:
            # A part then holds two pairs and a swap. A batch that is no multiple of such is one part.
            self._swaps = max(1, batch // 4)
            self.parts = 1 if batch % 4 else batch // 4
        pairs = batch // 2
        self._caches = {person: _build_cache(dataset, pairs) for person, dataset in datasets.items()}
        cross_identity = CrossIdentityDataset.from_datasets(datasets["source"], datasets["target"])
        rows = datasets["target"].footage.training
        self._cross_identity_cache = SampleCache(
            lambda random: cross_identity.make_sample(int(random.choice(rows)), random),
            max(1, self._swaps),
            min(CACHE_SIZE, 4 * len(rows)),
            1,
        )
        self._preview = _preview_samples(cross_identity)
        self._held_out = {person: _held_out_frames(dataset) for person, dataset in datasets.items()}

    def networks(self) -> Mapping[str, nn.Module]:
        return {"swap": self._network, **self._auxiliary_losses.networks()}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self._network.parameters())}, *self._auxiliary_losses.parameter_groups()]

    def batch(self, sample_keys: Sequence[SampleKey]) -> dict[str, dict[str, np.ndarray]]:
        """Half of each person, and a quarter of swaps where a loss needs them; uint8, channels last."""
        samples: dict[str, list[SwapSample]] = {person: [] for person in PEOPLE}
        inputs: dict[str, list[np.ndarray]] = {person: [] for person in PEOPLE}
        swaps: list[CrossIdentitySample] = []
        for sample_key in sample_keys:
            random = sample_key.random()
            for shard in _shard_numbers(sample_key.number, self.examples // 2, self.parts):
                for person in PEOPLE:
                    example = self._caches[person].draw(shard, sample_key, random)
                    samples[person].append(example)
                    inputs[person].append(random_warp(example.picture[None], random)[0])
            shards = _shard_numbers(sample_key.number, self._swaps, self.parts)
            swaps += [self._cross_identity_cache.draw(shard, sample_key, random) for shard in shards]
        names = ("picture", "prior", "mask", "weight")
        batch = {
            person: {"input": np.stack(inputs[person]), **collate(examples, names)}
            for person, examples in samples.items()
        }
        if swaps:
            batch["swap"] = collate(swaps, ("picture", "prior", "share", "chip"))
        return batch

    def losses(self, batch: dict[str, dict[str, Tensor]], step: int) -> dict[str, Tensor]:
        """Named weighted terms, the mean of both people, and the auxiliary losses."""
        total: dict[str, Tensor] = {}
        outputs = self._network.decode_both(
            {person: to_float(batch[person]["input"]) for person in PEOPLE},
            {person: self._prior(batch[person]["prior"], person) for person in PEOPLE},
        )
        for person, output in outputs.items():
            arrays = batch[person]
            truth = GroundTruth(to_float(arrays["picture"]), arrays["weight"].permute(0, 3, 1, 2) / UNIT_WEIGHT)
            terms = reconstruction_losses(output, truth)
            if person == "source":
                reconstruction = torch.stack(list(terms.values())).sum()
                auxiliary = self._auxiliary_losses.compute_terms(
                    step, output.picture, arrays, reconstruction / len(PEOPLE), lambda: self._decode_swap(batch["swap"])
                )
            for name, term in terms.items():
                total[name] = total.get(name, torch.zeros((), device=term.device)) + term / len(PEOPLE)
        return total | auxiliary

    def _decode_swap(self, arrays: dict[str, Tensor]) -> tuple[DecoderOutput, dict[str, Tensor]]:
        prior = self._prior(arrays["prior"], "source")
        return self._network(to_float(arrays["picture"]), prior, "source"), arrays

    def _prior(self, priors: Tensor, person: str) -> Tensor | None:
        return to_float(priors) if self._datasets[person].prior else None

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """``error``: 1 - SSIM within the face mask on held-out frames, mean of both people.

        Also ``error_eyes``, ``error_mouth`` and ``error_skin``; and each person's: ``source``, ``source_eyes``, ...
        """
        network = networks["swap"]
        errors_by_person: dict[str, dict[str, float]] = {}
        for person, held_out in self._held_out.items():
            output = self._run(network, held_out.pictures, held_out.priors, person).picture
            pictures = output.float().cpu().permute(0, 2, 3, 1).numpy()
            truth = to_float(held_out.pictures).permute(0, 2, 3, 1).numpy()
            errors_by_person[person] = region_ssim_errors(pictures, truth, held_out.regions, REGIONS)
        names = dict.fromkeys(name for errors in errors_by_person.values() for name in errors)
        means = {name: float(np.mean([e[name] for e in errors_by_person.values() if name in e])) for name in names}
        scores = {
            name.replace("error", person): value
            for person, errors in errors_by_person.items()
            for name, value in errors.items()
        }
        return {**means, **scores}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of target, prior, swap | source, source restored."""
        network = networks["swap"]
        swap = collate(self._preview, ("picture", "prior"))
        swapped = self._run(network, torch.from_numpy(swap["picture"]), torch.from_numpy(swap["prior"]), "source")
        held_out = self._held_out["source"]
        count = min(PREVIEW_ROWS, len(self._preview), len(held_out.pictures))
        restored = self._run(network, held_out.pictures[:count], held_out.priors[:count], "source")
        columns = [
            swap["picture"],
            swap["prior"][..., :3],
            to_uint8(swapped.picture),
            held_out.pictures.numpy(),
            to_uint8(restored.picture),
        ]
        return np.concatenate([np.concatenate(list(column[:count]), axis=0) for column in columns], axis=1)

    def _run(self, network: nn.Module, pictures: Tensor, priors: Tensor, person: str) -> DecoderOutput:
        device = next(network.parameters()).device
        return network(to_float(pictures).to(device), self._prior(priors.to(device), person), person)


def _build_cache(dataset: SwapDataset, shards: int) -> SampleCache[SwapSample]:
    rows = dataset.footage.training
    return SampleCache(
        lambda random: dataset.make_sample(int(random.choice(rows)), random),
        shards,
        min(CACHE_SIZE, 4 * len(rows)),
        NEW_PER_STEP,
    )


def _shard_numbers(part: int, shards: int, parts: int) -> range:
    """Numbers of the shards that belong to a part of the batch."""
    return range(part * (shards // parts), (part + 1) * (shards // parts))


def _held_out_frames(dataset: SwapDataset) -> _HeldOutFrames:
    rows = dataset.footage.held_out
    selected = rows[np.linspace(0, len(rows) - 1, min(HELD_OUT_FRAMES, len(rows))).astype(int)]
    examples = [dataset.make_sample(int(row), None) for row in selected]
    regions = [
        face_regions(dataset.landmarks(int(row)), example.mask[..., 0] > 127)
        for row, example in zip(selected, examples, strict=True)
    ]
    inputs = collate(examples, ("picture", "prior"))
    return _HeldOutFrames(torch.from_numpy(inputs["picture"]), torch.from_numpy(inputs["prior"]), np.stack(regions))


def _preview_samples(cross_identity: CrossIdentityDataset) -> list[CrossIdentitySample]:
    """Held-out frames of the target with the source's prior."""
    rows = cross_identity.target.footage.held_out
    selected = rows[np.linspace(0, len(rows) - 1, min(PREVIEW_ROWS, len(rows))).astype(int)]
    return [cross_identity.make_sample(int(row), None) for row in selected]
