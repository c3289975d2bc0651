"""The pretraining task: frames with somebody else's face in, the person of the prior out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.faces.mask import UNIT_WEIGHT
from effigie.nn.images import to_float, to_uint8
from effigie.nn.ssim import region_ssim_errors
from effigie.swap.losses import GroundTruth, reconstruction_losses
from effigie.swap.network import PretrainedNet
from effigie.swap.pretraining.dataset import PeopleDataset, PretrainingSample
from effigie.training.data.collate import collate
from effigie.training.data.sample_cache import SampleCache
from effigie.training.data.sample_key import SampleKey

HELD_OUT_SAMPLES = 48
PREVIEW_ROWS = 4
CACHE_SIZE = 6000  # samples kept
NEW_SHARE = 0.5  # of a batch, made anew each step
NAMES = ("input", "picture", "prior", "mask", "weight")


class PretrainingTask:
    """Trains ``network`` on some people of a dataset; others are held out.

    Args:
        network: to be trained.
        dataset: of everybody.
        training, held_out: indices of people.
        batch: pictures a step.
    """

    def __init__(
        self,
        network: PretrainedNet,
        dataset: PeopleDataset,
        training: Sequence[int],
        held_out: Sequence[int],
        batch: int,
    ) -> None:
        self._network = network
        self.examples = self.parts = batch
        self._cache: SampleCache[PretrainingSample] = SampleCache(
            lambda random: dataset.make_sample(dataset.draw_person(training, random), random),
            batch,
            CACHE_SIZE,
            max(1, round(NEW_SHARE * batch)),
        )
        random = np.random.default_rng(0)
        samples = [dataset.make_sample(held_out[number % len(held_out)], random) for number in range(HELD_OUT_SAMPLES)]
        self._held_out = collate(samples, NAMES)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"start": self._network}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self._network.parameters())}]

    def batch(self, sample_keys: Sequence[SampleKey]) -> dict[str, np.ndarray]:
        """Samples, uint8, channels last."""
        return collate([self._cache.draw(key.number, key, key.random()) for key in sample_keys], NAMES)

    def losses(self, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Named weighted terms."""
        output = self._network(to_float(batch["input"]), to_float(batch["prior"]))
        weight = batch["weight"].permute(0, 3, 1, 2) / UNIT_WEIGHT
        return reconstruction_losses(output, GroundTruth(to_float(batch["picture"]), weight))

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """``error``: 1 - SSIM within the face mask on people held out, also of skin and of eyes and mouth; and
        ``error_prior``: that of the prior alone.
        """
        truth, weight = self._held_out["picture"] / np.float32(255), self._held_out["weight"][..., 0]
        labels = np.where(self._held_out["mask"][..., 0] > 127, np.where(weight > 2 * UNIT_WEIGHT, 2, 1), 0)
        output = self._run(networks["start"]).permute(0, 2, 3, 1).numpy()
        errors = region_ssim_errors(output, truth, labels.astype(np.uint8), ("skin", "features"))
        prior = self._held_out["prior"][..., :3] / np.float32(255)
        return errors | {"error_prior": region_ssim_errors(prior, truth, labels.astype(np.uint8), ())["error"]}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of input, prior, made, truth of people held out."""
        output = to_uint8(self._run(networks["start"]))
        columns = [self._held_out["input"], self._held_out["prior"][..., :3], output, self._held_out["picture"]]
        rows = np.linspace(0, HELD_OUT_SAMPLES - 1, PREVIEW_ROWS).astype(int)
        return np.concatenate([np.concatenate(list(column[rows]), axis=0) for column in columns], axis=1)

    def _run(self, network: nn.Module) -> Tensor:
        """(N, 3, S, S) float32 on the CPU: the held-out samples' pictures."""
        device = next(network.parameters()).device
        inputs, priors = (torch.from_numpy(self._held_out[name]).to(device) for name in ("input", "prior"))
        with torch.inference_mode():
            picture: Tensor = network(to_float(inputs), to_float(priors)).picture
        return picture.float().cpu()
