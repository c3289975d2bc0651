"""The training task of the occlusion network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.arrays import Image
from effigie.occlusion.dataset import OcclusionExample, OcclusionSampler
from effigie.occlusion.network import OcclusionNet
from effigie.training.data.collate import collate
from effigie.training.data.sample_cache import SampleCache
from effigie.training.data.sample_key import SampleKey
from effigie.training.distributed import weighted_mean

CACHE_SIZE = 4000  # examples kept, 130 KB each
PREVIEW_COUNT = 12
BATCH_ARRAYS = ("picture", "drawing", "visible", "weight")  # of every example
COVERED_WEIGHT = 1.6  # how much more a covered pixel counts: they are fewer
EDGE_WEIGHT = 2.0  # and one whose neighbours are otherwise, on top


class OcclusionTask:
    """Trains the network on painted faces.

    Args:
        network: to be trained.
        sampler: of faces to learn from.
        batch: examples a step.
        held_out: examples of faces not trained on.
        fresh: examples made anew a step; the rest are used again.
    """

    def __init__(
        self,
        network: OcclusionNet,
        sampler: OcclusionSampler,
        batch: int,
        held_out: Sequence[OcclusionExample],
        fresh: int = 8,
    ) -> None:
        self._network = network
        self.examples = self.parts = batch
        self._pool = SampleCache(sampler.sample, batch, CACHE_SIZE, min(fresh, batch))
        self._held_out = collate(held_out, BATCH_ARRAYS)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"occlusion": self._network}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self._network.parameters())}]

    def batch(self, sample_keys: Sequence[SampleKey]) -> dict[str, np.ndarray]:
        """uint8 pictures, channels last."""
        return collate([self._pool.draw(key.number, key, key.random()) for key in sample_keys], BATCH_ARRAYS)

    def losses(self, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Cross entropy with the visible share of every pixel that is known."""
        logits = self._network(network_inputs(batch))
        return {"entropy": weighted_cross_entropy(logits, batch["visible"], batch["weight"])}

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """On held-out faces: 1 - IoU of what is seen and of what is covered, their mean, and false holes."""
        batch = {name: torch.from_numpy(array) for name, array in self._held_out.items()}
        predicted = predict_visible(networks["occlusion"], batch)
        is_certain = batch["weight"][..., 0] > 0
        truth = batch["visible"][..., 0] > 127
        visible_iou = compute_iou(predicted & is_certain, truth & is_certain)
        covered_iou = compute_iou(~predicted & is_certain, ~truth & is_certain)
        holes = float((~predicted & truth & is_certain).sum() / (truth & is_certain).sum())
        return {
            "error": 1 - (visible_iou + covered_iou) / 2,
            "seen": 1 - visible_iou,
            "covered": 1 - covered_iou,
            "holes": holes,
        }

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of pictures, labels and predictions."""
        batch = {name: torch.from_numpy(array[:PREVIEW_COUNT]) for name, array in self._held_out.items()}
        with torch.inference_mode():
            device = next(networks["occlusion"].parameters()).device
            logits = networks["occlusion"](network_inputs(batch).to(device))
            share = torch.sigmoid(logits.float()).cpu().numpy()
        pictures = self._held_out["picture"][:PREVIEW_COUNT]
        truth = self._held_out["visible"][:PREVIEW_COUNT]
        columns = [
            [picture, draw_overlay(picture, label[..., 0] / 255), draw_overlay(picture, predicted[0])]
            for picture, label, predicted in zip(pictures, truth, share, strict=True)
        ]
        return np.hstack([np.vstack(column) for column in columns])


def draw_overlay(picture: Image, visible: np.ndarray) -> np.ndarray:
    """(S, S, 3) uint8: the picture, red where it is covered."""
    red = np.array([255, 0, 0], np.float32)
    share = 0.6 * (1 - visible)[..., None]
    return np.asarray(picture * (1 - share) + red * share, np.uint8)


def network_inputs(batch: Mapping[str, Tensor]) -> Tensor:
    """The network's inputs, (B, 5, S, S) in 0..1, channels last in memory."""
    joined = torch.cat([batch["picture"], batch["drawing"]], dim=3)
    return joined.permute(0, 3, 1, 2).float() / 255


def weighted_cross_entropy(logits: Tensor, visible: Tensor, weight: Tensor) -> Tensor:
    """Mean cross entropy over the known pixels; covered ones and edges count more.

    Args:
        logits: (B, 1, S, S).
        visible, weight: (B, S, S, 1) uint8.
    """
    truth = visible.permute(0, 3, 1, 2).float() / 255
    certainty = weight.permute(0, 3, 1, 2).float() / 255
    low = -nn.functional.max_pool2d(-truth, 5, 1, 2)
    edge = nn.functional.max_pool2d(truth, 5, 1, 2) - low
    pixel_weight = certainty * (1 + (COVERED_WEIGHT - 1) * (1 - truth) + EDGE_WEIGHT * edge)
    entropy = nn.functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    return weighted_mean(entropy, pixel_weight, 1)


def predict_visible(network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """(N, S, S) bool: where the network predicts that the face is visible; 32 pictures at a time."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        parts = [network(part.to(device))[:, 0].float().cpu() > 0 for part in torch.split(network_inputs(batch), 32)]
    return torch.cat(parts)


def compute_iou(first: Tensor, second: Tensor) -> float:
    """Intersection over union; 1 where both are empty."""
    union = float((first | second).sum())
    return float((first & second).sum()) / union if union else 1.0
